#include "daemon/drain/run_book.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>
#include <vector>

#include "daemon/drain/process_record.h"
#include "shm/base/requires.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {

std::int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

RunBook::RunBook(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Outbox& outbox,
                 WakeSet& wakes, Agenda& agenda)
    : home_(home),
      store_(store),
      archive_(archive),
      feed_(feed),
      outbox_(outbox),
      wakes_(wakes),
      agenda_(agenda),
      rates_at_(std::chrono::steady_clock::now()) {}

RunBook::~RunBook() {
  for (auto& [id, run] : runs_) {
    if (run->launcher_fd >= 0) close(run->launcher_fd);
  }
}

void RunBook::Begin(const BeginRun& begin) {
  RunProgress* const run = Open(begin.run);
  run->begun = true;
  run->launcher = begin.launcher;
  if (run->launcher) run->launcher_fd = wakes_.WatchProcess(*run->launcher);
}

void RunBook::Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) {
  const auto change = [&](RunInfo& info) {
    info.exit_code = exit_code;
    info.signal = signal;
  };
  if (auto live = archive_.ChangeRun(run, change)) {
    outbox_.AddRun(std::move(*live));
    RunProgress* const progress = Open(run);
    progress->finish_known = true;
    progress->looked_before = agenda_.looks;
    agenda_.look_now = true;
    agenda_.check_deaths = true;
  } else if (auto stored = store_.archive().FindRun(run); stored.ok()) {
    change(*stored);
    outbox_.AddRun(std::move(*stored));
  }
}

void RunBook::Dump(const std::string& run) {
  if (const auto at = runs_.find(run); at != runs_.end()) at->second->dump = true;
  agenda_.look_now = true;
}

RunProgress* RunBook::Open(const std::string& id) {
  auto& run = runs_[id];
  if (run) return run.get();
  run = std::make_unique<RunProgress>();
  run->id = id;
  Restore(run.get());
  return run.get();
}

// A run that is new to this daemon: an earlier daemon may have followed it.
void RunBook::Restore(RunProgress* run) {
  run->looked_before = agenda_.looks;
  RunInfo info;
  const auto stored = store_.archive().FindRun(run->id);
  if (stored.ok()) {
    info = *stored;
  } else {
    info.id = run->id;
    info.start_ns = WallNow();
  }
  info.complete = true;  // until a loss or a note says otherwise
  info.state = RunState::kRunning;
  info.end_ns = 0;
  const bool fresh = archive_.DrainBegin(info);  // false: a Begin request has made it live
  if (stored.ok()) RestoreStored(run);
  outbox_.AddRun(archive_.ChangeRun(run->id, nullptr));
  if (fresh || !stored.ok()) {
    if (auto shown = archive_.FindRun(run->id); shown.ok()) {
      feed_.PublishRun(LiveFeed::Entry::What::kRunBegan, std::make_shared<const RunInfo>(*shown));
    }
  }
}

// Goes on numbering where the earlier daemon stopped.
void RunBook::RestoreStored(RunProgress* run) {
  Archive& stored = store_.archive();
  if (const auto processes = stored.Processes(run->id); processes.ok()) {
    for (const ProcessInfo& process : *processes) {
      run->next_process = std::max(run->next_process, process.process + 1);
      run->restored_processes[process.process] = process;
      if (process.token != 0) run->numbers[process.token] = process.process;
      archive_.DrainProcess(run->id, process, nullptr);
    }
  }
  if (const auto threads = stored.Threads(run->id); threads.ok()) {
    for (const ThreadInfo& thread : *threads) {
      run->next_thread = std::max(run->next_thread, thread.thread + 1);
      run->restored_threads[thread.process].push_back(thread);
      run->last_ns = std::max(run->last_ns, thread.last_ns);
      archive_.DrainThread(run->id, thread);
    }
  }
  if (const auto tasks = stored.Tasks(run->id); tasks.ok()) {
    for (const TaskInfo& task : *tasks) run->next_task = std::max(run->next_task, task.task + 1);
  }
  if (const auto sources = stored.Sources(run->id); sources.ok()) {
    for (const SourceInfo& source : *sources) {
      run->next_source = std::max(run->next_source, source.source + 1);
      run->sources[{source.file, source.sha256}] = source.source;
    }
  }
}

void RunBook::AddNote(const std::string& run, const std::string& kind, const std::string& text) {
  outbox_.AddRun(archive_.ChangeRun(run, [&](RunInfo& change) {
    if (kind == "incomplete") change.flawed = true;
    if (std::find(change.notes.begin(), change.notes.end(), text) == change.notes.end()) change.notes.push_back(text);
  }));
}

void RunBook::NumberProcess(ProcessProgress* process) {
  SMILEY_REQUIRES(!process->known);
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
  // After an exec the same process runs another program: the earlier image has ended.
  for (ProcessProgress* other : run->processes) {
    if (other != process && other->identity == process->identity && other->known && info.kind == "exec")
      other->dead = true;
  }
  archive_.DrainProcess(run->id, info, process->names);
  outbox_.AddRun(archive_.ChangeRun(run->id, nullptr));
  outbox_.AddProcess(run->id, info);
  outbox_.AddRecord({run->id, info.process, shm::RecordType::kProcess, 0, process->record});
  SMILEY_TEST_POINT("drain.numbered");
}

void RunBook::ResumeProcess(ProcessProgress* process) {
  RunProgress* const run = process->run;
  const auto number = run->numbers.find(process->token);
  if (number == run->numbers.end()) return;
  process->known = true;
  process->info = run->restored_processes[number->second];
  if (const auto records = store_.archive().Catalogue(run->id, number->second); records.ok()) {
    for (const CatalogueEntry& entry : *records) {
      if (entry.type == shm::RecordType::kProcess) {
        process->hold = ReadProcessRecord(entry.payload).hold;  // its other members are in `info`
        continue;
      }
      process->names->Add(entry.type, entry.id, entry.payload);
      if (entry.type == shm::RecordType::kTask) process->tasks[entry.id] = process->names->FindTask(entry.id);
    }
  }
  for (const ThreadInfo& info : run->restored_threads[number->second]) {
    auto thread = std::make_unique<ThreadProgress>();
    thread->info = info;
    thread->next_seq = info.events + info.lost + 1;
    process->threads.emplace(info.local, std::move(thread));
  }
  archive_.DrainProcess(run->id, process->info, process->names);
}

void RunBook::EndRuns() {
  for (auto& [id, run] : runs_) {
    if (run->end_batch != 0 || !run->processes.empty()) continue;
    const bool launcher_gone = run->launcher && !shm::IsAlive(*run->launcher);
    if (run->begun && !run->finish_known && !launcher_gone) continue;
    if (agenda_.looks <= run->looked_before) {
      agenda_.look_now = true;
      continue;
    }
    End(run.get());
  }
}

void RunBook::End(RunProgress* run) {
  ReadNotes(run->id);
  std::int64_t end_ns = std::max(run->ended_ns, run->last_ns);
  if (end_ns == 0) end_ns = WallNow();
  outbox_.AddRun(archive_.ChangeRun(run->id, [&](RunInfo& change) {
    change.state = RunState::kEnded;
    change.end_ns = std::max(end_ns, change.start_ns);
  }));
  run->end_batch = outbox_.Push();
  SMILEY_TEST_POINT("drain.run_ended");
}

// The preload library writes a line to this file for each program of the run that cannot be recorded. The file is
// removed when the notes are stored.
void RunBook::ReadNotes(const std::string& run) {
  constexpr int kMostNotes = 100;
  std::ifstream in(NotesPath(run));
  std::string line;
  for (int notes = 0; notes < kMostNotes && std::getline(in, line); ++notes) {
    if (!line.empty()) AddNote(run, "unrecordable", "not recorded: " + line);
  }
}

std::filesystem::path RunBook::NotesPath(const std::string& run) const { return home_.SpoolDir() / (run + ".notes"); }

void RunBook::RetireEnded(std::uint64_t stored) {
  std::vector<RunProgress*> ended;
  for (auto& [id, run] : runs_) {
    if (run->end_batch != 0 && run->end_batch <= stored) ended.push_back(run.get());
  }
  for (RunProgress* run : ended) {
    run->end_batch = 0;
    std::error_code error;
    std::filesystem::remove(NotesPath(run->id), error);
    if (!run->processes.empty()) {  // a child appeared after the end: the run goes on
      outbox_.AddRun(archive_.ChangeRun(run->id, [](RunInfo& change) {
        change.state = RunState::kRunning;
        change.end_ns = 0;
      }));
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

void RunBook::UpdateRates() {
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

}  // namespace smiley::daemon
