// Clients that watch: a fast one gets every entry in order, a slow one gets an exact count of the skipped events.
#include "daemon/live/live_feed.h"

#include <boost/test/unit_test.hpp>
#include <map>

namespace smiley::daemon {
namespace {

PiecePtr MakePiece(const std::string& run, std::uint64_t first, std::uint64_t events) {
  auto piece = std::make_shared<Piece>();
  piece->run = run;
  piece->first_seq = first;
  piece->events = events;
  piece->last_seq = first + events - 1;
  piece->words.resize(1000);
  return piece;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live_feed)

BOOST_AUTO_TEST_CASE(a_reader_sees_what_comes_from_now_on_and_is_woken_once) {
  LiveFeed feed;
  feed.Publish(MakePiece("a", 1, 10));
  int woken = 0;
  auto reader = feed.Watch([&] { ++woken; });
  BOOST_TEST(feed.readers() == 1u);
  feed.Publish(MakePiece("a", 11, 10));
  feed.Publish(MakePiece("b", 1, 5));
  BOOST_TEST(woken == 1);
  auto taken = reader->Take(1u << 20);
  BOOST_REQUIRE(taken.entries.size() == 2u);
  BOOST_TEST(taken.entries[0].piece->first_seq == 11u);
  BOOST_TEST(taken.entries[1].number == taken.entries[0].number + 1);
  BOOST_TEST(taken.skipped.empty());
  BOOST_TEST(!taken.more);
  BOOST_TEST(reader->Take(1u << 20).entries.empty());
  feed.Publish(MakePiece("a", 21, 10));
  BOOST_TEST(woken == 2);
  reader.reset();
  BOOST_TEST(feed.readers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_small_take_says_that_more_is_there) {
  LiveFeed feed;
  auto reader = feed.Watch({});
  for (std::uint64_t i = 0; i < 10; ++i) feed.Publish(MakePiece("a", 1 + i, 1));
  std::uint64_t got = 0;
  bool more = true;
  while (more) {
    const auto taken = reader->Take(1);
    BOOST_REQUIRE(taken.entries.size() == 1u);
    BOOST_TEST(taken.entries[0].piece->first_seq == ++got);
    more = taken.more;
  }
  BOOST_TEST(got == 10u);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_loses_its_own_and_is_told_how_many) {
  LiveFeed feed(100'000);  // about ten pieces
  auto slow = feed.Watch({});
  auto quick = feed.Watch({});
  std::uint64_t quick_events = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    feed.Publish(MakePiece(i % 2 == 0 ? "a" : "b", 1 + i, 7));
    const auto taken = quick->Take(1u << 20);
    BOOST_TEST(taken.skipped.empty());
    for (const auto& entry : taken.entries) quick_events += entry.piece->events;
  }
  BOOST_TEST(quick_events == 700u);
  const auto taken = slow->Take(10u << 20);
  std::map<std::string, std::uint64_t> events;
  for (const auto& entry : taken.entries) events[entry.run_id()] += entry.piece->events;
  BOOST_TEST(taken.entries.back().number >= 99u);
  BOOST_REQUIRE(taken.skipped.size() == 2u);
  for (const SkippedEvents& skipped : taken.skipped) {
    BOOST_TEST(events[skipped.run] > 0u);
    BOOST_TEST(events[skipped.run] + skipped.events == 350u);
    BOOST_TEST(skipped.first_seq == (skipped.run == "a" ? 1u : 2u));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
