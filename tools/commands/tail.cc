// smiley-tail (also smiley-monitor): shows a run while it is recorded.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "shm/clock.h"
#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/commands/where.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"
#include "tools/view/names.h"
#include "tools/view/view.h"

namespace smiley::tools {

namespace {

// More events than a person reads, and enough to recognise loops. The daemon skips further events and reports how
// many.
constexpr int kTerminalEventsPerSecond = 4000;
constexpr std::int64_t kMomentNs = 150'000'000;  // between two updates of pending loops
constexpr std::int64_t kStepNs = 50'000'000;     // longest time of reading before rows are written
constexpr std::int64_t kIdleNs = 400'000'000;    // pending events are shown after this quiet time

struct Options {
  std::string selector, where;
  std::optional<std::uint64_t> lines;
  bool no_follow = false, json = false, no_fold = false, times = false;
  ColorChoice color = ColorChoice::kAuto;
};

std::int64_t NowNs() { return static_cast<std::int64_t>(shm::MonotonicNs()); }

View::Options ViewOptions(const Options& options, const Screen& screen) {
  View::Options out = MakeViewOptions(screen);
  out.render.times = options.times;
  out.fold = !options.no_fold;
  out.paced = screen.terminal && !options.no_follow;
  return out;
}

// One run of several that may be watched at the same time.
struct Watched {
  Watched(const Options& options, const Screen& screen)
      : view(ViewOptions(options, screen), [](std::string_view text) { Output::Get().Write(text); }),
        names(&view.renderer()) {}
  View view;
  NameKeeper names;
  RunView run;
  bool announced = false;  // its first row was shown; that needs its command
};

class Watch {
 public:
  Watch(const Options& options, const Screen& screen) : options_(options), screen_(screen) {}
  int Run(Link* link);

 private:
  std::string Request() const;
  // False: the stream has ended.
  Result<bool> Read(Link* link);
  void Take(const std::string& line);
  static void Announce(Watched* watched);
  void TakeRun(RunView run);
  void TakeEnd(const RunView& end);
  void Wait(Link* link);
  template <typename Do>
  void ForEachView(Do what) {
    for (auto& [id, watched] : runs_) what(watched->view);
  }

  const Options& options_;
  Screen screen_;
  std::map<std::string, std::unique_ptr<Watched>> runs_;  // running, by id
  Watched* current_ = nullptr;                            // the run of the events that follow; null = none
  EventParser parser_;
  StreamObject object_;
  std::int64_t last_event_ns_ = 0;
  std::int64_t last_moment_ns_ = 0;
  bool kept_back_ = false;  // events came since the last Flush of all views
  bool anything_ = false;
  bool said_waiting_ = false;
};

std::string Watch::Request() const {
  std::string request = "{\"op\":\"tail\"";
  if (!options_.selector.empty()) request += ",\"run\":" + Quote(options_.selector);
  if (!options_.where.empty()) request += ",\"where\":" + Quote(options_.where);
  if (options_.lines) {
    request += ",\"last\":" + std::to_string(*options_.lines);
  } else if (options_.no_follow || (!options_.selector.empty() && !options_.json)) {
    request += ",\"last\":20";
  }
  if (options_.no_follow) request += ",\"follow\":false";
  if (screen_.terminal && !options_.json) request += ",\"max_rate\":" + std::to_string(kTerminalEventsPerSecond);
  if (!options_.json) request += ",\"source\":true";
  return request + "}";
}

void Watch::Announce(Watched* watched) {
  if (watched->announced) return;
  watched->announced = true;
  if (watched->run.command.empty()) {
    if (Result<RunView> run = watched->names.AskRunAgain(); run.ok()) watched->run = std::move(*run);
  }
  watched->view.BeginRun(watched->run);
}

void Watch::TakeRun(RunView run) {
  const auto known = runs_.find(run.id);
  if (current_ != nullptr) current_->view.Flush();
  if (known != runs_.end()) {  // one of several runs; its events follow
    current_ = known->second.get();
    if (current_->announced) current_->view.ResumeRun(current_->run);
    return;
  }
  auto watched = std::make_unique<Watched>(options_, screen_);
  watched->names.Follow(run.id);
  watched->run = std::move(run);
  current_ = watched.get();
  if (!current_->run.command.empty()) Announce(current_);
  runs_[current_->run.id] = std::move(watched);
}

// The end line has the exit code or signal; the run's record, requested again, has the totals.
void Watch::TakeEnd(const RunView& end) {
  const auto known = runs_.find(end.id);
  if (known == runs_.end()) return;
  Watched& watched = *known->second;
  Announce(&watched);
  RunView& run = watched.run;
  if (const Result<RunView> whole = watched.names.AskRunAgain(); whole.ok()) run = *whole;
  run.state = "ended";
  if (run.end_ns == 0) run.end_ns = end.end_ns;
  if (end.has_exit_code) run.has_exit_code = true, run.exit_code = end.exit_code;
  if (end.has_signal) run.has_signal = true, run.signal = end.signal;
  run.events = std::max(run.events, end.events);
  run.lost = std::max(run.lost, end.lost);
  if (current_ != nullptr && current_ != &watched) current_->view.Flush();
  watched.view.EndRun(run);
  if (current_ == &watched) current_ = nullptr;
  runs_.erase(known);
}

void Watch::Take(const std::string& line) {
  anything_ = true;
  if (options_.json) {
    Output::Get().Write(line);
    Output::Get().Write("\n");
    return;
  }
  if (!parser_.Parse(line, &object_)) return;
  const std::int64_t now = NowNs();
  if (object_.type == "event" && current_ != nullptr) {
    Announce(current_);
    current_->names.Need(object_.event, now);
    current_->view.AddEvent(std::move(object_.event), now);
    last_event_ns_ = now;
    kept_back_ = true;
  } else if (object_.type == "gap" && current_ != nullptr) {
    Announce(current_);
    current_->view.AddGap(object_.skipped, now);
  } else if (object_.type == "run" || object_.type == "end") {
    Result<RunView> run = ParseRun(line);
    if (!run) return;
    if (object_.type == "run") {
      TakeRun(std::move(*run));
    } else {
      TakeEnd(*run);
    }
  }
}

Result<bool> Watch::Read(Link* link) {
  std::string line;
  const std::int64_t until = NowNs() + kStepNs;
  do {
    const Result<bool> more = link->NextLine(&line);
    if (!more) return more.status();
    if (!*more) return false;
    Take(line);
    if (Interrupted()) return false;
  } while (link->LineReady() && NowNs() < until);
  return true;
}

// Waits for the daemon. Meanwhile it shows pending events and follows the window's size.
void Watch::Wait(Link* link) {
  while (!Interrupted() && !link->LineReady()) {
    Output::Get().Flush();
    if (link->fd() < 0) return;
    pollfd fds[3] = {{link->fd(), POLLIN, 0}, {InterruptFd(), POLLIN, 0}, {ResizeFd(), POLLIN, 0}};
    int wait_ms = -1;
    if (kept_back_) wait_ms = static_cast<int>(kMomentNs / 1'000'000);
    if (!anything_ && !said_waiting_) wait_ms = 300;
    if (::poll(fds, 3, wait_ms) < 0 && errno != EINTR) return;
    if (fds[2].revents != 0) {
      DrainResize();
      screen_.width = TerminalWidth(STDOUT_FILENO);
      ForEachView([this](View& view) { view.renderer().SetWidth(screen_.width); });
    }
    const std::int64_t now = NowNs();
    if (!anything_ && !said_waiting_ && fds[0].revents == 0) {
      said_waiting_ = true;
      Say(options_.selector.empty() ? "waiting for a run; start one in another terminal with: smiley-run app.py"
                                    : "waiting for the next event of run " + options_.selector);
    }
    if (kept_back_ && now - last_event_ns_ >= kIdleNs) {
      ForEachView([](View& view) { view.Flush(); });
      kept_back_ = false;
    } else if (kept_back_ && now - last_moment_ns_ >= kMomentNs) {
      ForEachView([now](View& view) { view.Tick(now); });
      last_moment_ns_ = now;
    }
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) return;
  }
}

int Watch::Run(Link* link) {
  const Result<std::string> head = link->Ask(Request());
  if (!head) return Fail(head.status());
  Status status;
  for (;;) {
    Wait(link);
    if (Interrupted()) break;
    const Result<bool> more = Read(link);
    if (!more) status = more.status();
    if (!more || !*more) break;
    const std::int64_t now = NowNs();
    if (now - last_moment_ns_ >= kMomentNs) {
      ForEachView([now](View& view) { view.Tick(now); });
      last_moment_ns_ = now;
    }
    Output::Get().Flush();
  }
  ForEachView([](View& view) { view.Flush(); });
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (!anything_) {
    Say(options_.selector.empty()
            ? "no run is being recorded; smiley-tail last --no-follow shows the end of the newest run"
            : "no event matches");
    return kExitNo;
  }
  return kExitOk;
}

}  // namespace

int TailMain(int argc, char** argv) {
  Options options;
  Arguments arguments(
      "Shows a run while it is recorded: lines, changed variables, calls, returns and exceptions. Without RUN it "
      "shows "
      "the current run, or else the next one. On a terminal, events that come too fast to display are skipped and "
      "counted.",
      "smiley-tail   the current run, or else the next one\n"
      "smiley-tail --where 'event == raise'   exceptions only\n"
      "smiley-tail last -n 50 --no-follow   the last 50 events of the newest run\n"
      "smiley-tail --json | jq .function   every event, for scripts");
  arguments.Word("RUN", &options.selector, "a run id or its beginning, last, last~1 or last:failed", false)
      .Text("--where", &options.where,
            "only events that match an expression, as in: function == \"pay\" and amount < 0", "EXPR")
      .Number("-n,--lines", &options.lines, "start with the last N events")
      .Flag("--no-follow", &options.no_follow, "exit after the last recorded events (20, or -n)")
      .Flag("--no-fold", &options.no_fold, "show every iteration of a loop")
      .Flag("--times", &options.times, "show the time of each event")
      .Flag("--json", &options.json, "print JSON Lines, one object an event")
      .Color(&options.color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (const auto exit = CheckWhere(options.where)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return Fail(link.status());
  Watch watch(options, DetectScreen(options.color));
  return watch.Run(link->get());
}

}  // namespace smiley::tools
