// "exceptions": the exceptions that were raised, where, and how each ended.
#include <algorithm>
#include <unordered_set>

#include "daemon/analysis/exception_flights.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"
#include "daemon/query/stats.h"

namespace smiley::daemon {
namespace {

std::string PositionText(const FlightGroup::Position& position) {
  return std::to_string(position.thread) + ":" + std::to_string(position.seq);
}

class ExceptionsProducer : public Producer {
 public:
  ExceptionsProducer(Archive& archive, CallScope scope) : archive_(archive), scope_(std::move(scope)) {}

  Status Open() {
    auto threads = archive_.Threads(scope_.run);
    if (!threads) return threads.status();
    threads_ = std::move(*threads);
    std::unordered_set<std::uint32_t> processes;
    for (const ThreadInfo& thread : threads_) first_of_process_.push_back(processes.insert(thread.process).second);
    if (scope_.thread && std::none_of(threads_.begin(), threads_.end(),
                                      [&](const ThreadInfo& thread) { return thread.thread == *scope_.thread; })) {
      return Status(Code::kNotFound, "run " + scope_.run + " has no thread " + std::to_string(*scope_.thread) +
                                         " (smiley-threads shows them)");
    }
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (at_ < threads_.size()) {
      auto more = Follow(&limit, *out);
      if (!more) return more.status();
      if (*more) return Next::kMore;
    }
    if (!sorted_) Sort();
    while (given_ < order_.size()) {
      Append(out, *order_[given_++]);
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::string members = "\"count\":" + std::to_string(order_.size()) +
                          ",\"exceptions\":" + std::to_string(exceptions_) + ",\"lost\":" + std::to_string(lost_);
    if (book_.left_out() > 0) members += ",\"left_out\":" + std::to_string(book_.left_out());
    if (damaged_) members += ",\"damaged\":true";
    return members;
  }

 private:
  using Group = std::pair<const FlightKey, FlightGroup>;

  // Continues with the current thread. False: the thread is read to its end.
  Result<bool> Follow(StepLimit* limit, const std::string& out) {
    const ThreadInfo& thread = threads_[at_];
    if (walk_ == nullptr) {
      if (scope_.thread && thread.thread != *scope_.thread) {
        ++at_;
        return false;
      }
      auto walk = ThreadWalk::Open(archive_, scope_.run, thread);
      if (!walk) return walk.status();
      walk_ = std::move(*walk);
      tracker_ = std::make_unique<FlightTracker>(walk_.get(), first_of_process_[at_], &functions_, &book_);
    }
    while (true) {
      walk_->OnlyKinds(tracker_->idle() ? FlightTracker::kKinds | 1u << static_cast<unsigned>(shm::Kind::kLost) : 0);
      const RawEvent* event = walk_->Next();
      if (event != nullptr) {
        tracker_->Handle(*event);
        lost_ += event->lost_count;
      } else if (walk_->ended()) {
        break;
      }
      if (limit->Reached(out)) return true;
    }
    tracker_->End();
    if (!walk_->status()) damaged_ = true;
    tracker_.reset();
    walk_.reset();
    ++at_;
    return false;
  }

  void Sort() {
    sorted_ = true;
    for (const Group& group : book_.groups()) {
      order_.push_back(&group);
      exceptions_ += group.second.count;
    }
    std::sort(order_.begin(), order_.end(), [](const Group* a, const Group* b) {
      const bool a_uncaught = std::get<Outcome>(a->first) == Outcome::kUncaught;
      const bool b_uncaught = std::get<Outcome>(b->first) == Outcome::kUncaught;
      if (a_uncaught != b_uncaught) return a_uncaught;
      if (a->second.count != b->second.count) return a->second.count > b->second.count;
      return a->first < b->first;
    });
  }

  void AddPlace(std::string* out, const FlightPlace& place) const {
    if (place.function == UINT32_MAX) {
      *out += "null";
      return;
    }
    const Function& function = functions_.at(place.function);
    JsonObject o(out);
    o.TextOrNull("file", function.file).Number("line", place.line).Text("function", function.name);
    if (function.source != 0) {
      o.Number("source", function.source);
    } else {
      o.Null("source");
    }
    o.End();
  }

  void Append(std::string* out, const Group& group) const {
    const auto& [type, raised, from_outside, outcome, ended] = group.first;
    JsonObject o(out);
    o.Text("type", "exception").Text("exception", type).Text("message", group.second.message);
    std::string place;
    AddPlace(&place, raised);
    o.Raw("raised", place).Flag("from_outside", from_outside).Text("outcome", OutcomeName(outcome));
    place.clear();
    AddPlace(&place, ended);
    o.Raw("ended", place).Number("count", group.second.count);
    o.Text("first", PositionText(group.second.first)).Signed("first_ns", group.second.first.time_ns);
    o.Text("last", PositionText(group.second.last)).Signed("last_ns", group.second.last.time_ns);
    o.End();
    *out += '\n';
  }

  Archive& archive_;
  const CallScope scope_;
  std::vector<ThreadInfo> threads_;
  std::vector<bool> first_of_process_;
  std::size_t at_ = 0;
  std::unique_ptr<ThreadWalk> walk_;
  FunctionBook functions_;
  FlightBook book_;
  std::unique_ptr<FlightTracker> tracker_;
  bool sorted_ = false, damaged_ = false;
  std::vector<const Group*> order_;
  std::size_t given_ = 0;
  std::uint64_t exceptions_ = 0, lost_ = 0;
};

}  // namespace

Reply AnswerExceptions(const Services& services, const Request& request) {
  Reply reply;
  auto scope = ReadCallScope(services.archive, request);
  if (!scope) {
    reply.status = scope.status();
    return reply;
  }
  auto producer = std::make_unique<ExceptionsProducer>(services.archive, std::move(*scope));
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
