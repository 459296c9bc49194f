// Runs from begin to end, batches on their way, who waits for what.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "daemon/drain/drainer.h"
#include "shm/base/test_point.h"
#include "shm/clock.h"

namespace smiley::daemon {
namespace {

std::int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::uint64_t Drainer::PushBatch() {
  if (batch_.pieces.empty() && batch_.catalogue.empty() && batch_.cursors.empty() && batch_.forget_cursors.empty() &&
      batch_.runs.empty() && batch_.processes.empty() && batch_.threads.empty() && batch_.sources.empty() &&
      batch_.tasks.empty()) {
    return pushed_;
  }
  archive_.DrainRecords(batch_);
  pushed_ = pipeline_->Push(std::exchange(batch_, {}));
  batch_bytes_ = 0;
  for (const auto& [ring, position] : std::exchange(batch_frees_, {})) ring->frees.emplace_back(pushed_, position);
  return pushed_;
}

// What the storing thread has finished: blocks go back to their producers, dead processes' segments away.
void Drainer::Progress() {
  const std::uint64_t handled = pipeline_->handled(), stored = pipeline_->stored();
  std::vector<ProcessState*> gone;
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
    LetGoOfThreads(process.get(), stored);
  }
  for (ProcessState* process : gone) RemoveProcess(process);
  std::vector<RunProgress*> ended;
  for (auto& [id, run] : runs_) {
    if (run->end_batch != 0 && run->end_batch <= stored) ended.push_back(run.get());
  }
  std::erase_if(spooled_, [stored](const auto& item) {
    if (item.first > stored) return false;
    std::error_code error;
    for (const auto& path : item.second) std::filesystem::remove(path, error);
    SMILEY_TEST_POINT("drain.spool_removed");
    return true;
  });
  for (RunProgress* run : ended) {
    run->end_batch = 0;
    std::error_code error;
    std::filesystem::remove(NotesPath(run->id), error);
    if (!run->processes.empty()) {  // a late child came meanwhile: the run goes on
      if (auto info = archive_.ChangeRun(run->id, [](RunInfo& change) {
            change.state = RunState::kRunning;
            change.end_ns = 0;
          })) {
        batch_.runs.push_back(std::move(*info));
      }
      continue;
    }
    if (run->launcher_fd >= 0) close(run->launcher_fd);
    archive_.DrainEnd(run->id);
    if (const auto info = store_.archive().FindRun(run->id); info.ok()) {
      feed_.PublishRun(LiveFeed::Entry::What::kRunEnded, std::make_shared<const RunInfo>(*info));
    }
    runs_.erase(run->id);
  }
}

// Programs go through threads without end: those whose last piece is stored, and that no ring stands at, are
// forgotten.
void Drainer::LetGoOfThreads(ProcessState* process, std::uint64_t stored) {
  if (process->ended_threads.empty() || process->let_go_at == stored) return;
  process->let_go_at = stored;  // until more is stored, nothing changes
  // A ring that has to be walked again may turn out to stand at one of them.
  if (std::any_of(process->rings.begin(), process->rings.end(),
                  [](const auto& ring) { return ring->rewalk.has_value(); }))
    return;
  std::erase_if(process->ended_threads, [&](std::pair<std::uint64_t, std::uint32_t>& ended) {
    const auto thread = process->threads.find(ended.second);
    if (thread == process->threads.end()) return true;
    const RingState* const ring = thread->second->ring;
    if (ended.first == 0) {
      if (ring != nullptr && ring->thread == thread->second.get() && ring->open != nullptr) return false;
      ended.first = pushed_ + 1;  // with what is not pushed yet; it may be in an earlier one
    }
    if (thread->second->stands > 0 || ended.first > stored) return false;
    archive_.ThreadStored(process->run->id, thread->second->info.thread);
    process->threads.erase(thread);
    return true;
  });
}

RunProgress* Drainer::RunOf(const std::string& id) {
  auto& run = runs_[id];
  if (run) return run.get();
  run = std::make_unique<RunProgress>();
  run->id = id;
  Restore(run.get());
  return run.get();
}

// A run that is new to this daemon: from the store when an earlier one followed it.
void Drainer::Restore(RunProgress* run) {
  run->looked_after = looks_;
  RunInfo info;
  const auto stored = store_.archive().FindRun(run->id);
  if (stored.ok()) {
    info = *stored;
  } else {
    info.id = run->id;
    info.start_ns = WallNow();
  }
  info.complete = true;  // as far as is known: see flawed
  info.state = RunState::kRunning;
  info.end_ns = 0;
  const bool fresh = archive_.DrainBegin(info);  // false: Begin has just made it
  if (stored.ok()) {
    if (const auto processes = store_.archive().Processes(run->id); processes.ok()) {
      for (const ProcessInfo& process : *processes) {
        run->next_process = std::max(run->next_process, process.process + 1);
        run->restored_processes[process.process] = process;
        if (process.token != 0) run->numbers[process.token] = process.process;
        archive_.DrainProcess(run->id, process, nullptr);
      }
    }
    if (const auto threads = store_.archive().Threads(run->id); threads.ok()) {
      for (const ThreadInfo& thread : *threads) {
        run->next_thread = std::max(run->next_thread, thread.thread + 1);
        run->restored[thread.process].push_back(thread);
        run->last_ns = std::max(run->last_ns, thread.last_ns);
        archive_.DrainThread(run->id, thread);
      }
    }
    if (const auto tasks = store_.archive().Tasks(run->id); tasks.ok()) {
      for (const TaskInfo& task : *tasks) run->next_task = std::max(run->next_task, task.task + 1);
    }
    if (const auto sources = store_.archive().Sources(run->id); sources.ok()) {
      for (const SourceInfo& source : *sources) {
        run->next_source = std::max(run->next_source, source.source + 1);
        run->sources[{source.file, source.sha256}] = source.source;
      }
    }
  }
  if (auto whole = archive_.ChangeRun(run->id, nullptr)) batch_.runs.push_back(std::move(*whole));
  if (fresh || !stored.ok()) {
    if (auto shown = archive_.FindRun(run->id); shown.ok()) {
      feed_.PublishRun(LiveFeed::Entry::What::kRunBegan, std::make_shared<const RunInfo>(*shown));
    }
  }
}

void Drainer::CheckRuns() {
  for (auto& [id, run] : runs_) {
    if (run->end_batch != 0 || !run->processes.empty()) continue;
    const bool launcher_gone = run->launcher && !shm::IsAlive(*run->launcher);
    if (run->begun && !run->finish_told && !launcher_gone) continue;
    if (looks_ <= run->looked_after) {
      look_now_ = true;
      continue;
    }
    EndRun(run.get());
  }
}

// What the preload library noted about programs of the run that cannot be recorded: a line each, in the spool folder.
// The file goes when the notes are stored.
void Drainer::ReadNotes(const std::string& run) {
  constexpr int kMostNotes = 100;
  std::ifstream in(NotesPath(run));
  std::string line;
  for (int notes = 0; notes < kMostNotes && std::getline(in, line); ++notes) {
    if (!line.empty()) AddNote(run, "unrecordable", "not recorded: " + line);
  }
}

std::filesystem::path Drainer::NotesPath(const std::string& run) const { return home_.SpoolDir() / (run + ".notes"); }

void Drainer::EndRun(RunProgress* run) {
  ReadNotes(run->id);
  std::int64_t end_ns = std::max(run->ended_ns, run->last_ns);
  if (end_ns == 0) end_ns = WallNow();
  auto info = archive_.ChangeRun(run->id, [&](RunInfo& change) {
    change.state = RunState::kEnded;
    change.end_ns = std::max(end_ns, change.start_ns);
  });
  if (info) batch_.runs.push_back(std::move(*info));
  run->end_batch = PushBatch();
  SMILEY_TEST_POINT("drain.run_ended");
}

void Drainer::CheckWaiters() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::pair<std::function<void(Drained)>, Drained>> done;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    Drained answer;
    const auto found = runs_.find(waiter.run);
    if (found == runs_.end()) {
      const auto info = store_.archive().FindRun(waiter.run);
      answer.drained = info.ok();
      if (info.ok()) answer.run = *info;
    } else {
      const RunProgress& run = *found->second;
      bool first_gone = looks_ > waiter.looked;
      if (!first_gone) look_now_ = true;
      for (const ProcessState* process : run.processes) {
        if (!process->dead) answer.alive.push_back(process->identity.pid);
        if (!process->known || (run.first && process->identity == *run.first)) first_gone = false;
      }
      if (run.next_process == 1 && run.begun && !run.finish_told) first_gone = false;
      // With nothing of it left the run ends, and its end is worth waiting for.
      if (run.processes.empty() && (run.finish_told || !run.begun)) first_gone = false;
      answer.drained = first_gone;
      if (!answer.drained && now < waiter.deadline) return false;
      if (auto info = archive_.FindRun(waiter.run); info.ok()) answer.run = *info;
    }
    done.emplace_back(std::move(waiter.done), std::move(answer));
    return true;
  });
  for (auto& [call, answer] : done) call(std::move(answer));
}

// Ends of runs that smiley-run could tell nobody. The files go when what they say is stored.
void Drainer::ReadSpool() {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(home_.SpoolDir(), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".json") files.push_back(at->path());
    // Stored by the daemon before, which ended just then.
    if (at->path().extension() == ".notes") {
      const auto run = store_.archive().FindRun(at->path().stem().string());
      if (run.ok() && run->state == RunState::kEnded && !runs_.contains(run->id)) files.push_back(at->path());
    }
  }
  for (const auto& path : files) {
    if (path.extension() != ".json") continue;
    std::ifstream in(path);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("run") || !json["run"].is_string()) {
      Log("threw away " + path.string() + ": not the end of a run");
      continue;
    }
    const std::string id = json["run"].get<std::string>();
    const auto number = [&json](const char* key) -> std::optional<std::int64_t> {
      const auto found = json.find(key);
      if (found == json.end() || !found->is_number_integer()) return std::nullopt;
      return found->get<std::int64_t>();
    };
    if (!archive_.FindRun(id).ok()) {
      BeginRun begin;
      begin.run = id;
      if (json.contains("command") && json["command"].is_array()) {
        for (const auto& word : json["command"]) {
          if (word.is_string()) begin.command.push_back(word.get<std::string>());
        }
      }
      if (json.contains("cwd") && json["cwd"].is_string()) begin.cwd = json["cwd"].get<std::string>();
      if (json.contains("name") && json["name"].is_string()) begin.name = json["name"].get<std::string>();
      begin.start_ns = number("start_ns").value_or(number("end_ns").value_or(0));
      if (!Begin(begin).ok()) continue;
    }
    std::optional<int> exit_code, signal;
    if (const auto code = number("exit_code"))
      exit_code = static_cast<int>(*code);
    else if (const auto killed = number("signal"))
      signal = static_cast<int>(*killed);
    if (const Status status = Finish(id, exit_code, signal); !status.ok())
      Log("end of run " + id + ": " + status.message());
  }
  SMILEY_TEST_POINT("drain.spool_read");
  if (!files.empty()) Post([this, files = std::move(files)] { spooled_.emplace_back(PushBatch(), files); });
}

void Drainer::UpdateRates() {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - rates_at_).count();
  if (seconds < 1) return;
  rates_at_ = now;
  for (auto& [id, run] : runs_) {
    run->events_per_second =
        static_cast<double>(run->events - std::exchange(run->rate_events, run->events)) / seconds;
    run->bytes_per_second =
        static_cast<double>((run->words - std::exchange(run->rate_words, run->words)) * shm::kWordBytes) / seconds;
  }
}

DaemonStatus Drainer::MakeStatus() {
  DaemonStatus status;
  double fullest = 0;
  for (auto& [id, run] : runs_) {
    RunStatus shown;
    if (auto info = archive_.FindRun(id); info.ok()) shown.run = *info;
    shown.events_per_second = run->events_per_second;
    shown.bytes_per_second = run->bytes_per_second;
    for (const ProcessState* process : run->processes) shown.live_processes += process->dead ? 0 : 1;
    status.lost += shown.run.lost;
    status.runs.push_back(std::move(shown));
  }
  for (auto& [token, process] : processes_) {
    for (auto& ring : process->rings) {
      const shm::Segment& segment = ring->reader->segment();
      const shm::SegmentHeader& header = segment.header();
      RingStatus shown;
      shown.run = process->run->id;
      shown.process = process->info.process;
      shown.pid = process->identity.pid;
      const auto thread = process->threads.find(header.thread.load(std::memory_order_relaxed));
      if (thread != process->threads.end()) shown.thread = thread->second->info.thread;
      shown.bytes = segment.data_bytes();
      const std::uint64_t written = header.write_pos.load(std::memory_order_relaxed);
      const std::uint64_t freed = header.read_pos.load(std::memory_order_relaxed);
      if (written > freed) {
        shown.fill = std::min(1.0, static_cast<double>((written - freed) * shm::kWordBytes) /
                                       static_cast<double>(segment.data_bytes()));
      }
      shown.dropping = header.dropping.load(std::memory_order_relaxed) != 0;
      shown.in_file = segment.found().in_file;
      shown.on_full = header.on_full == shm::OnFull::kBlock  ? "block"
                      : header.on_full == shm::OnFull::kDrop ? "drop"
                                                             : "overwrite";
      fullest = std::max(fullest, shown.fill);
      status.rings.push_back(std::move(shown));
    }
  }
  status.in_flight_bytes = pipeline_->in_flight();
  status.problem = store_.Problem();
  if (!status.problem.empty())
    status.bottleneck = "disk";
  else if (status.in_flight_bytes > pipeline_->budget() / 2)
    status.bottleneck = "store";
  else if (fullest > 0.5)
    status.bottleneck = "drain";
  else
    status.bottleneck = "none";
  return status;
}

}  // namespace smiley::daemon
