// "step": from one position to another.
#include <map>

#include "daemon/query/requests.h"
#include "daemon/query/state.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

using Direction = ThreadSearch::Direction;

// The event at which the step begins.
struct Origin {
  bool known = false;  // false: the event was not found, or lies in a loss
  shm::Kind kind{};
  std::uint32_t open = 0, code = 0, parent_code = 0;
  std::uint64_t frame = 0;
  bool leaves = false;  // the event ends its frame, or suspends it
};

Result<Origin> FindOrigin(Archive& archive, const std::string& run, const Position& from) {
  Origin origin;
  auto piece = ReadPieceOf(archive, run, from.thread, from.seq);
  if (!piece) return piece.status();
  if (*piece == nullptr) return origin;
  PieceWalker walker;
  walker.Start(**piece);
  while (walker.Next()) {
    if (walker.seq + walker.count <= from.seq) continue;
    origin.known = true;
    origin.kind = walker.kind;
    origin.open = walker.open;
    origin.code = walker.code;
    origin.frame = walker.frame;
    origin.parent_code = walker.Parent().code;
    origin.leaves = LeavesFrame(walker.kind);
    break;
  }
  return origin;
}

// Fills in the kind of event that the step searches for, and the direction.
Status FillWanted(const std::string& kind, const Origin& origin, const Request& request, Wanted* wanted,
                  Direction* direction) {
  const bool back = kind == "previous" || kind.starts_with("back-") || kind.starts_with("previous-");
  *direction = back ? Direction::kBackward : Direction::kForward;
  const std::string what = kind.starts_with("previous-") ? kind.substr(9) : kind;
  const auto near = [&](bool parent_only) {
    if (origin.parent_code != 0) wanted->codes_near.push_back(origin.parent_code);
    if (!parent_only && origin.code != 0) wanted->codes_near.push_back(origin.code);
    // Without the parent's code object, the code that runs next is unknown.
    if (origin.parent_code == 0) wanted->codes_near.clear();
  };
  if (what == "next" || what == "previous") return Status::Ok();
  if (what == "over" || what == "back-over") {
    const bool leaves = what == "over" ? origin.leaves : origin.kind == shm::Kind::kCall;
    if (leaves || origin.open == 0) return Status::Ok();
    wanted->most_open = origin.open;
    if (origin.open > 1) near(false);
    return Status::Ok();
  }
  if (what == "out" || what == "back-out") {
    wanted->most_open = origin.open > 0 ? origin.open - 1 : 0;
    if (origin.open > 1) near(true);
    return Status::Ok();
  }
  if (what == "change") {
    const auto name = request.NeedText("name");
    const auto frame = request.Integer("frame", 1, INT64_MAX);
    if (!name) return name.status();
    if (!frame) return frame.status();
    wanted->variable = *name;
    wanted->frame = frame->has_value() ? static_cast<std::uint64_t>(**frame) : origin.frame;
    if (wanted->frame == 0)
      return Status(
          Code::kInvalid,
          "no function runs at that position, so there is no variable: step from another position, or give 'frame'");
    return Status::Ok();
  }
  if (what == "line") {
    const auto file = request.NeedText("file");
    const auto line = request.Integer("line", 1, INT32_MAX);
    if (!file) return file.status();
    if (!line) return line.status();
    if (!line->has_value()) return Status(Code::kInvalid, "'line' is missing");
    wanted->kinds = KindBit(shm::Kind::kLine);
    wanted->file = *file;
    wanted->line = static_cast<std::uint32_t>(**line);
    return Status::Ok();
  }
  if (what == "call") {
    const auto function = request.NeedText("function");
    if (!function) return function.status();
    wanted->kinds = KindBit(shm::Kind::kCall);
    wanted->function = *function;
    return Status::Ok();
  }
  if (what == "exception") {
    const auto type = request.Text("name");
    if (!type) return type.status();
    wanted->kinds = KindBit(shm::Kind::kRaise);
    wanted->own_raise = true;
    wanted->exception = type->value_or("");
    return Status::Ok();
  }
  return Status(Code::kInvalid,
                "there is no step '" + kind.substr(0, 40) +
                    "': it is next, previous, over, back-over, out, back-out, change, line, call or exception "
                    "(or previous-change, previous-line, …)");
}

class StepProducer : public Producer {
 public:
  StepProducer(Archive& archive, std::string run, std::unique_ptr<ThreadSearch> search,
               std::shared_ptr<const Names> names)
      : search_(std::move(search)), names_(std::move(names)), lines_(archive, std::move(run)) {}

  Result<Next> Step(std::string* out) override {
    auto done = search_->Step();
    if (!done) return done.status();
    if (!*done) return Next::kMore;
    if (const auto& found = search_->found()) {
      count_ = 1;
      const CodeRecord* code = found->code == 0 ? nullptr : names_->FindCode(found->code);
      JsonObject o(out);
      o.Text("type", "step").Text("position", ToText(found->position)).Number("process", found->process);
      o.Number("thread", found->position.thread).Number("seq", found->position.seq).Signed("time_ns", found->time_ns);
      o.Text("event", shm::KindName(found->kind));
      AppendWhere(&o, &lines_, code, found->line != 0 ? found->line : code != nullptr ? code->first_line : 0);
      if (found->frame != 0) o.Number("frame", found->frame).Number("depth", found->open - 1);
      o.End();
      *out += '\n';
    }
    return Next::kDone;
  }
  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(count_) + ",\"chunks_read\":" + std::to_string(search_->chunks_read()) +
           ",\"chunks_skipped\":" + std::to_string(search_->chunks_skipped());
  }

 private:
  std::unique_ptr<ThreadSearch> search_;
  std::shared_ptr<const Names> names_;
  SourceLines lines_;
  int count_ = 0;
};

}  // namespace

Reply AnswerStep(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto at = request.NeedText("from");
  const auto kind = request.NeedText("kind");
  for (const Status& status : {selector.status(), at.status(), kind.status()}) {
    if (!status) return Refuse(status);
  }
  const auto from = ParsePosition(*at);
  if (!from) return Refuse(Status(Code::kInvalid, "'from' must be a position like 2:1017"));
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  Archive& archive = services.archive;
  const auto thread = archive.FindThread(run->id, from->thread);
  if (!thread) return Refuse(thread.status());
  auto names = archive.NamesOf(run->id, thread->process);
  if (!names) return Refuse(names.status());
  const auto origin = FindOrigin(archive, run->id, *from);
  if (!origin) return Refuse(origin.status());
  Wanted wanted;
  auto direction = Direction::kForward;
  if (Status status = FillWanted(*kind, *origin, request, &wanted, &direction); !status) return Refuse(status);
  auto search = std::make_unique<ThreadSearch>(archive, run->id, *thread, wanted, *names, from->seq, direction);
  Reply reply;
  reply.stream = std::make_unique<StepProducer>(archive, run->id, std::move(search), *names);
  return reply;
}

}  // namespace smiley::daemon
