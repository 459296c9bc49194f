// Thread rule: an EventFilter belongs to one thread; its Expression may be shared.
//
// Evaluates filter expressions over decoded events: binds the names of the filter language to the members of an
// Event.
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

// One event as a Scope. A byte string counts as a text. An integer beyond 64 bits, a Decimal or a Fraction counts as
// a double. A value captured as a text (an enum member, a date, a path) counts as that text. A redacted or lost value
// is missing. All pointers are borrowed and must outlive the scope; they may be null.
class EventScope final : public shm::Scope {
 public:
  struct Names {
    const std::string* thread = nullptr;  // the thread's name
    const std::string* task = nullptr;
  };
  // `variables`: the frame's variables after the event (Decoder::Variables); null: the scope sees only the variables
  // that the event changed. `before`: the values that those variables had before the event.
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
  // The whole value that a repeated object refers to, when the event or its frame still holds it.
  const Value& Resolve(const shm::Operand& object) const;

  const Event& event_;
  const FrameVariables* variables_;
  const ValuesByName* before_;
  Names names_;
  std::string exception_;  // "Type: message"
};

// Decides for one event after the other whether an expression holds. REQUIRES every event of the run (or thread) in
// order, because `self.total changed` compares with the value before.
class EventFilter {
 public:
  explicit EventFilter(shm::Expression expression);
  // Sets the names of threads and tasks, for `thread == "MainThread"`. May be called again when there are more.
  void SetNames(const std::vector<ThreadInfo>& threads, const std::vector<TaskInfo>& tasks);
  // `decoder`: the decoder that gave the event as its latest; null: only the variables that the event changed are
  // seen.
  bool Matches(const Event& event, const Decoder* decoder);
  const shm::Expression& expression() const { return expression_; }

 private:
  shm::Expression expression_;
  std::unordered_map<std::uint32_t, std::string> thread_names_;
  std::unordered_map<std::uint64_t, std::string> task_names_;  // process << 32 | task
  std::set<std::string> names_;                                // of the variables in the expression
  // The latest values by process and frame; filled only when NeedsBefore().
  std::map<std::pair<std::uint32_t, std::uint64_t>, ValuesByName> last_;
};

}  // namespace smiley::daemon
