// Checks a store: produced = stored + lost, numbers without gap or repeat, chunks that decode, ids that resolve,
// counts that agree, and the check sums of the files themselves.
#include <algorithm>
#include <set>
#include <tuple>

#include "daemon/store/chunk.h"
#include "daemon/store/impl.h"
#include "shm/ring_reader.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kMostFindings = 1000;  // nobody reads more of them

class RunCheck {
 public:
  // REQUIRES that nobody writes; `last` is the last arrival number so far. Walk() may run beside writers.
  RunCheck(StoreImpl* store, const RunRecord& record, std::uint64_t last, std::vector<std::string>* report)
      : store_(store),
        record_(record),
        last_(last),
        report_(report),
        threads_(store->archive().Threads(record.info.id)),
        processes_(store->archive().Processes(record.info.id)) {}

  void Walk() {
    const auto& threads = threads_;
    const auto& processes = processes_;
    if (!threads.ok()) return Find(threads.status().message());
    if (!processes.ok()) return Find(processes.status().message());
    std::set<std::uint32_t> known;
    for (const ProcessInfo& process : *processes) known.insert(process.process);
    std::uint64_t events = 0, lost = 0;
    for (const ThreadInfo& thread : *threads) {
      if (!known.contains(thread.process)) Find(Where(thread.thread) + "belongs to no process");
      WalkThread(thread);
      events += thread.events;
      lost += thread.lost;
    }
    if (events != record_.info.events)
      Find("counts " + std::to_string(record_.info.events) + " events, its threads " + std::to_string(events));
    if (lost != record_.info.lost)
      Find("counts " + std::to_string(record_.info.lost) + " lost events, its threads " + std::to_string(lost));
    if (threads->size() != record_.info.threads)
      Find("counts " + std::to_string(record_.info.threads) + " threads, has " + std::to_string(threads->size()));
    if (processes->size() != record_.info.processes) {
      Find("counts " + std::to_string(record_.info.processes) + " processes, has " +
           std::to_string(processes->size()));
    }
  }
  std::size_t findings() const { return findings_; }

 private:
  static std::string Where(std::uint32_t thread) { return "thread " + std::to_string(thread) + ": "; }
  void Find(const std::string& what) {
    ++findings_;
    if (report_ != nullptr && report_->size() < kMostFindings)
      report_->push_back("run " + record_.info.id + ": " + what);
  }

  void WalkThread(const ThreadInfo& thread) {
    auto cursor = store_->OpenStored(record_.info.id, thread.thread, 0);
    if (!cursor.ok()) return Find(Where(thread.thread) + cursor.status().message());
    (*cursor)->Limit(last_);
    std::uint64_t next = 1, events = 0, lost = 0;
    while (true) {
      const auto piece = (*cursor)->Next();
      if (!piece.ok()) {
        Find(Where(thread.thread) + piece.status().message());
        if (piece.status().code() != Code::kDamaged) return;
        continue;
      }
      if (!*piece) break;
      next = WalkPiece(thread, **piece, next, &events, &lost);
    }
    if (events != thread.events || lost != thread.lost) {
      Find(Where(thread.thread) + "counts " + std::to_string(thread.events) + " events and " +
           std::to_string(thread.lost) + " lost, its chunks hold " + std::to_string(events) + " and " +
           std::to_string(lost));
    }
    if (next != events + lost + 1) {
      Find(Where(thread.thread) + "produced " + std::to_string(next - 1) + " events, stored and lost are " +
           std::to_string(events + lost));
    }
  }

  std::uint64_t WalkPiece(const ThreadInfo& thread, const Piece& piece, std::uint64_t next, std::uint64_t* events,
                          std::uint64_t* lost) {
    if (piece.state.first_seq != next) {
      Find(Where(thread.thread) + "event " + std::to_string(next) + " was expected, a chunk begins at " +
           std::to_string(piece.state.first_seq));
    }
    if (piece.process != thread.process) Find(Where(thread.thread) + "a chunk belongs to another process");
    const auto names = NamesOf(piece.process);
    if (names) {
      for (std::uint32_t code : piece.codes) Resolve(names->FindCode(code) != nullptr, piece.process, "code", code);
      for (std::uint32_t variable : piece.variables)
        Resolve(names->FindString(variable) != nullptr, piece.process, "string", variable);
    }
    shm::WordParser parser(piece.state, piece.words.data(), piece.words.size());
    shm::RawEvent event;
    std::uint64_t here = 0, gone = 0;
    for (auto step = parser.Next(&event); step != shm::WordParser::Step::kEnd; step = parser.Next(&event)) {
      if (step == shm::WordParser::Step::kDamaged) {
        Find(Where(thread.thread) + "unreadable words in the chunk of event " +
             std::to_string(piece.state.first_seq));
        break;
      }
      if (step == shm::WordParser::Step::kMore) continue;
      const std::uint64_t before = event.seq;
      if (event.kind == shm::Kind::kLost)
        gone += parser.next_seq() - before;
      else
        ++here;
    }
    if (here != piece.events || gone != piece.lost || parser.next_seq() != piece.last_seq + 1) {
      Find(Where(thread.thread) + "the index entry of event " + std::to_string(piece.state.first_seq) +
           " does not agree with its chunk");
    }
    *events += here;
    *lost += gone;
    return parser.next_seq();
  }

  void Resolve(bool found, std::uint32_t process, const char* what, std::uint32_t id) {
    if (found || !unresolved_.emplace(process, what, id).second) return;
    Find("process " + std::to_string(process) + ": " + what + " " + std::to_string(id) + " is in no catalogue");
  }

  std::shared_ptr<const Names> NamesOf(std::uint32_t process) {
    auto& names = names_[process];
    if (!names) {
      auto read = store_->NamesOf(record_.key, process);
      if (read.ok())
        names = *read;
      else
        Find(read.status().message());
    }
    return names;
  }

  StoreImpl* store_;
  const RunRecord record_;
  const std::uint64_t last_;
  std::vector<std::string>* report_;
  const Result<std::vector<ThreadInfo>> threads_;
  const Result<std::vector<ProcessInfo>> processes_;
  std::size_t findings_ = 0;
  std::map<std::uint32_t, std::shared_ptr<const Names>> names_;
  std::set<std::tuple<std::uint32_t, std::string, std::uint32_t>> unresolved_;
};

}  // namespace

// A run that is going on is checked up to the chunk that was stored last when its check began.
Status StoreImpl::Check(const std::optional<std::string>& run, std::vector<std::string>* report) {
  std::size_t findings = 0;
  bool found = false;
  if (!run) {
    if (const Status tables = db_->Verify(); !tables.ok()) {
      ++findings;
      if (report != nullptr) report->push_back(tables.message());
    }
  }
  for (const RunRecord& listed : Records()) {
    if (run && listed.info.id != *run) continue;
    std::unique_ptr<RunCheck> check;
    {
      const shm::MutexLock write_lock(write_mutex_);
      const auto record = FindRecord(listed.info.id);
      if (!record) continue;  // deleted meanwhile
      check = std::make_unique<RunCheck>(this, *record, next_arrival_ - 1, report);
    }
    found = true;
    check->Walk();
    findings += check->findings();
  }
  if (run && !found) return {Code::kNotFound, "no run " + *run + " in the store"};
  if (findings > 0) return {Code::kDamaged, std::to_string(findings) + (findings == 1 ? " finding" : " findings")};
  return {};
}

}  // namespace smiley::daemon
