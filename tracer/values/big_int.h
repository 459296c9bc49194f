// Thread rule: a function only; any thread.
//
// Decimal digits of large integers without the interpreter, whose own conversion looks for signals: their handlers
// would run inside a hook, and what they raise would be lost.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::tracer {

// The leading `digits` decimal digits (fewer when it has fewer) of a whole number given in hexadecimal digits,
// without sign.
std::string LeadingDigits(std::string_view hex, std::size_t digits);

}  // namespace smiley::tracer
