#include "tools/view/names.h"

#include <algorithm>

#include "tools/link/ask.h"
#include "tools/link/run_view.h"

namespace smiley::tools {

Status LoadNames(Link* link, const std::string& run, Renderer* renderer) {
  const std::string of_run = ",\"run\":" + Quote(run) + "}";
  Status status = ForEachLine(link, "{\"op\":\"threads\"" + of_run, [&](const std::string& line) {
    Result<ThreadView> thread = ParseThread(line);
    if (thread.ok()) renderer->NameThread(thread->process, thread->thread, std::move(thread->name));
    return true;
  });
  if (!status) return status;
  return ForEachLine(link, "{\"op\":\"sources\"" + of_run, [&](const std::string& line) {
    Result<SourceView> source = ParseSource(line);
    if (source.ok()) renderer->AddSource(source->source, source->file, std::move(source->text));
    return true;
  });
}

void NameKeeper::Follow(const std::string& run) {
  if (run == run_) return;
  run_ = run;
  renderer_->ForgetRun();
  not_before_ns_ = 0;
  pause_ns_ = 0;
}

Status NameKeeper::Connect() {
  if (link_ != nullptr) return Status::Ok();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return link.status();
  link_ = std::move(*link);
  return Status::Ok();
}

Result<RunView> NameKeeper::AskRunAgain() {
  if (const Status status = Connect(); !status) return status;
  Result<RunView> run = AskRun(link_.get(), run_);
  if (!run) link_.reset();
  return run;
}

void NameKeeper::Need(const EventView& event, std::int64_t now_ns) {
  const bool known =
      (event.source == 0 || renderer_->sources().Has(event.source)) && renderer_->KnowsThread(event.thread);
  if (known || run_.empty() || now_ns < not_before_ns_) return;
  if (!Connect()) {
    not_before_ns_ = now_ns + 5'000'000'000;
    return;
  }
  if (!LoadNames(link_.get(), run_, renderer_)) link_.reset();
  const bool helped =
      (event.source == 0 || renderer_->sources().Has(event.source)) && renderer_->KnowsThread(event.thread);
  pause_ns_ =
      helped ? 50'000'000 : std::min<std::int64_t>(std::max<std::int64_t>(pause_ns_ * 2, 50'000'000), 2'000'000'000);
  not_before_ns_ = now_ns + pause_ns_;
}

}  // namespace smiley::tools
