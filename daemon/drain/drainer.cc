#include "daemon/drain/drainer.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <future>
#include <set>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "shm/clock.h"

namespace smiley::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kBlocksAtOnce = 64;  // of one ring before the next has its turn
constexpr microseconds kShortestNap{1000};
constexpr double kFillBetween = 0.125;  // of a ring, from one pass to the next
constexpr milliseconds kLifeCheck{200};

bool IsRunId(const std::string& id) {
  return !id.empty() && id.size() < sizeof(shm::SegmentHeader::run) &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

std::uint64_t MemoryBytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0, resident = 0, shared = 0;
  in >> size >> resident >> shared;
  // Mapped rings count as shared; they are the programs'.
  return (resident - std::min(shared, resident)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Drainer::Drainer(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Options options)
    : home_(home), store_(store), archive_(archive), feed_(feed), options_(std::move(options)) {
#if defined(__x86_64__)
  tsc_from_ = __rdtsc();
#endif
  mono_from_ns_ = shm::MonotonicNs();
  started_ns_ =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  rates_at_ = std::chrono::steady_clock::now();
}

Result<std::unique_ptr<Drainer>> Drainer::Start(const shm::Home& home, Store& store, LiveArchive& archive,
                                                LiveFeed& feed, Options options) {
  std::unique_ptr<Drainer> drainer(new Drainer(home, store, archive, feed, std::move(options)));
  auto watcher = SegmentWatcher::Make(home);
  if (!watcher.ok()) return watcher.status();
  drainer->watcher_ = std::move(*watcher);
  drainer->epoll_ = epoll_create1(EPOLL_CLOEXEC);
  drainer->wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (drainer->epoll_ < 0 || drainer->wake_fd_ < 0) return Status::FromErrno("cannot start the drainer", errno);
  for (int fd : {drainer->wake_fd_, drainer->watcher_->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(fd);
    if (epoll_ctl(drainer->epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
      return Status::FromErrno("cannot start the drainer", errno);
  }
  Pipeline::Options pipeline;
  pipeline.budget_bytes = drainer->options_.pipeline_bytes;
  Drainer* const self = drainer.get();
  pipeline.progress = [self] {
    self->progressed_ = true;
    self->Wake();
  };
  drainer->pipeline_ = std::make_unique<Pipeline>(store, archive, std::move(pipeline));
  // Runs that an earlier daemon left open, and cursors of segments that are gone.
  for (const RunInfo& info : store.archive().Runs()) {
    if (info.state == RunState::kRunning) drainer->RunOf(info.id);
  }
  drainer->Look(true);
  std::set<std::string> present;
  for (const auto& found : shm::Segment::List(home)) present.insert(found.name);
  for (const SegmentCursor& cursor : store.Cursors()) {
    if (!present.contains(cursor.segment)) drainer->batch_.forget_cursors.push_back(cursor.segment);
  }
  drainer->thread_ = std::thread([self] { self->Loop(); });
  drainer->Post([self] { self->ReadSpool(); });
  return drainer;
}

Drainer::~Drainer() {
  Stop();
  pipeline_.reset();  // before what its thread wakes
  for (auto& [token, process] : processes_) {
    if (process->pidfd >= 0) close(process->pidfd);
  }
  if (epoll_ >= 0) close(epoll_);
  if (wake_fd_ >= 0) close(wake_fd_);
}

void Drainer::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  Wake();
  thread_.join();
  pipeline_->Flush();
}

void Drainer::Log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

void Drainer::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof one);
}

void Drainer::Post(std::function<void()> command) {
  {
    const shm::MutexLock lock(mutex_);
    commands_.push_back(std::move(command));
  }
  commanded_ = true;
  Wake();
}

bool Drainer::Idle() const { return processes_.empty() && busy_.empty() && waiters_.empty() && !look_now_; }

// Until the next pass is due, something was asked, or segments or deaths were noticed. Commits meanwhile only free
// blocks: a consumer that looks too often costs the program more than it helps.
void Drainer::Nap() {
  const auto until = std::chrono::steady_clock::now() + (look_now_ ? kShortestNap : nap_);
  while (!stopping_ && !commanded_) {
    int timeout = -1;
    if (!Idle()) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now() + microseconds(999));
      if (left.count() <= 0) return;
      timeout = static_cast<int>(left.count());
    }
    epoll_event events[16];
    const int count = epoll_wait(epoll_, events, 16, timeout);
    bool only_progress = count > 0;
    for (int i = 0; i < count; ++i) {
      const int fd = static_cast<int>(events[i].data.u64);
      if (fd == wake_fd_) {
        std::uint64_t value;
        (void)!read(wake_fd_, &value, sizeof value);
      } else {
        only_progress = false;
        if (fd != watcher_->fd()) {
          check_deaths_ = true;
          epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);  // it stays readable for ever
        }
      }
    }
    if (progressed_.exchange(false)) {
      Progress();
      if (Idle()) CheckRuns();
    }
    if (!only_progress) return;
    if (Idle() && (!batch_.forget_cursors.empty() || !batch_.runs.empty())) return;
  }
}

void Drainer::Loop() {
  Pass();
  while (!stopping_) {
    Nap();
    Pass();
  }
  // What is there by now, to the last word; programs that go on are left to the next daemon.
  Pass();
  for (auto& [token, process] : processes_) {
    for (auto& ring : process->rings) {
      if (process->known) ClosePiece(ring.get());
    }
  }
  PushBatch();
  pipeline_->Flush();
  Progress();
  CheckRuns();
  PushBatch();
  pipeline_->Flush();
  Progress();
  PushBatch();
  pipeline_->Flush();
  for (Waiter& waiter : waiters_) waiter.deadline = {};
  CheckWaiters();
}

void Drainer::Pass() {
  std::vector<std::function<void()>> commands;
  commanded_ = false;
  {
    const shm::MutexLock lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& command : commands) command();
  Progress();
  const auto now = std::chrono::steady_clock::now();
  if (check_deaths_ || now - deaths_at_ > kLifeCheck) {
    check_deaths_ = false;
    deaths_at_ = now;
    CheckDeaths();
  }
  const bool force =
      std::exchange(look_now_, false) ||
      std::any_of(processes_.begin(), processes_.end(), [](const auto& item) { return !item.second->known; });
  // One that is found dead while it is attached may have made a ring after the look that found it.
  for (auto& [token, process] : processes_) process->looked_for_last = process->dead;
  Look(force);

  fullest_ = 0;
  any_data_ = false;
  std::set<RunProgress*> undrained;  // dumps that go on in the next pass
  for (auto& [token, process] : processes_) {
    if (!process->known || process->finished) continue;
    const bool held = process->hold && !process->dead && !process->run->dump;
    for (auto& ring : process->rings) {
      const double bytes = static_cast<double>(ring->reader->Backlog() * shm::kWordBytes);
      if (!held) fullest_ = std::max(fullest_, bytes / static_cast<double>(ring->reader->segment().data_bytes()));
      if (!held && !DrainRing(process.get(), ring.get(), kBlocksAtOnce) && process->hold)
        undrained.insert(process->run);
      const bool old = ring->open_parts > 0 && now - ring->open_since >= options_.piece_age;
      if (old || archive_.TailBytes() > 2 * pipeline_->budget()) ClosePiece(ring.get());
    }
    DrainCatalogue(process.get());
    if (!process->dead) RemoveClosedRings(process.get());
  }
  for (auto& [id, run] : runs_) run->dump = run->dump && undrained.contains(run.get());
  for (auto& [token, process] : processes_) {
    if (process->looked_for_last && process->known && !process->finished) FinishProcess(process.get());
  }
  PushBatch();
  CheckRuns();
  PushBatch();
  CheckWaiters();
  UpdateRates();

  const microseconds longest = feed_.readers() > 0 ? options_.watched_nap : options_.longest_nap;
  // Until the ring that fills fastest is as full as it should become, but not suddenly much longer.
  const auto since = std::chrono::duration_cast<microseconds>(now - std::exchange(passed_at_, now));
  nap_ = nap_ * 3 / 2;
  if (any_data_ && fullest_ > 0) {
    const double fill = static_cast<double>(since.count()) * kFillBetween / fullest_;
    if (fill < static_cast<double>(nap_.count())) nap_ = microseconds(static_cast<std::int64_t>(fill));
  }
  nap_ = std::clamp(nap_, kShortestNap, longest);
}

Status Drainer::Begin(const BeginRun& begin) {
  if (!IsRunId(begin.run))
    return {Code::kInvalid, "'" + begin.run + "' is no run id: 1 to 15 characters of a-z and 0-9"};
  if (store_.archive().FindRun(begin.run).ok()) return {Code::kInvalid, "there is a run " + begin.run + " already"};
  RunInfo info;
  info.id = begin.run;
  info.command = begin.command;
  info.cwd = begin.cwd;
  info.name = begin.name;
  info.detail = begin.detail;
  info.start_ns = begin.start_ns;
  if (info.start_ns == 0) {
    info.start_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
  }
  info.complete = true;
  if (!archive_.DrainBegin(info)) return {Code::kInvalid, "there is a run " + begin.run + " already"};
  Post([this, begin] {
    RunProgress* const run = RunOf(begin.run);
    run->begun = true;
    run->launcher = begin.launcher;
    WatchLauncher(run);
  });
  return {};
}

Status Drainer::Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) {
  if (exit_code.has_value() == signal.has_value())
    return {Code::kInvalid, "either an exit code or a signal ends a run"};
  if (!archive_.FindRun(run).ok()) return {Code::kNotFound, "no run " + run + ": smiley-list shows them"};
  Post([this, run, exit_code, signal] {
    const auto change = [&](RunInfo& info) {
      info.exit_code = exit_code;
      info.signal = signal;
    };
    if (auto live = archive_.ChangeRun(run, change)) {
      batch_.runs.push_back(std::move(*live));
      RunProgress* const progress = RunOf(run);
      progress->finish_told = true;
      progress->looked_after = looks_;
      look_now_ = true;
      check_deaths_ = true;
    } else if (auto stored = store_.archive().FindRun(run); stored.ok()) {
      change(*stored);
      batch_.runs.push_back(std::move(*stored));
    }
  });
  return {};
}

Status Drainer::Dump(const std::string& run) {
  if (!archive_.IsLive(run)) return {Code::kNotFound, "no run " + run + " is going on"};
  Post([this, run] {
    if (const auto at = runs_.find(run); at != runs_.end()) at->second->dump = true;
    look_now_ = true;
  });
  return {};
}

void Drainer::WhenDrained(const std::string& run, std::chrono::milliseconds timeout,
                          std::function<void(Drained)> done) {
  Post([this, run, timeout, done = std::move(done)]() mutable {
    waiters_.push_back({run, std::chrono::steady_clock::now() + timeout, looks_, std::move(done)});
    look_now_ = true;
    check_deaths_ = true;
    nap_ = kShortestNap;
  });
}

Drained Drainer::WaitDrained(const std::string& run, std::chrono::milliseconds timeout) {
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

DaemonStatus Drainer::Snapshot() {
  auto promise = std::make_shared<std::promise<DaemonStatus>>();
  auto answer = promise->get_future();
  Post([this, promise] { promise->set_value(MakeStatus()); });
  DaemonStatus status;
  if (answer.wait_for(std::chrono::seconds(2)) == std::future_status::ready)
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

void Drainer::WatchLauncher(RunProgress* run) {
  if (!run->launcher) return;
  run->launcher_fd = OpenProcess(*run->launcher);
}

}  // namespace smiley::daemon
