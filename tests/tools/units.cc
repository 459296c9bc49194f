// Sizes and ages as people type them.
#include "tools/terminal/units.h"

#include <boost/test/unit_test.hpp>

namespace smiley::tools {

BOOST_AUTO_TEST_SUITE(units)

BOOST_AUTO_TEST_CASE(sizes_are_powers_of_a_thousand_unless_they_say_otherwise) {
  BOOST_TEST(ParseBytes("20G").value() == 20'000'000'000u);
  BOOST_TEST(ParseBytes("1.5 GB").value() == 1'500'000'000u);
  BOOST_TEST(ParseBytes("64KiB").value() == 65'536u);
  BOOST_TEST(ParseBytes("3m").value() == 3'000'000u);
  BOOST_TEST(ParseBytes("1000").value() == 1'000u);
  for (const char* wrong : {"", "G", "-1G", "20X", "20 GG", "1e9", "nan", "99999999999T", "i", "4i"}) {
    BOOST_TEST(!ParseBytes(wrong).has_value(), wrong);
  }
}

BOOST_AUTO_TEST_CASE(ages_need_their_unit) {
  BOOST_TEST(ParseAge("7d").value() == 7LL * 86'400 * 1'000'000'000);
  BOOST_TEST(ParseAge("0.5h").value() == 1'800LL * 1'000'000'000);
  BOOST_TEST(ParseAge("0s").value() == 0);
  for (const char* wrong : {"", "7", "d", "-7d", "7dd", "7 years", "99999999999w"}) {
    BOOST_TEST(!ParseAge(wrong).has_value(), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::tools
