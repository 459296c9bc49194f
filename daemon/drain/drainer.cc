#include "daemon/drain/drainer.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <set>
#include <utility>

#include "daemon/drain/status.h"
#include "shm/base/run_id.h"

namespace smiley::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kBlocksAtOnce = 64;  // drained from one ring before the next one has its turn
constexpr milliseconds kDeathChecks{200};  // time between two of them
constexpr std::chrono::seconds kStatusPatience{2};

std::uint64_t MemoryBytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0, resident = 0, shared = 0;
  in >> size >> resident >> shared;
  // Mapped rings count as shared; they are the programs'.
  return (resident - std::min(shared, resident)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Drainer::Drainer(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Options options,
                 std::unique_ptr<SegmentWatcher> watcher, std::unique_ptr<WakeSet> wakes)
    : home_(home),
      store_(store),
      archive_(archive),
      feed_(feed),
      options_(std::move(options)),
      started_ns_(WallNow()),
      watcher_(std::move(watcher)),
      wakes_(std::move(wakes)),
      pipeline_(store_, archive_, PipelineOptions()),
      outbox_(archive_, pipeline_),
      runs_(home_, store_, archive_, feed_, outbox_, *wakes_, agenda_),
      catalogues_(archive_, runs_, outbox_, agenda_),
      rings_(archive_, feed_, catalogues_, outbox_, agenda_),
      segments_({home_, store_, archive_, *watcher_, *wakes_, agenda_, outbox_, runs_, catalogues_, rings_},
                [this](const std::string& line) { Log(line); }),
      waiters_(store_, archive_, runs_, agenda_),
      spool_(home_, store_, archive_, runs_, outbox_, [this](const std::string& line) { Log(line); }) {}

Pipeline::Options Drainer::PipelineOptions() {
  Pipeline::Options options;
  options.budget_bytes = options_.pipeline_bytes;
  options.progress = [this] {
    progressed_ = true;
    wakes_->Wake();
  };
  return options;
}

Result<std::unique_ptr<Drainer>> Drainer::Start(const shm::Home& home, Store& store, LiveArchive& archive,
                                                LiveFeed& feed, Options options) {
  auto watcher = SegmentWatcher::Make(home);
  if (!watcher.ok()) return watcher.status();
  auto wakes = WakeSet::Make((*watcher)->fd());
  if (!wakes.ok()) return wakes.status();
  std::unique_ptr<Drainer> drainer(
      new Drainer(home, store, archive, feed, std::move(options), std::move(*watcher), std::move(*wakes)));
  drainer->TakeOver();
  Drainer* const self = drainer.get();
  drainer->thread_ = std::thread([self] { self->Loop(); });
  drainer->Post([self] {
    std::vector<std::filesystem::path> files = self->spool_.Read(*self);
    // Behind the commands that Read posted.
    if (!files.empty()) self->Post([self, files = std::move(files)] { self->spool_.RemoveWhenStored(files); });
  });
  return drainer;
}

// Opens the runs that an earlier daemon left open, and forgets the cursors of segments that do not exist any more.
void Drainer::TakeOver() {
  for (const RunInfo& info : store_.archive().Runs()) {
    if (info.state == RunState::kRunning) runs_.Open(info.id);
  }
  segments_.Look(true);
  std::set<std::string> present;
  for (const auto& found : shm::Segment::List(home_)) present.insert(found.name);
  for (const SegmentCursor& cursor : store_.Cursors()) {
    if (!present.contains(cursor.segment)) outbox_.ForgetCursor(cursor.segment);
  }
}

Drainer::~Drainer() { Stop(); }

void Drainer::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wakes_->Wake();
  thread_.join();
  pipeline_.Flush();
}

void Drainer::Log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

void Drainer::Post(std::function<void()> command) {
  {
    const shm::MutexLock lock(mutex_);
    commands_.push_back(std::move(command));
  }
  commanded_ = true;
  wakes_->Wake();
}

void Drainer::RunCommands() {
  std::vector<std::function<void()>> commands;
  commanded_ = false;
  {
    const shm::MutexLock lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& command : commands) command();
}

// ---- the drainer's thread

bool Drainer::Idle() const { return segments_.idle() && waiters_.empty() && !agenda_.look_now; }

// Waits until the next pass is due, a command was posted, or a segment or a death was noticed. Blocks that the
// pipeline has handled are given back meanwhile, without a pass.
void Drainer::Nap() {
  const auto until =
      std::chrono::steady_clock::now() + (agenda_.look_now ? NapLength::kShortest : agenda_.nap.length());
  while (!stopping_ && !commanded_) {
    int timeout_ms = -1;
    if (!Idle()) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now() + microseconds(999));
      if (left.count() <= 0) return;
      timeout_ms = static_cast<int>(left.count());
    }
    const WakeSet::Woken woken = wakes_->Wait(timeout_ms);
    if (woken.death) agenda_.check_deaths = true;
    if (progressed_.exchange(false)) {
      TakeProgress();
      if (Idle()) runs_.EndRuns();
    }
    if (!woken.only_by_wake) return;
    if (Idle() && !outbox_.empty()) return;
  }
}

void Drainer::Loop() {
  Pass();
  while (!stopping_) {
    Nap();
    Pass();
  }
  Pass();
  StoreAll();
}

// Stores everything that was drained. Programs that go on are left to the next daemon.
void Drainer::StoreAll() {
  for (auto& [token, process] : segments_.processes()) {
    for (auto& ring : process->rings) {
      if (process->known) rings_.ClosePiece(ring.get());
    }
  }
  outbox_.Flush();
  TakeProgress();
  runs_.EndRuns();
  outbox_.Flush();
  TakeProgress();
  outbox_.Flush();
  waiters_.Expire();
  waiters_.Check();
}

void Drainer::Pass() {
  RunCommands();
  TakeProgress();
  const auto now = std::chrono::steady_clock::now();
  LookForSegments(now);
  DrainProcesses(now);
  outbox_.Push();
  runs_.EndRuns();
  outbox_.Push();
  waiters_.Check();
  runs_.UpdateRates();
  agenda_.nap.Adapt(now, feed_.readers() > 0 ? options_.watched_nap : options_.longest_nap);
}

void Drainer::LookForSegments(SteadyTime now) {
  if (agenda_.check_deaths || now - deaths_checked_at_ > kDeathChecks) {
    agenda_.check_deaths = false;
    deaths_checked_at_ = now;
    segments_.CheckDeaths();
  }
  const bool force = std::exchange(agenda_.look_now, false) || segments_.HasUnnumbered();
  segments_.MarkLastLooks();
  segments_.Look(force);
}

void Drainer::DrainProcesses(SteadyTime now) {
  agenda_.nap.BeginPass();
  std::set<RunProgress*> undrained;  // their dumps go on in the next pass
  for (auto& [token, process] : segments_.processes()) {
    if (!process->known || process->finished) continue;
    if (!DrainRings(process.get(), now) && process->hold) undrained.insert(process->run);
    catalogues_.Drain(process.get());
    if (!process->dead) segments_.RemoveClosedRings(process.get(), pipeline_.stored());
  }
  for (auto& [id, run] : runs_.runs()) run->dump = run->dump && undrained.contains(run.get());
  for (auto& [token, process] : segments_.processes()) {
    if (process->looked_for_last && process->known && !process->finished) segments_.Finish(process.get());
  }
}

// Drains the rings, unless they are held back, and closes the pieces that are old enough. False: words are left.
bool Drainer::DrainRings(ProcessProgress* process, SteadyTime now) {
  const bool held = process->hold && !process->dead && !process->run->dump;
  bool all = true;
  for (auto& ring : process->rings) {
    if (!held) {
      const double bytes = static_cast<double>(ring->reader->Backlog() * shm::kWordBytes);
      agenda_.nap.ObserveFill(bytes / static_cast<double>(ring->reader->segment().data_bytes()));
      all = rings_.Drain(process, ring.get(), kBlocksAtOnce) && all;
    }
    const bool old = ring->open_parts > 0 && now - ring->open_since >= options_.piece_age;
    if (old || archive_.TailBytes() > 2 * pipeline_.budget()) rings_.ClosePiece(ring.get());
  }
  return all;
}

// What the pipeline has handled and stored since the last call.
void Drainer::TakeProgress() {
  const std::uint64_t handled = pipeline_.handled(), stored = pipeline_.stored();
  segments_.GiveBack(handled, stored);
  spool_.RemoveStored(stored);
  runs_.RetireEnded(stored);
}

// ---- any thread

Status Drainer::Begin(const BeginRun& begin) {
  if (!shm::IsRunId(begin.run))
    return {Code::kInvalid, "'" + begin.run + "' is no run id: 1 to 15 characters of a-z and 0-9, a letter first"};
  if (store_.archive().FindRun(begin.run).ok()) return {Code::kInvalid, "there is a run " + begin.run + " already"};
  RunInfo info;
  info.id = begin.run;
  info.command = begin.command;
  info.cwd = begin.cwd;
  info.name = begin.name;
  info.detail = begin.detail;
  info.start_ns = begin.start_ns != 0 ? begin.start_ns : WallNow();
  info.complete = true;
  if (!archive_.DrainBegin(info)) return {Code::kInvalid, "there is a run " + begin.run + " already"};
  Post([this, begin] { runs_.Begin(begin); });
  return {};
}

Status Drainer::Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) {
  if (exit_code.has_value() == signal.has_value())
    return {Code::kInvalid, "either an exit code or a signal ends a run"};
  if (!archive_.FindRun(run).ok()) return {Code::kNotFound, "no run " + run + ": smiley-list shows them"};
  Post([this, run, exit_code, signal] { runs_.Finish(run, exit_code, signal); });
  return {};
}

Status Drainer::Dump(const std::string& run) {
  if (!archive_.IsLive(run)) return {Code::kNotFound, "no run " + run + " is going on"};
  Post([this, run] { runs_.Dump(run); });
  return {};
}

void Drainer::WhenDrained(const std::string& run, milliseconds timeout, std::function<void(Drained)> done) {
  Post([this, run, timeout, done = std::move(done)]() mutable { waiters_.Add(run, timeout, std::move(done)); });
}

Drained Drainer::WaitDrained(const std::string& run, milliseconds timeout) {
  auto promise = std::make_shared<std::promise<Drained>>();
  auto answer = promise->get_future();
  WhenDrained(run, timeout, [promise](Drained drained) { promise->set_value(std::move(drained)); });
  return answer.get();
}

Status Drainer::Delete(const std::string& run) {
  if (archive_.IsLive(run))
    return {Code::kBusy, "run " + run + " is still going on: it can be deleted when it has ended"};
  return store_.DeleteRun(run);
}

DaemonStatus Drainer::ReadStatus() {
  auto promise = std::make_shared<std::promise<DaemonStatus>>();
  auto answer = promise->get_future();
  Post([this, promise] { promise->set_value(DescribeDrain(runs_, segments_, archive_, pipeline_, store_)); });
  DaemonStatus status;
  if (answer.wait_for(kStatusPatience) == std::future_status::ready)
    status = answer.get();
  else
    status.problem = "the drainer is busy";
  status.pid = static_cast<std::uint32_t>(getpid());
  status.version = SMILEY_VERSION;
  status.home = home_.dir.string();
  status.start_ns = started_ns_;
  status.runs_stored = store_.archive().Runs().size();
  status.store_bytes = store_.DiskBytes();
  status.free_bytes = store_.FreeBytes();
  status.memory_bytes = MemoryBytes();
  return status;
}

}  // namespace smiley::daemon
