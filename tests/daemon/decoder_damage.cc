#include <boost/test/unit_test.hpp>
#include <random>

#include "tests/daemon/piece_maker.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

struct Fixture {
  std::shared_ptr<TestNames> names = std::make_shared<TestNames>();
  Decoder decoder{names};
  std::vector<Event> Read(PieceMaker& piece) {
    decoder.Start(piece.Done());
    return Drain(decoder);
  }
};

PieceMaker Continuation(std::uint64_t first_seq, std::uint32_t flags = 0) {
  PieceMaker piece(first_seq);
  piece.piece().begins_inside = true;
  piece.Open({{1, 1, 11}}).Base(2, 1).Event(Kind::kMore, 0, 0, flags);
  return piece;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(decoder_damage, Fixture)

BOOST_AUTO_TEST_CASE(an_event_that_goes_on_waits_for_all_its_pieces) {
  PieceMaker first;
  first.Call(1).Event(Kind::kLine, 11, 1, shm::kFlagMore).Set(1, CborInt(1)).Event(Kind::kPad, 0, 0);
  BOOST_TEST(Read(first).size() == 1u);
  PieceMaker second = Continuation(3, shm::kFlagMore);
  second.Set(2, CborInt(2));
  BOOST_TEST(Read(second).empty());
  PieceMaker third = Continuation(3);
  third.Set(3, CborText("the last part of it")).Line(12);
  const auto events = Read(third);
  BOOST_REQUIRE_EQUAL(events.size(), 2u);
  BOOST_TEST(events[0].seq == 2u);
  BOOST_TEST(Changed(events[0]) == R"(a=1 b=2 c="the last part of it")");
  BOOST_TEST(events[1].seq == 3u);
  BOOST_TEST(events[1].line == 12u);
  BOOST_TEST(decoder.damaged() == 0u);
}

BOOST_AUTO_TEST_CASE(an_event_whose_rest_never_comes_is_given_at_the_end) {
  PieceMaker first;
  first.Call(1).Event(Kind::kLine, 11, 1, shm::kFlagMore).Set(1, CborInt(1));
  BOOST_TEST(Read(first).size() == 1u);
  BOOST_TEST(decoder.Finish(1));
  BOOST_TEST(Drain(decoder).size() == 1u);
  BOOST_TEST(!decoder.Finish(1));
  BOOST_TEST(!decoder.Finish(5));
}

BOOST_AUTO_TEST_CASE(a_cut_tail_makes_later_changes_lost) {
  PieceMaker first;
  first.Call(1).Set(2, CborList(4, {})).Event(Kind::kLine, 11, 1, shm::kFlagMore).Set(1, CborInt(1));
  Read(first);
  PieceMaker second(3);
  second.Open({{1, 1, 11}}).Base(2, 1).Line(12).Patch(2, CborAppend(1));
  const auto events = Read(second);
  BOOST_REQUIRE_EQUAL(events.size(), 2u);
  BOOST_TEST(Changed(events[0]) == "a=1");
  BOOST_TEST(Changed(events[1]) == R"(b={"$type":"lost"})");
}

BOOST_AUTO_TEST_CASE(a_continuation_of_nothing_is_passed_over) {
  PieceMaker piece = Continuation(7);
  piece.Set(1, CborInt(1)).Line(12).Set(2, CborInt(2));
  const auto events = Read(piece);
  BOOST_REQUIRE_EQUAL(events.size(), 1u);
  BOOST_TEST(events[0].seq == 7u);
  BOOST_TEST(Changed(events[0]) == "b=2");
}

BOOST_AUTO_TEST_CASE(a_continuation_of_another_event_is_not_taken_for_its_own) {
  PieceMaker first;
  first.Call(1).Event(Kind::kLine, 11, 1, shm::kFlagMore).Set(1, CborInt(1));
  Read(first);
  PieceMaker later = Continuation(20);
  later.Set(2, CborInt(2)).Line(12);
  const auto events = Read(later);
  BOOST_REQUIRE_EQUAL(events.size(), 2u);
  BOOST_TEST(Changed(events[0]) == "a=1");
  BOOST_TEST(events[1].seq == 20u);
}

BOOST_AUTO_TEST_CASE(a_piece_that_was_read_is_let_go) {
  PieceMaker maker;
  maker.Call(1).Line(11);
  PiecePtr piece = maker.Done();
  const std::weak_ptr<const Piece> watch = piece;
  decoder.Start(std::move(piece));
  BOOST_TEST(!watch.expired());
  BOOST_TEST(Drain(decoder).size() == 2u);
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(ids_without_a_record_are_counted) {
  PieceMaker piece;
  piece.Call(77).Set(88, CborInt(1)).Set(1, CborInt(2));
  const auto events = Read(piece);
  BOOST_TEST(events[0].code == nullptr);
  BOOST_TEST(events[0].frame == 1u);
  BOOST_TEST(Changed(events[0]) == "a=2");
  BOOST_TEST(decoder.unresolved() == 2u);
}

BOOST_AUTO_TEST_CASE(broken_values_are_lost_and_counted) {
  PieceMaker piece;
  piece.Call(1).Set(1, "\xff\xff\xff\xff\xff").Set(2, "\x9b").Attach(Kind::kException, 0, CborInt(5));
  piece.Line(11).Set(3, CborList(4, {})).Line(12).Patch(3, "\x81\x81\x63");
  const auto events = Read(piece);
  BOOST_TEST(Changed(events[0]) == R"(a={"$type":"lost"} b={"$type":"lost"})");
  BOOST_TEST(Changed(events[2]) == R"(c={"$type":"lost"})");
  BOOST_TEST(decoder.damaged() == 4u);
}

BOOST_AUTO_TEST_CASE(a_payload_beyond_the_piece_ends_it) {
  PieceMaker piece;
  piece.Call(1).Line(11).Word(shm::AttachmentWord(Kind::kSet, 0, 1, 4000)).Word(0);
  BOOST_TEST(Read(piece).size() == 2u);
  BOOST_TEST(decoder.damaged() == 1u);
}

BOOST_AUTO_TEST_CASE(returns_without_a_call_do_no_harm) {
  PieceMaker piece;
  for (int i = 0; i < 10; ++i) piece.Return(5);
  const auto events = Read(piece);
  BOOST_TEST(events.size() == 10u);
  for (const Event& event : events) BOOST_TEST(event.depth == 0u);
  BOOST_TEST(decoder.damaged() == 10u);
}

BOOST_AUTO_TEST_CASE(any_words_can_be_read) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 20'000; ++round) {
    PieceMaker piece(random() % 4 == 0 ? random() : random() % 50, 1 + random() % 3);
    piece.piece().begins_inside = random() % 3 == 0;
    piece.piece().damaged_before = random() % 8 == 0;
    piece.piece().time = {random(), static_cast<std::int64_t>(random()), static_cast<std::int64_t>(random()),
                          round % 7 * 1e9};
    piece.piece().state.depth = random() % 5 == 0 ? static_cast<std::uint32_t>(random()) : random() % 9;
    piece.piece().state.shown = random() % 5 == 0 ? static_cast<std::uint32_t>(random()) : random() % 9;
    for (std::size_t i = random() % 40; i > 0; --i) {
      std::uint64_t word = random();
      if (random() % 4 != 0)
        word = shm::EventWord(static_cast<Kind>(random() % 43), random() % 4, random() % 5, random() % 40);
      piece.Word(word);
    }
    decoder.Start(piece.Done());
    Event event;
    int left = random() % 4 == 0 ? 2 : 1000;  // some readers stop half-way
    while (left-- > 0 && decoder.Next(&event)) {
      BOOST_REQUIRE(event.kind >= Kind::kCall);
      BOOST_REQUIRE(event.kind <= Kind::kEnd);
      if (event.frame != 0) (void)decoder.Variables(event.frame);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
