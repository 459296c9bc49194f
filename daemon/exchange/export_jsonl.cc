// The JSON Lines export, which is a contract: daemon/exchange/EXPORT.md.
#include <algorithm>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/events/event_json.h"
#include "daemon/events/run_reader.h"
#include "daemon/exchange/export.h"

namespace smiley::daemon {
namespace {

class JsonlExport : public Producer {
 public:
  JsonlExport(Archive& archive, std::string id) : archive_(archive), id_(std::move(id)) {}

  Status Open() {
    auto run = archive_.FindRun(id_);
    if (!run) return run.status();
    run_ = std::move(*run);
    running_ = run_.state == RunState::kRunning;
    // Later events of a running run are not part of this export.
    auto threads = archive_.Threads(id_);
    if (!threads) return threads.status();
    threads_ = std::move(*threads);
    for (const ThreadInfo& thread : threads_) last_ns_ = std::max(last_ns_, thread.last_ns);
    auto processes = archive_.Processes(id_);
    if (!processes) return processes.status();
    processes_ = std::move(*processes);
    auto tasks = archive_.Tasks(id_);
    if (!tasks) return tasks.status();
    tasks_ = std::move(*tasks);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    switch (stage_) {
      case Stage::kHead:
        AppendHead(out);
        stage_ = Stage::kSources;
        return Next::kMore;
      case Stage::kSources:
        return StepSources(out);
      case Stage::kEvents:
        return StepEvents(out);
    }
    return Next::kDone;
  }

 private:
  enum class Stage { kHead, kSources, kEvents };

  void AppendHead(std::string* out) {
    AppendRunLine(out, run_);
    *out += '\n';
    for (const ProcessInfo& process : processes_) {
      AppendProcessLine(out, process);
      *out += '\n';
    }
    for (const ThreadInfo& thread : threads_) {
      AppendThreadLine(out, thread);
      *out += '\n';
    }
    for (const TaskInfo& task : tasks_) {
      AppendTaskLine(out, task);
      *out += '\n';
    }
  }

  Result<Next> StepSources(std::string* out) {
    if (!sources_read_) {
      auto sources = archive_.Sources(id_);
      if (!sources) return sources.status();
      sources_ = std::move(*sources);
      sources_read_ = true;
    }
    StepLimit limit;
    while (at_ < sources_.size()) {
      AppendSourceLine(out, sources_[at_]);
      *out += '\n';
      sources_[at_] = SourceInfo();
      ++at_;
      if (limit.Reached(*out)) return Next::kMore;
    }
    sources_.clear();
    auto reader = RunReader::Open(archive_, id_, {});
    if (!reader) return reader.status();
    reader_ = std::move(*reader);
    stage_ = Stage::kEvents;
    return Next::kMore;
  }

  Result<Next> StepEvents(std::string* out) {
    StepLimit limit;
    while (reader_->Next(&event_)) {
      if (running_ && event_.time_ns > last_ns_) break;
      if (event_.kind == shm::Kind::kLost) {
        lost_ += event_.lost_count;
      } else {
        ++events_;
      }
      AppendEventJson(out, event_);
      *out += '\n';
      if (limit.Reached(*out)) return Next::kMore;
    }
    AppendEnd(out);
    return Next::kDone;
  }

  void AppendEnd(std::string* out) {
    RunInfo run = run_;
    if (running_) {
      run.exit_code.reset();
      run.signal.reset();
      run.end_ns = 0;
    }
    run.complete = run.complete && !running_ && lost_ == 0 && reader_->status().ok();
    AppendEndLine(out, run, events_, lost_);
    *out += '\n';
  }

  Archive& archive_;
  const std::string id_;
  RunInfo run_;
  bool running_ = false;
  std::vector<ProcessInfo> processes_;
  std::vector<ThreadInfo> threads_;
  std::vector<TaskInfo> tasks_;
  std::vector<SourceInfo> sources_;
  bool sources_read_ = false;
  std::size_t at_ = 0;
  std::int64_t last_ns_ = 0;
  Stage stage_ = Stage::kHead;
  std::unique_ptr<RunReader> reader_;
  Event event_;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace

Result<std::unique_ptr<Producer>> MakeJsonlExport(Archive& archive, const std::string& run) {
  auto producer = std::make_unique<JsonlExport>(archive, run);
  if (Status status = producer->Open(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace smiley::daemon
