// Thread rule: functions only; any thread.
//
// What the readers and writers of values agree on besides FORMAT.md; private to daemon/value*.cc.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/value/value.h"

namespace smiley::daemon {

// "$type" of forms 1 to 9; empty for all others.
std::string_view ContainerName(std::uint8_t form);
std::uint8_t ContainerForm(std::string_view name);  // 0 = none
// Whether form 18 may carry this name: not empty, and not one that has a form of its own.
bool IsTextType(std::string_view name);
// What a subclass (form 20) may stand on.
bool CanBeInner(const Value& value);
bool IsDecimal(std::string_view text);  // -?(0|[1-9][0-9]*), and not -0
// Form 16: the text holds the first digits only.
bool IsBigIntCut(const Value& value);
// Whether a nested value shows when it was read.
bool ShowsReadAt(const Value& value);

}  // namespace smiley::daemon
