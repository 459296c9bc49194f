#include "tracer/values/big_int.h"

#if defined(__GNUC__) && !defined(__clang__)
// With -O3, GCC 12 warns wrongly: it takes the inline buffer of a cpp_int for its whole memory.
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#endif
#include <boost/multiprecision/cpp_int.hpp>

namespace smiley::tracer {

std::string LeadingDigits(std::string_view hex, std::size_t digits) {
  using boost::multiprecision::cpp_int;
  cpp_int number("0x" + std::string(hex));
  // Digits that are not shown are divided away first, because the conversion takes quadratic time.
  const auto has = static_cast<std::size_t>(static_cast<double>(hex.size()) * 4 * 0.30102999566398120);
  constexpr std::size_t kSpare = 24;
  if (has > digits && has - digits > kSpare) {
    number /= boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(has - digits - kSpare));
  }
  return number.str().substr(0, digits);
}

}  // namespace smiley::tracer
