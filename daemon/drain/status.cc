#include "daemon/drain/status.h"

#include <algorithm>
#include <utility>

namespace smiley::daemon {
namespace {

const char* OnFullName(shm::OnFull on_full) {
  switch (on_full) {
    case shm::OnFull::kBlock:
      return "block";
    case shm::OnFull::kDrop:
      return "drop";
    default:
      return "overwrite";
  }
}

RunStatus DescribeRun(const RunProgress& run, LiveArchive& archive) {
  RunStatus status;
  if (auto info = archive.FindRun(run.id); info.ok()) status.run = *info;
  status.events_per_second = run.events_per_second;
  status.bytes_per_second = run.bytes_per_second;
  for (const ProcessProgress* process : run.processes) status.live_processes += process->dead ? 0 : 1;
  return status;
}

RingStatus DescribeRing(const ProcessProgress& process, const RingProgress& ring) {
  const shm::Segment& segment = ring.reader->segment();
  const shm::SegmentHeader& header = segment.header();
  RingStatus status;
  status.run = process.run->id;
  status.process = process.info.process;
  status.pid = process.identity.pid;
  const auto thread = process.threads.find(header.thread.load(std::memory_order_relaxed));
  if (thread != process.threads.end()) status.thread = thread->second->info.thread;
  status.bytes = segment.data_bytes();
  const std::uint64_t written = header.write_pos.load(std::memory_order_relaxed);
  const std::uint64_t freed = header.read_pos.load(std::memory_order_relaxed);
  if (written > freed) {
    status.fill = std::min(
        1.0, static_cast<double>((written - freed) * shm::kWordBytes) / static_cast<double>(segment.data_bytes()));
  }
  status.dropping = header.dropping.load(std::memory_order_relaxed) != 0;
  status.in_file = segment.found().in_file;
  status.on_full = OnFullName(header.on_full);
  return status;
}

}  // namespace

DaemonStatus DescribeDrain(const RunBook& runs, const SegmentSet& segments, LiveArchive& archive,
                           const Pipeline& pipeline, Store& store) {
  DaemonStatus status;
  for (const auto& [id, run] : runs.runs()) {
    status.runs.push_back(DescribeRun(*run, archive));
    status.lost += status.runs.back().run.lost;
  }
  double fullest = 0;
  for (const auto& [token, process] : segments.processes()) {
    for (const auto& ring : process->rings) {
      status.rings.push_back(DescribeRing(*process, *ring));
      fullest = std::max(fullest, status.rings.back().fill);
    }
  }
  status.in_flight_bytes = pipeline.in_flight();
  status.problem = store.Problem();
  if (!status.problem.empty())
    status.bottleneck = "disk";
  else if (status.in_flight_bytes > pipeline.budget() / 2)
    status.bottleneck = "store";
  else if (fullest > 0.5)
    status.bottleneck = "drain";
  else
    status.bottleneck = "none";
  return status;
}

}  // namespace smiley::daemon
