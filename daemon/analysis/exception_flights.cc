#include "daemon/analysis/exception_flights.h"

#include <algorithm>

#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMaxHandled = 16;  // most handled exceptions of a frame; older ones have ended
constexpr std::size_t kMaxMessage = 512;

// Reads type and message of an event's exception; both empty: it has none that can be read.
std::pair<std::string, std::string> ExceptionOf(const RawEvent& event) {
  for (const Attachment& attachment : event.attachments) {
    if (attachment.kind != Kind::kException) continue;
    shm::CborReader reader(attachment.bytes);
    std::uint64_t count = 0;
    std::string_view type;
    if (!reader.ReadArray(&count) || count < 1 || count > 2 || !reader.ReadTextOrBytes(&type)) break;
    std::string message;
    if (count == 2) {
      std::size_t used = 0;
      const auto value = DecodeValue(reader.rest(), {}, &used);
      if (value && ((*value)->IsStr() || (*value)->IsBytes())) message = (*value)->text;
    }
    if (message.size() > kMaxMessage) {
      std::size_t end = kMaxMessage;
      while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
      message.resize(end);
    }
    return {std::string(type), std::move(message)};
  }
  return {};
}

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kUncaught:
      return "uncaught";
    case Outcome::kCaught:
      return "caught";
    case Outcome::kAbsorbed:
      return "absorbed";
    case Outcome::kUnfinished:
      return "unfinished";
  }
  return "";
}

void FlightBook::Add(const Flight& flight, Outcome outcome, std::uint32_t thread) {
  FlightKey key{flight.type, flight.raised, flight.from_outside, outcome, flight.ended};
  auto at = groups_.find(key);
  if (at == groups_.end()) {
    if (groups_.size() >= kMaxGroups) {
      ++left_out_;
      return;
    }
    at = groups_.emplace(std::move(key), FlightGroup()).first;
  }
  FlightGroup& group = at->second;
  const FlightGroup::Position position{thread, flight.seq, flight.time_ns};
  if (group.count == 0 || position.time_ns < group.first.time_ns) {
    group.first = position;
    group.message = flight.message;
  }
  if (group.count == 0 || position.time_ns >= group.last.time_ns) group.last = position;
  ++group.count;
}

FlightTracker::~FlightTracker() = default;

FlightPlace FlightTracker::PlaceOf(const RawEvent& event) {
  const std::uint32_t code = walk_->walker().Code(event);
  if (code == 0) return {};
  FlightPlace place{functions_->NumberCode(walk_->names(), walk_->thread().process, code),
                    walk_->walker().Line(event)};
  if (place.line == 0) place.line = functions_->at(place.function).line;
  return place;
}

void FlightTracker::Finish(FlightPtr flight, Outcome outcome) {
  if (flight == nullptr) return;
  --under_way_;
  if (outcome == Outcome::kUncaught || outcome == Outcome::kUnfinished) flight->ended = {};
  book_->Add(*flight, outcome, walk_->thread().thread);
}

void FlightTracker::FinishFrame(Frame* frame, Outcome outcome) {
  for (FlightPtr& flight : frame->handled) Finish(std::move(flight), outcome);
  frame->handled.clear();
  Finish(std::move(frame->active), outcome);
}

FlightTracker::FlightPtr FlightTracker::Begin(const RawEvent& event, std::string type, std::string message,
                                              bool from_outside) {
  ++under_way_;
  auto flight = std::make_unique<Flight>();
  flight->type = std::move(type);
  flight->message = std::move(message);
  flight->raised = flight->ended = PlaceOf(event);
  flight->from_outside = from_outside;
  flight->seq = event.seq;
  flight->time_ns = event.time_ns;
  return flight;
}

void FlightTracker::TakeRaise(const RawEvent& event) {
  auto [type, message] = ExceptionOf(event);
  Frame& frame = frames_.back();
  const bool propagated = (event.flags & shm::kFlagPropagated) != 0;
  if (frame.active != nullptr && propagated && frame.active->type == type) {
    frame.arrived = false;  // the same exception, now recorded in this frame
    frame.active->ended = PlaceOf(event);
    return;
  }
  SwallowActive();
  frame.active = Begin(event, std::move(type), std::move(message), propagated);
  frame.arrived = false;
}

void FlightTracker::TakeHandled(const RawEvent& event) {
  Frame& frame = frames_.back();
  const auto [type, message] = ExceptionOf(event);
  if (frame.active != nullptr) {
    frame.handled.push_back(std::move(frame.active));
    if (frame.handled.size() > kMaxHandled) {
      Finish(std::move(frame.handled.front()), Outcome::kCaught);
      frame.handled.erase(frame.handled.begin());
    }
  } else {
    // The exception moves from a handler that did not keep it to the next one further out.
    const auto is_same = [&type = type, &message = message](const FlightPtr& flight) {
      return flight->type == type && flight->message == message;
    };
    const auto same = std::find_if(frame.handled.rbegin(), frame.handled.rend(), is_same);
    if (same == frame.handled.rend()) return;
    std::rotate(same.base() - 1, same.base(), frame.handled.end());
  }
  frame.handled.back()->ended = PlaceOf(event);
}

// The frame continues without a handler: its open exception was swallowed.
void FlightTracker::SwallowActive() {
  Finish(std::move(frames_.back().active), Outcome::kAbsorbed);
  frames_.back().arrived = false;
}

void FlightTracker::TakeUnwind(const RawEvent& event) {
  Frame& frame = frames_.back();
  auto [type, message] = ExceptionOf(event);
  FlightPtr flight = std::move(frame.active);
  if (flight == nullptr) {
    const auto is_same = [&type = type, &message = message](const FlightPtr& handled) {
      return handled->type == type && handled->message == message;
    };
    const auto same = std::find_if(frame.handled.rbegin(), frame.handled.rend(), is_same);
    if (same != frame.handled.rend()) {
      flight = std::move(*same);
      frame.handled.erase(same.base() - 1);
    } else {
      flight = Begin(event, std::move(type), std::move(message), true);
    }
  }
  for (FlightPtr& handled : frame.handled) Finish(std::move(handled), Outcome::kCaught);
  const auto& stack = walk_->walker().stack();
  const std::uint64_t number = stack.back().frame;
  frames_.pop_back();
  flight->ended = {};
  if (!frames_.empty()) {
    SwallowActive();
    const WalkFrame& caller = stack[stack.size() - 2];
    flight->ended.function = functions_->NumberCode(walk_->names(), walk_->thread().process, caller.code);
    flight->ended.line = caller.line != 0 ? caller.line : functions_->at(flight->ended.function).line;
    frames_.back().active = std::move(flight);
    frames_.back().arrived = true;
  } else if (walk_->walker().hidden() > 0) {
    Finish(std::move(flight), Outcome::kUnfinished);
  } else if (first_thread_ && number == 1) {
    Finish(std::move(flight), Outcome::kUncaught);  // it left the main program
  } else {
    Finish(std::move(left_), Outcome::kAbsorbed);
    left_ = std::move(flight);
  }
}

void FlightTracker::Handle(const RawEvent& event) {
  const CallWalker& walker = walk_->walker();
  const bool enters = EntersFrame(event.kind);
  const std::size_t before = walker.stack().size() - (enters && !walker.stack().empty() ? 1 : 0);
  const std::size_t kept = std::min(walker.kept(), before);
  while (frames_.size() > kept) {
    FinishFrame(&frames_.back(), Outcome::kUnfinished);
    frames_.pop_back();
  }
  frames_.resize(before);
  if (enters) {
    if (before == 0) Finish(std::move(left_), Outcome::kAbsorbed);
    frames_.emplace_back();
    return;
  }
  if (event.kind == Kind::kThreadEnd || event.kind == Kind::kEnd) {
    Finish(std::move(left_), Outcome::kUncaught);
    if (event.kind == Kind::kEnd) return;
    for (Frame& frame : frames_) FinishFrame(&frame, Outcome::kUnfinished);
    frames_.clear();
    return;
  }
  if (frames_.empty()) return;
  switch (event.kind) {
    case Kind::kRaise:
      TakeRaise(event);
      break;
    case Kind::kHandled:
      TakeHandled(event);
      break;
    case Kind::kUnwind:
      TakeUnwind(event);
      break;
    case Kind::kReturn:
    case Kind::kYield:
      SwallowActive();
      for (FlightPtr& flight : frames_.back().handled) Finish(std::move(flight), Outcome::kCaught);
      frames_.pop_back();
      break;
    case Kind::kLine:
      SwallowActive();
      break;
    default:
      break;
  }
}

void FlightTracker::End() {
  const bool ended = walk_->thread().ended;
  Finish(std::move(left_), ended ? Outcome::kUncaught : Outcome::kUnfinished);
  for (Frame& frame : frames_) {
    // An exception that a handler holds counts as caught.
    for (FlightPtr& flight : frame.handled) Finish(std::move(flight), Outcome::kCaught);
    frame.handled.clear();
    Finish(std::move(frame.active), Outcome::kUnfinished);
  }
  frames_.clear();
}

}  // namespace smiley::daemon
