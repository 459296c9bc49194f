// Reading chunks before they are needed.
#include "daemon/events/piece_ahead.h"

#include <boost/test/unit_test.hpp>

#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

struct Fixture : TestCore {
  Fixture() {
    StoreLongRun(services().store, "long", 200'000);
    auto index = services().archive.Index("long", 1, 0, 1000);
    BOOST_REQUIRE(index.ok());
    entries = std::move(*index);
    BOOST_REQUIRE(entries.size() > 8u);
  }
  std::vector<PieceEntry> entries;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(piece_ahead, Fixture)

BOOST_AUTO_TEST_CASE(each_piece_is_the_one_that_was_asked_for) {
  PieceAhead ahead(services().archive, "long");
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto piece = ahead.Take(entries[i]);
    BOOST_REQUIRE(piece.ok());
    BOOST_TEST((*piece)->first_seq == entries[i].piece->first_seq);
    BOOST_TEST(!(*piece)->words.empty());
    for (wanted = std::max(wanted, i + 1); wanted < entries.size() && ahead.HasRoom(); ++wanted)
      ahead.Want(entries[wanted]);
  }
}

BOOST_AUTO_TEST_CASE(what_is_dropped_makes_room_and_can_still_be_read) {
  PieceAhead ahead(services().archive, "long");
  if (std::thread::hardware_concurrency() > 1) BOOST_REQUIRE(ahead.HasRoom());
  for (int round = 0; round < 50; ++round) {
    std::size_t count = 0;
    while (ahead.HasRoom()) ahead.Want(entries[count++]);
    BOOST_TEST(count <= PieceAhead::kMost);
    for (std::size_t i = 0; i < count; ++i) ahead.Drop(entries[i]);
  }
  ahead.Drop(entries[0]);  // again
  const auto piece = ahead.Take(entries[0]);
  BOOST_REQUIRE(piece.ok());
  BOOST_TEST((*piece)->first_seq == entries[0].piece->first_seq);
}

BOOST_AUTO_TEST_CASE(a_chunk_that_is_not_there_is_told_when_it_is_taken) {
  PieceAhead ahead(services().archive, "long");
  PieceEntry none = entries[0];
  none.arrival = 1u << 30;
  if (ahead.HasRoom()) ahead.Want(none);
  const auto piece = ahead.Take(none);
  BOOST_TEST(!piece.ok());
  BOOST_TEST((piece.status().code() == Code::kDamaged));
}

BOOST_AUTO_TEST_CASE(it_ends_with_pieces_that_nobody_took) {
  PieceAhead ahead(services().archive, "long");
  for (std::size_t i = 0; ahead.HasRoom(); ++i) ahead.Want(entries[i]);
}

BOOST_AUTO_TEST_SUITE_END()
