// Thread rule: a function only; any thread.
//
// Decimal digits of large integers, computed without the interpreter. The interpreter's conversion handles pending
// signals: a handler of the program would run inside a hook, and its exception would be lost.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::tracer {

// The leading decimal digits, at most `digits`, of a whole number that is given in hexadecimal digits without a sign.
std::string LeadingDigits(std::string_view hex, std::size_t digits);

}  // namespace smiley::tracer
