// "hits": how often each line of each source ran. Reads the words of all chunks of the run; decodes no values.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "daemon/events/piece_walk.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

constexpr std::uint32_t kMostLine = 10'000'000;  // a higher line number is damage

class HitsProducer : public Producer {
 public:
  HitsProducer(Archive& archive, std::string run, std::vector<ThreadInfo> threads)
      : archive_(archive), run_(std::move(run)), threads_(std::move(threads)) {}

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    const std::string nothing;
    while (at_ < threads_.size()) {
      auto more = ReadPiece();
      if (!more) return more.status();
      if (limit.Reached(nothing)) return Next::kMore;
    }
    for (const auto& [source, counts] : hits_) Append(out, source, counts);
    return Next::kDone;
  }

  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(hits_.size()) + (damaged_ ? ",\"damaged\":true" : "");
  }

 private:
  // Counts the lines of the next piece; at the end of a thread, continues with the next thread.
  Result<bool> ReadPiece() {
    const ThreadInfo& thread = threads_[at_];
    if (cursor_ == nullptr) {
      auto cursor = archive_.Open(run_, thread.thread, 1);
      if (!cursor) return cursor.status();
      auto names = archive_.NamesOf(run_, thread.process);
      if (!names) return names.status();
      cursor_ = std::move(*cursor);
      names_ = std::move(*names);
      sources_.clear();
    }
    auto piece = cursor_->Next();
    if (!piece) {
      if (piece.status().code() != Code::kDamaged) return piece.status();
      damaged_ = true;
      return true;
    }
    if (*piece == nullptr) {
      cursor_.reset();
      ++at_;
      return true;
    }
    walker_.Start(**piece);
    while (walker_.Next()) {
      if (walker_.kind != shm::Kind::kLine || walker_.code == 0 || walker_.line == 0 || walker_.line > kMostLine)
        continue;
      auto* counts = CountsOf(walker_.code);
      if (counts == nullptr) continue;
      if (counts->size() <= walker_.line) counts->resize(walker_.line + 1);
      ++(*counts)[walker_.line];
    }
    return true;
  }

  std::vector<std::uint64_t>* CountsOf(std::uint32_t code) {
    const auto known = sources_.find(code);
    if (known != sources_.end()) return known->second;
    const CodeRecord* info = names_->FindCode(code);
    auto* counts = info == nullptr || info->source == 0 ? nullptr : &hits_[info->source];
    sources_.emplace(code, counts);
    return counts;
  }

  static void Append(std::string* out, std::uint32_t source, const std::vector<std::uint64_t>& counts) {
    std::uint64_t events = 0;
    std::string lines = "[";
    for (std::size_t line = 0; line < counts.size(); ++line) {
      if (counts[line] == 0) continue;
      events += counts[line];
      if (lines.size() > 1) lines += ',';
      lines += '[' + std::to_string(line) + ',' + std::to_string(counts[line]) + ']';
    }
    JsonObject o(out);
    o.Text("type", "hits").Number("source", source).Number("events", events).Raw("lines", lines + "]");
    o.End();
    *out += '\n';
  }

  Archive& archive_;
  const std::string run_;
  const std::vector<ThreadInfo> threads_;
  std::size_t at_ = 0;
  std::unique_ptr<PieceCursor> cursor_;
  std::shared_ptr<const Names> names_;
  PieceWalker walker_;
  std::unordered_map<std::uint32_t, std::vector<std::uint64_t>*> sources_;  // by code id, of the current process
  std::map<std::uint32_t, std::vector<std::uint64_t>> hits_;                // by source, by line
  bool damaged_ = false;
};

}  // namespace

Reply AnswerHits(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  for (const Status& status : {selector.status(), thread.status()}) {
    if (!status) return Refuse(status);
  }
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  auto threads = services.archive.Threads(run->id);
  if (!threads) return Refuse(threads.status());
  if (thread->has_value()) std::erase_if(*threads, [&](const ThreadInfo& info) { return info.thread != **thread; });
  Reply reply;
  reply.stream = std::make_unique<HitsProducer>(services.archive, run->id, std::move(*threads));
  return reply;
}

}  // namespace smiley::daemon
