// Segments and processes: found, opened, followed to their death, removed.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "daemon/drain/drainer.h"
#include "shm/base/test_point.h"
#include "shm/clock.h"

namespace smiley::daemon {
namespace {

// The run id in a header, when it can be one.
std::string RunIdOf(const shm::SegmentHeader& header) {
  char raw[sizeof header.run];
  std::memcpy(raw, header.run, sizeof raw);
  const std::string id(raw, strnlen(raw, sizeof raw));
  const bool good = !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
  return good ? id : std::string();
}

}  // namespace

void Drainer::Look(bool force) {
  std::vector<shm::Segment::Found> found = watcher_->New(force || !busy_.empty());
  SMILEY_TEST_POINT("drain.listed");
  if (force) ++looks_;
  busy_.clear();
  // Catalogues first, in order: a process is known by its first one.
  const auto order = [](const shm::Segment::Found& segment) {
    const auto parts = shm::Segment::ParseName(segment.name);
    return parts ? std::pair(parts->kind == shm::SegmentKind::kCatalogue ? 0 : 1, parts->index) : std::pair(2, 0u);
  };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  for (const auto& segment : found) Attach(segment);

  // Numbers in order of start.
  std::vector<ProcessState*> fresh;
  for (auto& [token, process] : processes_) {
    if (process->known) continue;
    const auto first = process->catalogues.find(0);
    shm::CatalogueReader::Record record;
    if (first != process->catalogues.end()) {
      const auto step = first->second->reader->Next(&record);
      if (step == shm::CatalogueReader::Step::kEmpty && !process->dead) continue;
      if (step == shm::CatalogueReader::Step::kRecord && record.type == shm::RecordType::kProcess) {
        TakeProcessRecord(process.get(), record.payload);
        process->record = std::move(record.payload);
      }
    } else if (!process->dead) {
      continue;
    }
    fresh.push_back(process.get());
  }
  std::sort(fresh.begin(), fresh.end(), [](const ProcessState* a, const ProcessState* b) {
    return std::pair(a->started_mono_ns, a->token) < std::pair(b->started_mono_ns, b->token);
  });
  for (ProcessState* process : fresh) Number(process);
}

void Drainer::Attach(const shm::Segment::Found& found) {
  auto opened = shm::Segment::Open(home_, found);
  if (!opened.ok() && opened.status().code() == Code::kBusy) {
    // Its owner is making it at this moment, or was killed just then.
    SMILEY_TEST_POINT("drain.unfinished");
    const auto parts = shm::Segment::ParseName(found.name);
    if (parts && shm::StartTimeOf(static_cast<pid_t>(parts->pid))) {
      watcher_->Forget(found.name);
      busy_.push_back(found);
      return;
    }
    // Between the look and the question it may have finished it, filled it, and ended.
    opened = shm::Segment::Open(home_, found);
  }
  if (!opened.ok()) {
    const Status& status = opened.status();
    if (status.code() == Code::kNotFound) return;
    if (status.code() == Code::kBusy) {
      if (shm::Segment::Remove(home_, found).ok()) Log("removed the unfinished segment " + found.name);
      return;
    }
    if (refused_.insert(found.name).second) Log("left alone: " + status.message());
    return;
  }
  std::shared_ptr<shm::Segment> segment = std::move(*opened);
  ProcessState* const process = ProcessOf(*segment);
  if (process == nullptr) {
    if (refused_.insert(found.name).second) Log("left alone: segment " + found.name + " names no valid run");
    return;
  }
  const std::optional<std::uint64_t> cursor = store_.CursorOf(found.name);
  if (segment->header().kind == shm::SegmentKind::kCatalogue) {
    auto catalogue = std::make_unique<CatalogueState>();
    catalogue->found = found;
    catalogue->index = segment->header().index;
    catalogue->queued = cursor.value_or(0);
    catalogue->reader = std::make_unique<shm::CatalogueReader>(std::move(segment), catalogue->queued);
    process->catalogues.try_emplace(catalogue->index, std::move(catalogue));
    SMILEY_TEST_POINT("drain.attached");
    return;
  }
  nap_ = std::min(nap_, kFirstNap);
  auto ring = std::make_unique<RingState>();
  ring->found = found;
  ring->reader = std::make_unique<shm::RingReader>(std::move(segment), cursor.value_or(0));
  ring->scanner = PieceScanner(process->wall_minus_mono_ns);
  if (cursor) {
    ring->rewalk = *cursor;
    ring->reader->Free(*cursor);  // the daemon before stored it and may have died before it could say so
  }
  ring->drained = ring->queued = cursor.value_or(0);
  process->rings.push_back(std::move(ring));
  SMILEY_TEST_POINT("drain.attached");
}

ProcessState* Drainer::ProcessOf(const shm::Segment& segment) {
  const shm::SegmentHeader& header = segment.header();
  const std::uint64_t token = header.process_token;
  const std::string id = RunIdOf(header);
  if (id.empty()) return nullptr;
  if (const auto known = processes_.find(token); known != processes_.end()) {
    return known->second->run->id == id ? known->second.get() : nullptr;
  }
  auto process = std::make_unique<ProcessState>();
  process->token = token;
  process->identity = segment.OwnerIdentity();
  process->wall_minus_mono_ns = header.wall_minus_mono_ns;
  process->run = RunOf(id);
  process->run->wall_minus_mono_ns = header.wall_minus_mono_ns;
  process->run->processes.push_back(process.get());
  WatchProcess(process.get());
  Resume(process.get());
  return processes_.emplace(token, std::move(process)).first->second.get();
}

void Drainer::WatchProcess(ProcessState* process) {
  process->dead = !shm::IsAlive(process->identity);
  if (process->dead) return;
  process->seen_alive = true;
  process->pidfd = OpenProcess(process->identity);
  if (process->pidfd < 0) process->dead = !shm::IsAlive(process->identity);  // else it is asked for from time to time
}

int Drainer::OpenProcess(const shm::ProcessIdentity& identity) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(identity.pid), 0));
  if (fd < 0) return -1;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(fd);
  // Between the look and the open the number may have passed to another process.
  if (!shm::IsAlive(identity) || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// What the store knows of a process that a daemon before us followed.
void Drainer::Resume(ProcessState* process) {
  RunProgress* const run = process->run;
  const auto number = run->numbers.find(process->token);
  if (number == run->numbers.end()) return;
  process->known = true;
  process->info = run->restored_processes[number->second];
  if (const auto records = store_.archive().Catalogue(run->id, number->second); records.ok()) {
    for (const CatalogueEntry& entry : *records) {
      if (entry.type == shm::RecordType::kProcess) {
        ProcessState read;  // the rest is known better
        TakeProcessRecord(&read, entry.payload);
        process->hold = read.hold;
        continue;
      }
      process->names->Add(entry.type, entry.id, entry.payload);
      if (entry.type == shm::RecordType::kTask) process->tasks[entry.id] = process->names->FindTask(entry.id);
    }
  }
  for (const ThreadInfo& info : run->restored[number->second]) {
    auto thread = std::make_unique<ThreadState>();
    thread->info = info;
    thread->next_seq = info.events + info.lost + 1;
    process->threads.emplace(info.local, std::move(thread));
  }
  archive_.DrainProcess(run->id, process->info, process->names);
}

void Drainer::Number(ProcessState* process) {
  RunProgress* const run = process->run;
  ProcessInfo& info = process->info;
  process->known = true;
  info.process = run->next_process++;
  info.pid = process->identity.pid;
  info.token = process->token;
  run->numbers[process->token] = info.process;
  if (const auto parent = run->numbers.find(process->parent_token);
      process->parent_token != 0 && parent != run->numbers.end()) {
    info.parent = parent->second;
  }
  if (info.process == 1) {
    run->first = process->identity;
    archive_.ChangeRun(run->id, [&](RunInfo& change) {
      if (!run->begun) {
        change.command = info.command;
        change.cwd = process->cwd;
        change.name = process->run_name;
        if (info.start_ns != 0) change.start_ns = info.start_ns;
      }
      change.python = info.python;
      if (!process->detail.empty()) change.detail = process->detail;
    });
  }
  // The same process under a new program: what it was before is over.
  for (ProcessState* other : run->processes) {
    if (other != process && other->identity == process->identity && other->known && info.kind == "exec")
      other->dead = true;
  }
  archive_.DrainProcess(run->id, info, process->names);
  if (auto whole = archive_.ChangeRun(run->id, nullptr)) batch_.runs.push_back(std::move(*whole));
  batch_.processes.emplace_back(run->id, info);
  batch_.catalogue.push_back({run->id, info.process, shm::RecordType::kProcess, 0, process->record});
  SMILEY_TEST_POINT("drain.numbered");
}

void Drainer::CheckDeaths() {
  for (auto& [token, process] : processes_) {
    if (process->dead) continue;
    if (process->pidfd >= 0) {
      pollfd at{process->pidfd, POLLIN, 0};
      if (poll(&at, 1, 0) > 0) process->dead = true;
    } else if (!shm::IsAlive(process->identity)) {
      process->dead = true;
    }
    if (process->dead && process->pidfd >= 0) {
      close(process->pidfd);  // leaves the epoll with it
      process->pidfd = -1;
    }
  }
}

// A dead process: the rest of its words, what it counted as lost, its end. True when the last batch is on its way.
bool Drainer::FinishProcess(ProcessState* process) {
  if (!process->known) return false;
  DrainCatalogue(process);
  for (auto& ring : process->rings) {
    if (!DrainRing(process, ring.get(), SIZE_MAX)) return false;
  }
  std::uint64_t threads = 0, events = 0;
  for (auto& ring : process->rings) {
    TakePendingLoss(process, ring.get());
    ClosePiece(ring.get());
    QueueCursor(ring.get(), ring->drained);
  }
  for (auto& [index, catalogue] : process->catalogues) {
    const shm::SegmentHeader& header = catalogue->reader->segment().header();
    threads += header.unrecorded_threads.load(std::memory_order_relaxed);
    events += header.unrecorded_events.load(std::memory_order_relaxed);
  }
  RunProgress* const run = process->run;
  if (threads > 0) {
    AddNote(run->id, "incomplete",
            std::to_string(threads) + " threads of process " + std::to_string(process->info.pid) +
                " ran unrecorded for want of memory (" + std::to_string(events) + " events)");
  }
  for (auto& [local, thread] : process->threads) {
    if (thread->info.ended) continue;
    thread->info.ended = true;
    archive_.DrainThread(run->id, thread->info);
    batch_.threads.emplace_back(run->id, thread->info);
  }
  const std::int64_t now = static_cast<std::int64_t>(shm::MonotonicNs()) + process->wall_minus_mono_ns;
  process->info.end_ns =
      process->seen_alive ? std::max(now, run->last_ns) : std::max(run->last_ns, process->info.start_ns);
  run->ended_ns = std::max(run->ended_ns, process->info.end_ns);
  archive_.DrainProcess(run->id, process->info, process->names);
  batch_.processes.emplace_back(run->id, process->info);
  process->last_batch = PushBatch();
  process->finished = true;
  SMILEY_TEST_POINT("drain.finished");
  return true;
}

// Rings that their living owner is done with for good (it made larger ones, or could not write a loss any more).
void Drainer::RemoveClosedRings(ProcessState* process) {
  std::erase_if(process->rings, [&](std::unique_ptr<RingState>& ring) {
    if (ring->reader->segment().header().state.load(std::memory_order_acquire) != shm::SegmentState::kClosed)
      return false;
    if (ring->rewalk || ring->in_hand || ring->reader->Backlog() > 0) return false;
    TakePendingLoss(process, ring.get());
    ClosePiece(ring.get());
    QueueCursor(ring.get(), ring->drained);
    if (ring->closed_batch == 0) ring->closed_batch = PushBatch();
    if (ring->closed_batch > pipeline_->stored() || !ring->frees.empty()) return false;
    for (auto& [local, thread] : process->threads) {
      if (thread->ring == ring.get()) thread->ring = nullptr;
    }
    ring->StandAt(nullptr);
    const Status status = shm::Segment::Remove(home_, ring->found);
    if (!status.ok()) Log("cannot remove a segment: " + status.message());
    SMILEY_TEST_POINT("segment.removed");
    batch_.forget_cursors.push_back(ring->found.name);
    return true;
  });
}

// REQUIRES that all of it is stored.
void Drainer::RemoveProcess(ProcessState* process) {
  const auto remove = [this](const shm::Segment::Found& found) {
    const Status status = shm::Segment::Remove(home_, found);
    if (!status.ok()) Log("cannot remove a segment: " + status.message());
    SMILEY_TEST_POINT("segment.removed");
    batch_.forget_cursors.push_back(found.name);
  };
  for (auto& ring : process->rings) {
    remove(ring->found);
    std::erase_if(batch_frees_, [&](const auto& item) { return item.first == ring.get(); });
  }
  for (auto& [index, catalogue] : process->catalogues) remove(catalogue->found);
  if (process->pidfd >= 0) close(process->pidfd);
  RunProgress* const run = process->run;
  archive_.ProcessStored(run->id, process->info.process);
  std::erase(run->processes, process);
  run->looked_after = looks_;
  look_now_ = true;  // its children may have begun meanwhile
  processes_.erase(process->token);
}

}  // namespace smiley::daemon
