#include "tools/view/view.h"

#include <algorithm>

#include "tools/terminal/screen.h"

namespace smiley::tools {

namespace {

constexpr double kResumeRows = 30;           // rows that must be free before skipping ends
constexpr std::uint64_t kManySkipped = 500;  // so many skipped events are reported before an exception
constexpr double kImportantBurst = 20;
constexpr double kImportantPerSecond = 5;

}  // namespace

View::View(const Options& options, std::function<void(std::string_view)> write)
    : options_(options),
      write_(std::move(write)),
      renderer_(options.render),
      folder_([this](const EventView& event) { Show(event); }, [this](const FoldSummary& fold) { ShowFold(fold); }),
      tokens_(options.burst_rows) {}

void View::Write(const Renderer::Rows& rows) {
  std::string text;
  for (const std::string& row : rows) {
    text += row;
    text += '\n';
  }
  write_(text);
}

void View::Refill(std::int64_t now_ns) {
  if (refilled_ns_ != 0 && now_ns > refilled_ns_) {
    const double seconds = static_cast<double>(now_ns - refilled_ns_) / 1e9;
    tokens_ = std::min(options_.burst_rows, tokens_ + seconds * options_.rows_per_second);
    important_tokens_ = std::min(kImportantBurst, important_tokens_ + seconds * kImportantPerSecond);
  }
  refilled_ns_ = now_ns;
}

bool View::IsImportant(const EventView& event) {
  switch (event.kind) {
    case shm::Kind::kRaise:
      return !event.propagated;
    case shm::Kind::kLost:
    case shm::Kind::kMark:
    case shm::Kind::kStderr:
    case shm::Kind::kEnd:
      return true;
    default:
      return false;
  }
}

bool View::MayShow(bool important, std::uint64_t events) {
  if (!options_.paced) return true;
  if (skipping_ && tokens_ >= kResumeRows) skipping_ = false;
  if (!skipping_ && tokens_ < 1) skipping_ = true;
  // Important events have a budget of their own, so that many exceptions do not displace all other events.
  if (skipping_ && important && important_tokens_ >= 1) {
    important_tokens_ -= 1;
    if (skipped_ >= kManySkipped) ShowSkipped();
    return true;
  }
  if (skipping_) {
    skipped_ += events;
    return false;
  }
  ShowSkipped();
  return true;
}

void View::ShowSkipped() {
  if (skipped_ == 0) return;
  rows_.clear();
  renderer_.RenderGap(skipped_, &rows_);
  skipped_ = 0;
  last_row_is_interim_ = false;
  Write(rows_);
}

void View::Show(const EventView& event) {
  if (!MayShow(IsImportant(event), event.kind == shm::Kind::kLost ? 0 : 1)) return;
  rows_.clear();
  renderer_.RenderEvent(event, &rows_);
  if (!skipping_) tokens_ -= static_cast<double>(rows_.size());
  last_row_is_interim_ = false;
  Write(rows_);
}

void View::ShowFold(const FoldSummary& fold) {
  const bool rewrites = options_.paced && last_row_is_interim_ && interim_thread_ == fold.thread;
  if (!rewrites && !MayShow(false, fold.going_on ? 0 : fold.events)) return;
  rows_.clear();
  if (rewrites) {
    renderer_.RepeatThread();
    renderer_.RenderFold(fold, &rows_);
    rows_.front().insert(0, "\x1b[1A\r\x1b[2K");
  } else {
    renderer_.RenderFold(fold, &rows_);
    tokens_ -= 1;
  }
  last_row_is_interim_ = fold.going_on;
  interim_thread_ = fold.thread;
  Write(rows_);
}

void View::AddEvent(EventView event, std::int64_t now_ns) {
  Refill(now_ns);
  if (options_.fold) {
    folder_.Add(std::move(event));
  } else {
    Show(event);
  }
}

void View::AddGap(std::uint64_t skipped, std::int64_t now_ns) {
  Refill(now_ns);
  folder_.Flush();
  skipped_ += skipped;
  if (!options_.paced || (!skipping_ && tokens_ >= 1)) {
    tokens_ -= 1;
    ShowSkipped();
  }
}

void View::BeginRun(const RunView& run) {
  Flush();
  rows_.clear();
  renderer_.RenderRunBegin(run, &rows_);
  Write(rows_);
}

void View::ResumeRun(const RunView& run) {
  rows_.clear();
  renderer_.RenderRunBegin(run, &rows_);
  rows_.resize(1);
  tokens_ -= 1;
  Write(rows_);
}

void View::EndRun(const RunView& run) {
  Flush();
  rows_.clear();
  renderer_.RenderRunEnd(run, &rows_);
  Write(rows_);
}

void View::Tick(std::int64_t now_ns) {
  Refill(now_ns);
  if (options_.paced) folder_.Peek();
}

void View::Flush() {
  folder_.Flush();
  ShowSkipped();
  last_row_is_interim_ = false;
}

View::Options MakeViewOptions(const Screen& screen) {
  View::Options options;
  options.render.color = screen.color;
  options.render.unicode = screen.unicode;
  options.render.width = screen.width;
  options.render.thread_in_every_row = !screen.terminal;
  return options;
}

}  // namespace smiley::tools
