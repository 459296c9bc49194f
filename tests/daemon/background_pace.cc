// Background work pauses while programs are recorded, unless somebody waits for its result.
#include <boost/test/unit_test.hpp>

#include "daemon/background/pace.h"

using namespace std::chrono_literals;
using smiley::daemon::BackgroundPace;

namespace {

constexpr BackgroundPace::Clock::time_point kStart{1000h};
constexpr BackgroundPace::Clock::time_point kNever{};

}  // namespace

BOOST_AUTO_TEST_SUITE(background_pace)

BOOST_AUTO_TEST_CASE(without_a_recording_it_does_not_rest) {
  BackgroundPace pace;
  BOOST_TEST(pace.Rest(5'000'000, kNever, kStart - 10ms, kStart).count() == 0);
  BOOST_TEST(pace.Rest(5'000'000, kNever, kStart, kStart + 10ms).count() == 0);
  BOOST_TEST(pace.Rest(5'000'900, kNever, kStart + 10ms, kStart + 20ms).count() == 0);  // 90,000 a second
}

BOOST_AUTO_TEST_CASE(while_a_program_is_recorded_it_rests_most_of_the_time) {
  BackgroundPace pace;
  static_cast<void>(pace.Rest(0, kNever, kStart - 10ms, kStart));
  BOOST_CHECK(pace.Rest(20'000, kNever, kStart, kStart + 10ms) == 90ms);
  // The rest counts as time in which events come.
  BOOST_CHECK(pace.Rest(40'000, kNever, kStart + 100ms, kStart + 110ms) == 90ms);
  BOOST_CHECK(pace.Rest(40'500, kNever, kStart + 200ms, kStart + 210ms).count() == 0);  // it has ended
  BOOST_CHECK(pace.Rest(9'040'500, kNever, kStart + 210ms, kStart + 4210ms) == BackgroundPace::kLongest);
}

BOOST_AUTO_TEST_CASE(it_does_not_rest_when_somebody_has_asked) {
  BackgroundPace pace;
  static_cast<void>(pace.Rest(0, kNever, kStart - 10ms, kStart));
  BOOST_TEST(pace.Rest(20'000, kStart + 5ms, kStart, kStart + 10ms).count() == 0);
  BOOST_TEST(pace.Rest(4'000'000, kStart + 5ms, kStart + 10s, kStart + 10s + 10ms).count() == 0);
  BOOST_CHECK(pace.Rest(40'000'000, kStart + 5ms, kStart + 40s, kStart + 40s + 10ms) == 90ms);
}

BOOST_AUTO_TEST_SUITE_END()
