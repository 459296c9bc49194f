#include "daemon/exchange/import_sink.h"

#include <utility>

#include "daemon/run/piece_scan.h"
#include "shm/base/mutex.h"
#include "shm/base/run_id.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kBatchBytes = 4u << 20;

Status Damaged(const std::string& what) { return Status(Code::kDamaged, "the export is damaged: " + what); }

// The runs that are being imported now, over all connections.
struct Running {
  shm::Mutex mutex;
  std::set<std::pair<const Store*, std::string>> runs SMILEY_GUARDED_BY(mutex);
};
Running& RunningImports() {
  static Running* const running = new Running();
  return *running;
}

}  // namespace

ImportSink::~ImportSink() {
  if (written_ && !finished_) {
    // A run that cannot be removed now stays invisible, and is removed when the store is opened next.
    static_cast<void>(store_.DeleteRun(run_.id));
  }
  if (registered_) {
    Running& running = RunningImports();
    const shm::MutexLock lock(running.mutex);
    running.runs.erase({&store_, run_.id});
  }
}

Status ImportSink::Begin(const RunInfo& run) {
  if (!shm::IsRunId(run.id)) return Damaged("its run id is not valid");
  {
    Running& running = RunningImports();
    const shm::MutexLock lock(running.mutex);
    if (!running.runs.insert({&store_, run.id}).second) {
      return Status(Code::kBusy,
                    "run " + run.id + " is being imported by another client; try again when that is done");
    }
  }
  run_ = run;
  registered_ = true;
  run_.state = RunState::kImporting;
  batch_.runs.push_back(run_);
  return Status::Ok();
}

Status ImportSink::AddProcess(ProcessInfo process) {
  if (!processes_.insert(process.process).second) return Damaged("it has a process twice");
  batch_.processes.emplace_back(run_.id, std::move(process));
  return Status::Ok();
}

Status ImportSink::AddThread(ThreadInfo thread) {
  if (!processes_.contains(thread.process)) return Damaged("a thread of an unknown process");
  if (!threads_.emplace(thread.thread, Thread{thread.process, 1, INT64_MIN}).second) {
    return Damaged("it has a thread twice");
  }
  thread.events = thread.lost = 0;
  batch_.threads.emplace_back(run_.id, std::move(thread));
  return Status::Ok();
}

Status ImportSink::AddTask(TaskInfo task) {
  if (!processes_.contains(task.process)) return Damaged("a task of an unknown process");
  batch_.tasks.emplace_back(run_.id, std::move(task));
  return Status::Ok();
}

Status ImportSink::AddSource(SourceInfo source) {
  if (!sources_.insert(source.source).second) return Damaged("it has a source twice");
  batch_bytes_ += source.text.size();
  batch_.sources.emplace_back(run_.id, std::move(source));
  return batch_bytes_ >= kBatchBytes ? Flush(false) : Status::Ok();
}

Status ImportSink::AddCatalogue(CatalogueEntry entry) {
  if (!processes_.contains(entry.process)) return Damaged("names of an unknown process");
  if (entry.payload.size() > shm::kMaxRecordBytes) return Damaged("a name that is too long");
  entry.run = run_.id;
  batch_bytes_ += entry.payload.size() + 64;
  batch_.catalogue.push_back(std::move(entry));
  return batch_bytes_ >= kBatchBytes ? Flush(false) : Status::Ok();
}

Status ImportSink::AddPiece(Piece piece) {
  const auto it = threads_.find(piece.thread);
  if (it == threads_.end() || it->second.process != piece.process) return Damaged("events of an unknown thread");
  Thread& thread = it->second;
  if (piece.words.size() > shm::kBlockWords) return Damaged("a chunk that is too large");
  piece.run = run_.id;
  if (!SumUp(&piece)) return Damaged("a chunk that cannot be read");
  if (piece.events + piece.lost > 0) {
    if (piece.first_seq != thread.next_seq) {
      return Damaged("events of thread " + std::to_string(piece.thread) + " are missing or repeated");
    }
    thread.next_seq = piece.last_seq + 1;
  }
  events_ += piece.events;
  lost_ += piece.lost;
  batch_bytes_ += piece.words.size() * shm::kWordBytes + sizeof(Piece);
  batch_.pieces.push_back(std::make_shared<const Piece>(std::move(piece)));
  return batch_bytes_ >= kBatchBytes ? Flush(false) : Status::Ok();
}

void ImportSink::SetEnd(const RunInfo& end) {
  run_.end_ns = end.end_ns;
  run_.exit_code = end.exit_code;
  run_.signal = end.signal;
  run_.complete = end.complete;
}

Status ImportSink::Flush(bool last) {
  if (last) {
    run_.state = RunState::kEnded;
    run_.complete = run_.complete && lost_ == 0;
    batch_.runs.push_back(run_);
  }
  written_ = true;
  const Status status = store_.Commit(batch_);
  batch_ = Batch();
  batch_bytes_ = 0;
  SMILEY_TEST_POINT("import.written");
  return status;
}

Result<RunInfo> ImportSink::Finish() {
  // Everything is stored before the run becomes visible.
  if (Status status = Flush(false); !status) return status;
  if (archive_.FindRun(run_.id)) {
    return Status(Code::kInvalid, "a run with the id " + run_.id + " was recorded meanwhile; nothing was imported");
  }
  if (Status status = Flush(true); !status) return status;
  finished_ = true;
  SMILEY_TEST_POINT("import.finished");
  return archive_.FindRun(run_.id);
}

}  // namespace smiley::daemon
