// A build without SMILEY_CHECKS compiles a precondition and never evaluates it.
#undef SMILEY_CHECKS
#include <boost/test/unit_test.hpp>

#include "shm/base/requires.h"

bool NeverCalled();  // no definition, so a call would not link

namespace {

// A constant expression cannot call a function that is not constexpr.
constexpr int Checked(int number) {
  SMILEY_REQUIRES(NeverCalled());
  return number;
}
static_assert(Checked(3) == 3);

}  // namespace

BOOST_AUTO_TEST_SUITE(preconditions)

BOOST_AUTO_TEST_CASE(is_not_evaluated_without_checks) {
  int evaluated = 0;
  SMILEY_REQUIRES(++evaluated > 100);
  BOOST_TEST(evaluated == 0);
}

BOOST_AUTO_TEST_SUITE_END()
