// Thread rule: functions only; any thread.
//
// Rules that the readers and writers of values share and FORMAT.md does not state. Private to daemon/value/.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/value/value.h"

namespace smiley::daemon {

// "$type" of forms 1 to 9; empty for all others.
std::string_view ContainerName(std::uint8_t form);
std::uint8_t ContainerForm(std::string_view name);  // 0 = none
// Whether form 18 may carry this name: it is not empty and has no form of its own.
bool IsTextType(std::string_view name);
// Whether the value can be the inner value of a subclass (form 20).
bool CanBeInner(const Value& value);
bool IsDecimal(std::string_view text);  // -?(0|[1-9][0-9]*), and not -0
// Form 16: whether the text holds only the first digits.
bool IsBigIntCut(const Value& value);
// Whether the JSON of a nested value says when it was read.
bool ShowsReadAt(const Value& value);

}  // namespace smiley::daemon
