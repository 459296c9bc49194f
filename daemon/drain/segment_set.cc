#include "daemon/drain/segment_set.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "daemon/drain/process_record.h"
#include "shm/base/run_id.h"
#include "shm/base/test_point.h"
#include "shm/clock.h"

namespace smiley::daemon {
namespace {

// The run id in a header, or an empty string when it cannot be one.
std::string RunIdOf(const shm::SegmentHeader& header) {
  char raw[sizeof header.run];
  std::memcpy(raw, header.run, sizeof raw);
  const std::string id(raw, strnlen(raw, sizeof raw));
  return shm::IsRunId(id) ? id : std::string();
}

// Catalogues first, in order: a process is known by its first one.
std::pair<int, std::uint32_t> AttachOrder(const shm::Segment::Found& segment) {
  const auto parts = shm::Segment::ParseName(segment.name);
  if (!parts) return {2, 0};
  return {parts->kind == shm::SegmentKind::kCatalogue ? 0 : 1, parts->index};
}

}  // namespace

SegmentSet::~SegmentSet() {
  for (auto& [token, process] : processes_) {
    if (process->pidfd >= 0) close(process->pidfd);
  }
}

void SegmentSet::Look(bool force) {
  std::vector<shm::Segment::Found> found = parts_.watcher.New(force || !unfinished_.empty());
  SMILEY_TEST_POINT("drain.listed");
  if (force) ++parts_.agenda.looks;
  unfinished_.clear();
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return AttachOrder(a) < AttachOrder(b); });
  for (const auto& segment : found) Attach(segment);

  std::vector<ProcessProgress*> fresh;
  for (auto& [token, process] : processes_) {
    if (!process->known && ReadRecord(process.get())) fresh.push_back(process.get());
  }
  std::sort(fresh.begin(), fresh.end(), [](const ProcessProgress* a, const ProcessProgress* b) {
    return std::pair(a->started_mono_ns, a->token) < std::pair(b->started_mono_ns, b->token);
  });
  for (ProcessProgress* process : fresh) parts_.runs.NumberProcess(process);
}

// Reads the process record from the first catalogue. True: the process can be numbered, with a record or, when it
// died before it wrote one, without.
bool SegmentSet::ReadRecord(ProcessProgress* process) {
  const auto first = process->catalogues.find(0);
  if (first == process->catalogues.end()) return process->dead;
  shm::CatalogueReader::Record found;
  const auto step = first->second->reader->Next(&found);
  if (step == shm::CatalogueReader::Step::kEmpty) return process->dead;
  if (step != shm::CatalogueReader::Step::kRecord || found.type != shm::RecordType::kProcess) return true;
  ProcessRecord record = ReadProcessRecord(found.payload);
  process->record = std::move(found.payload);
  process->info.command = std::move(record.command);
  process->info.python = std::move(record.python);
  process->info.kind = std::move(record.kind);
  process->info.start_ns = static_cast<std::int64_t>(record.started_mono_ns) + process->wall_minus_mono_ns;
  process->started_mono_ns = record.started_mono_ns;
  process->parent_token = record.parent_token;
  process->hold = record.hold;
  process->cwd = std::move(record.cwd);
  process->detail = std::move(record.detail);
  process->run_name = std::move(record.run_name);
  return true;
}

void SegmentSet::Attach(const shm::Segment::Found& found) {
  auto opened = shm::Segment::Open(parts_.home, found);
  if (!opened.ok() && opened.status().code() == Code::kBusy) {
    // The owner is making the segment at this moment, or was killed while it did.
    SMILEY_TEST_POINT("drain.unfinished");
    const auto name = shm::Segment::ParseName(found.name);
    if (name && shm::StartTimeOf(static_cast<pid_t>(name->pid))) {
      parts_.watcher.Forget(found.name);
      unfinished_.push_back(found);
      return;
    }
    // Between Open and the life check the owner may have finished the segment, filled it, and ended.
    opened = shm::Segment::Open(parts_.home, found);
  }
  if (!opened.ok()) {
    const Status& status = opened.status();
    if (status.code() == Code::kNotFound) return;
    if (status.code() != Code::kBusy) {
      Refuse(found, status.message());
    } else if (shm::Segment::Remove(parts_.home, found).ok()) {
      log_("removed the unfinished segment " + found.name);
    }
    return;
  }
  std::shared_ptr<shm::Segment> segment = std::move(*opened);
  ProcessProgress* const process = ProcessOf(*segment);
  if (process == nullptr) {
    Refuse(found, "segment " + found.name + " names no valid run");
  } else if (segment->header().kind == shm::SegmentKind::kCatalogue) {
    AttachCatalogue(process, found, std::move(segment));
  } else {
    AttachRing(process, found, std::move(segment));
  }
}

void SegmentSet::Refuse(const shm::Segment::Found& found, const std::string& why) {
  if (refused_.insert(found.name).second) log_("ignored: " + why);
}

void SegmentSet::AttachCatalogue(ProcessProgress* process, const shm::Segment::Found& found,
                                 std::shared_ptr<shm::Segment> segment) {
  auto catalogue = std::make_unique<CatalogueProgress>();
  catalogue->found = found;
  catalogue->index = segment->header().index;
  catalogue->queued = parts_.store.CursorOf(found.name).value_or(0);
  catalogue->reader = std::make_unique<shm::CatalogueReader>(std::move(segment), catalogue->queued);
  process->catalogues.try_emplace(catalogue->index, std::move(catalogue));
  SMILEY_TEST_POINT("drain.attached");
}

void SegmentSet::AttachRing(ProcessProgress* process, const shm::Segment::Found& found,
                            std::shared_ptr<shm::Segment> segment) {
  const std::optional<std::uint64_t> cursor = parts_.store.CursorOf(found.name);
  parts_.agenda.nap.ShortenTo(NapLength::kFirst);
  auto ring = std::make_unique<RingProgress>();
  ring->found = found;
  ring->reader = std::make_unique<shm::RingReader>(std::move(segment), cursor.value_or(0));
  ring->scanner = PieceScanner(process->wall_minus_mono_ns);
  if (cursor) {
    ring->rewalk = *cursor;
    ring->reader->Free(*cursor);  // an earlier daemon stored these words, and may have died before it freed them
  }
  ring->drained = ring->queued = cursor.value_or(0);
  process->rings.push_back(std::move(ring));
  SMILEY_TEST_POINT("drain.attached");
}

// The process that made the segment; null when its header names no valid run, or another run than its other segments.
ProcessProgress* SegmentSet::ProcessOf(const shm::Segment& segment) {
  const shm::SegmentHeader& header = segment.header();
  const std::uint64_t token = header.process_token;
  const std::string id = RunIdOf(header);
  if (id.empty()) return nullptr;
  if (const auto known = processes_.find(token); known != processes_.end()) {
    return known->second->run->id == id ? known->second.get() : nullptr;
  }
  auto process = std::make_unique<ProcessProgress>();
  process->token = token;
  process->identity = segment.OwnerIdentity();
  process->wall_minus_mono_ns = header.wall_minus_mono_ns;
  process->run = parts_.runs.Open(id);
  process->run->processes.push_back(process.get());
  Watch(process.get());
  parts_.runs.ResumeProcess(process.get());
  return processes_.emplace(token, std::move(process)).first->second.get();
}

void SegmentSet::Watch(ProcessProgress* process) {
  process->dead = !shm::IsAlive(process->identity);
  if (process->dead) return;
  process->seen_alive = true;
  process->pidfd = parts_.wakes.WatchProcess(process->identity);
  if (process->pidfd < 0)
    process->dead = !shm::IsAlive(process->identity);  // if it lives, CheckDeaths goes on asking
}

void SegmentSet::CheckDeaths() {
  for (auto& [token, process] : processes_) {
    if (process->dead) continue;
    if (process->pidfd >= 0) {
      pollfd at{process->pidfd, POLLIN, 0};
      if (poll(&at, 1, 0) > 0) process->dead = true;
    } else if (!shm::IsAlive(process->identity)) {
      process->dead = true;
    }
    if (process->dead && process->pidfd >= 0) {
      close(process->pidfd);
      process->pidfd = -1;
    }
  }
}

void SegmentSet::MarkLastLooks() {
  // A process that is found dead while a Look attaches it may have made a ring after that Look listed the segments.
  for (auto& [token, process] : processes_) process->looked_for_last = process->dead;
}

bool SegmentSet::HasUnnumbered() const {
  return std::any_of(processes_.begin(), processes_.end(), [](const auto& item) { return !item.second->known; });
}

bool SegmentSet::Finish(ProcessProgress* process) {
  if (!process->known) return false;
  parts_.catalogues.Drain(process);
  for (auto& ring : process->rings) {
    if (!parts_.rings.Drain(process, ring.get(), SIZE_MAX)) return false;
  }
  for (auto& ring : process->rings) parts_.rings.Finish(process, ring.get());
  NoteUnrecorded(process);
  for (auto& [local, thread] : process->threads) {
    if (!thread->info.ended) parts_.catalogues.EndThread(process, thread.get());
  }
  RunProgress* const run = process->run;
  const std::int64_t now = static_cast<std::int64_t>(shm::MonotonicNs()) + process->wall_minus_mono_ns;
  process->info.end_ns =
      process->seen_alive ? std::max(now, run->last_ns) : std::max(run->last_ns, process->info.start_ns);
  run->ended_ns = std::max(run->ended_ns, process->info.end_ns);
  parts_.archive.DrainProcess(run->id, process->info, process->names);
  parts_.outbox.AddProcess(run->id, process->info);
  process->last_batch = parts_.outbox.Push();
  process->finished = true;
  SMILEY_TEST_POINT("drain.finished");
  return true;
}

// Notes the threads that the process counted and could not record.
void SegmentSet::NoteUnrecorded(ProcessProgress* process) {
  std::uint64_t threads = 0, events = 0;
  for (auto& [index, catalogue] : process->catalogues) {
    const shm::SegmentHeader& header = catalogue->reader->segment().header();
    threads += header.unrecorded_threads.load(std::memory_order_relaxed);
    events += header.unrecorded_events.load(std::memory_order_relaxed);
  }
  if (threads == 0) return;
  parts_.runs.AddNote(process->run->id, "incomplete",
                      std::to_string(threads) + " threads of process " + std::to_string(process->info.pid) +
                          " were not recorded, because memory ran out (" + std::to_string(events) + " events)");
}

void SegmentSet::RemoveClosedRings(ProcessProgress* process, std::uint64_t stored) {
  std::erase_if(process->rings, [&](std::unique_ptr<RingProgress>& ring) {
    if (ring->reader->segment().header().state.load(std::memory_order_acquire) != shm::SegmentState::kClosed)
      return false;
    if (ring->rewalk || ring->in_hand || ring->reader->Backlog() > 0) return false;
    parts_.rings.Finish(process, ring.get());
    if (ring->closed_batch == 0) ring->closed_batch = parts_.outbox.Push();
    if (ring->closed_batch > stored || !ring->frees.empty()) return false;
    for (auto& [local, thread] : process->threads) {
      if (thread->ring == ring.get()) thread->ring = nullptr;
    }
    ring->SetThread(nullptr);
    RemoveSegment(ring->found);
    return true;
  });
}

void SegmentSet::GiveBack(std::uint64_t handled, std::uint64_t stored) {
  std::vector<ProcessProgress*> gone;
  for (auto& [token, process] : processes_) {
    for (auto& ring : process->rings) {
      std::uint64_t position = 0;
      while (!ring->frees.empty() && ring->frees.front().first <= handled) {
        position = ring->frees.front().second;
        ring->frees.pop_front();
      }
      if (position != 0) ring->reader->Free(position);
    }
    if (process->finished && process->last_batch <= stored) gone.push_back(process.get());
    ForgetEndedThreads(process.get(), stored);
  }
  for (ProcessProgress* process : gone) RemoveProcess(process);
}

// A program may start threads without number: forgets those whose last words are stored and that no ring refers to.
void SegmentSet::ForgetEndedThreads(ProcessProgress* process, std::uint64_t stored) {
  if (process->ended_threads.empty() || process->ended_checked_at == stored) return;
  process->ended_checked_at = stored;  // nothing changes until more is stored
  // Words that have to be scanned a second time may be of one of these threads.
  if (std::any_of(process->rings.begin(), process->rings.end(),
                  [](const auto& ring) { return ring->rewalk.has_value(); }))
    return;
  std::erase_if(process->ended_threads, [&](std::pair<std::uint64_t, std::uint32_t>& ended) {
    const auto thread = process->threads.find(ended.second);
    if (thread == process->threads.end()) return true;
    const RingProgress* const ring = thread->second->ring;
    if (ended.first == 0) {
      if (ring != nullptr && ring->thread == thread->second.get() && ring->open != nullptr) return false;
      ended.first = parts_.outbox.pushed() + 1;  // the batch that is being collected, at the latest
    }
    if (thread->second->users > 0 || ended.first > stored) return false;
    parts_.archive.ThreadStored(process->run->id, thread->second->info.thread);
    process->threads.erase(thread);
    return true;
  });
}

// REQUIRES that everything in the segments of the process is stored.
void SegmentSet::RemoveProcess(ProcessProgress* process) {
  for (auto& ring : process->rings) {
    RemoveSegment(ring->found);
    parts_.outbox.ForgetRing(ring.get());
  }
  for (auto& [index, catalogue] : process->catalogues) RemoveSegment(catalogue->found);
  if (process->pidfd >= 0) close(process->pidfd);
  RunProgress* const run = process->run;
  parts_.archive.ProcessStored(run->id, process->info.process);
  std::erase(run->processes, process);
  run->looked_before = parts_.agenda.looks;
  parts_.agenda.look_now = true;  // children of the process may have appeared meanwhile
  processes_.erase(process->token);
}

void SegmentSet::RemoveSegment(const shm::Segment::Found& found) {
  const Status status = shm::Segment::Remove(parts_.home, found);
  if (!status.ok()) log_("cannot remove a segment: " + status.message());
  SMILEY_TEST_POINT("segment.removed");
  parts_.outbox.ForgetCursor(found.name);
}

}  // namespace smiley::daemon
