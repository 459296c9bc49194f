// Thread rule: an EventFilter belongs to one thread; its Expression may be shared.
//
// Expressions over decoded events: what the names of the filter language mean for an Event.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/run/archive.h"
#include "daemon/value/value.h"
#include "shm/expression/expression.h"

namespace smiley::daemon {

using FrameVariables = std::vector<std::pair<const std::string*, ValuePtr>>;
using ValuesByName = std::map<std::string, ValuePtr, std::less<>>;

// One event as a Scope. Byte strings count as texts; integers beyond 64 bits, Decimal and Fraction as doubles; other
// values that were captured as a text (enum members, dates, paths) as that text; redacted and lost ones are missing.
// All pointers are borrowed and must outlive it; all but the event may be null.
class EventScope final : public shm::Scope {
 public:
  struct Names {
    const std::string* thread = nullptr;  // the thread's name
    const std::string* task = nullptr;
  };
  // `variables`: the frame's state after the event (Decoder::Variables); null: only what the event changed.
  // `before`: the values that the event's changed variables had before it.
  EventScope(const Event& event, const FrameVariables* variables, const ValuesByName* before, Names names);

  shm::Operand FieldValue(shm::Field field, int alternative) const override;
  shm::Operand Variable(std::string_view name) const override;
  bool Changed(std::string_view name) const override;
  shm::Operand Before(std::string_view name) const override;
  shm::Operand Attribute(const shm::Operand& object, std::string_view name) const override;
  shm::Operand Item(const shm::Operand& object, const shm::Operand& key) const override;
  bool Contains(const shm::Operand& object, const shm::Operand& needle) const override;
  bool Equal(const shm::Operand& object, const shm::Operand& other_object) const override;
  bool Truthy(const shm::Operand& object) const override;

 private:
  // What a repeated object stands for, if the event or its frame still shows it.
  const Value& Resolve(const shm::Operand& object) const;

  const Event& event_;
  const FrameVariables* variables_;
  const ValuesByName* before_;
  Names names_;
  std::string exception_;  // "Type: message"
};

// Decides for one event after the other whether an expression holds. Give it every event of the run (or thread), in
// order: `self.total changed` needs the values before.
class EventFilter {
 public:
  explicit EventFilter(shm::Expression expression);
  // Names of threads and tasks, for `thread == "MainThread"`; may be given again as more become known.
  void SetNames(const std::vector<ThreadInfo>& threads, const std::vector<TaskInfo>& tasks);
  // `decoder`: the one that made the event, directly after it did; null: only variables changed by the event are
  // seen.
  bool Matches(const Event& event, const Decoder* decoder);
  const shm::Expression& expression() const { return expression_; }

 private:
  shm::Expression expression_;
  std::unordered_map<std::uint32_t, std::string> thread_names_;
  std::unordered_map<std::uint64_t, std::string> task_names_;  // process << 32 | task
  std::set<std::string> names_;                                // what the expression may ask for
  std::map<std::pair<std::uint32_t, std::uint64_t>, ValuesByName>
      last_;  // by process and frame; only when NeedsBefore()
};

}  // namespace smiley::daemon
