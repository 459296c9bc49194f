#include <boost/test/unit_test.hpp>

#include "tests/daemon/piece_maker.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

const std::string kLost = R"({"$type":"lost"})";

struct Fixture {
  std::shared_ptr<TestNames> names = std::make_shared<TestNames>();
  Decoder decoder{names};

  std::vector<Event> Read(PieceMaker& piece) {
    decoder.Start(piece.Done());
    return Drain(decoder);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(decoder, Fixture)

BOOST_AUTO_TEST_CASE(calls_open_frames_and_returns_close_them) {
  PieceMaker piece;
  piece.Event(Kind::kThreadStart, 0).Call(1).Set(1, CborInt(5)).Line(11).Call(2).Line(21);
  piece.Return(21).Attach(Kind::kValue, 0, CborInt(7)).Line(12).Return(12).Attach(Kind::kValue, 0, "\xf6");
  piece.Event(Kind::kThreadEnd, 0);
  const auto events = Read(piece);
  BOOST_REQUIRE_EQUAL(events.size(), 9u);
  const std::vector<std::uint64_t> frames{0, 1, 1, 2, 2, 2, 1, 1, 0}, parents{0, 0, 0, 1, 1, 1, 0, 0, 0};
  const std::vector<std::uint32_t> depths{0, 0, 0, 1, 1, 1, 0, 0, 0}, lines{0, 10, 11, 20, 21, 21, 12, 12, 0};
  for (std::size_t i = 0; i < events.size(); ++i) {
    BOOST_TEST_CONTEXT("event " << i) {
      BOOST_TEST(events[i].seq == i + 1);
      BOOST_TEST(events[i].frame == frames[i]);
      BOOST_TEST(events[i].parent == parents[i]);
      BOOST_TEST(events[i].depth == depths[i]);
      BOOST_TEST(events[i].line == lines[i]);
      BOOST_TEST(events[i].process == 1u);
      BOOST_TEST(events[i].thread == 1u);
      BOOST_TEST(events[i].time_ns == static_cast<std::int64_t>(1'000'000 + i + 1));
    }
  }
  BOOST_TEST(Changed(events[1]) == "a=5");
  BOOST_TEST(events[3].code->function == "g");
  BOOST_TEST(JsonOf(events[5].value, events[5]) == "7");
  BOOST_TEST(JsonOf(events[7].value, events[7]) == "null");
  BOOST_TEST(events[0].code == nullptr);
  BOOST_TEST(decoder.damaged() == 0u);
  BOOST_TEST(decoder.unresolved() == 0u);
}

BOOST_AUTO_TEST_CASE(variables_are_folded_per_frame_and_forgotten_with_it) {
  PieceMaker piece;
  piece.Call(1).Set(1, CborInt(1)).Set(2, CborList(4, {1}));
  piece.Line(11).Patch(2, CborAppend(2));
  piece.Line(12).Set(1, CborText("a longer text")).Word(shm::AttachmentWord(Kind::kUnset, 0, 2, 0));
  piece.Return(12);
  decoder.Start(piece.Done());
  Event event;
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_TEST(State(decoder, 1) == R"(a=1 b={"$type":"list","id":4,"items":[1]})");
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_TEST(Changed(event) == R"(b={"$type":"list","id":4,"items":[1,2]})");
  const Event kept = event;
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_TEST(Changed(event) == R"(a="a longer text" b={"$type":"unbound"})");
  BOOST_TEST(Changed(kept) == R"(b={"$type":"list","id":4,"items":[1,2]})");
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_TEST(State(decoder, 1) == R"(a="a longer text" b={"$type":"unbound"})");  // still there at its return
  BOOST_TEST(!decoder.Next(&event));
  PieceMaker next(5);
  next.Event(Kind::kGc, 0);
  BOOST_TEST(Read(next).size() == 1u);
  BOOST_TEST(State(decoder, 1) == "unknown frame");
}

BOOST_AUTO_TEST_CASE(two_changes_of_one_name_in_one_event_are_one) {
  PieceMaker piece;
  piece.Call(1).Set(2, CborList(4, {})).Patch(2, CborAppend(1)).Patch(2, CborAppend(2)).Set(1, CborInt(3));
  BOOST_TEST(Changed(Read(piece)[0]) == R"(b={"$type":"list","id":4,"items":[1,2]} a=3)");
}

BOOST_AUTO_TEST_CASE(a_change_of_what_is_not_known_is_lost) {
  PieceMaker piece;
  piece.Call(1).Patch(1, CborAppend(1)).Line(11).Patch(1, CborAppend(2)).Line(12).Set(1, CborInt(1));
  const auto events = Read(piece);
  BOOST_TEST(Changed(events[0]) == "a=" + kLost);
  BOOST_TEST(Changed(events[1]) == "a=" + kLost);
  BOOST_TEST(Changed(events[2]) == "a=1");
}

BOOST_AUTO_TEST_CASE(generators_keep_frame_line_and_variables) {
  PieceMaker piece;
  piece.Call(1).Line(11).Call(3).Set(1, CborList(2, {1})).Line(31);
  piece.Event(Kind::kYield, 31).Attach(Kind::kValue, 0, CborInt(1)).Line(12);
  piece.Event(Kind::kResume, 3).Frame(2).Attach(Kind::kValue, 0, CborInt(9)).Line(32).Patch(1, CborAppend(2));
  piece.Event(Kind::kYield, 32).Event(Kind::kThrow, 3).Frame(2);
  piece.Attach(Kind::kException, 0,
               MadeCbor([](shm::CborWriter& w) { w.ArrayHeader(2), w.Text("KeyError"), w.Text("'k'"); }));
  piece.Event(Kind::kUnwind, 33).Call(2);
  const auto events = Read(piece);
  BOOST_REQUIRE_EQUAL(events.size(), 12u);
  BOOST_TEST((events[6].kind == Kind::kResume));
  BOOST_TEST(events[6].frame == 2u);
  BOOST_TEST(events[6].parent == 1u);
  BOOST_TEST(events[6].line == 31u);
  BOOST_TEST(JsonOf(events[6].value, events[6]) == "9");
  BOOST_TEST(Changed(events[7]) == R"(a={"$type":"list","id":2,"items":[1,2]})");
  BOOST_TEST((events[9].kind == Kind::kThrow));
  BOOST_TEST(events[9].line == 32u);
  BOOST_TEST(events[9].exception_type == "KeyError");
  BOOST_TEST(events[9].exception_message == "'k'");
  BOOST_TEST(events[10].depth == 1u);
  BOOST_TEST(events[11].frame == 3u);  // one more than the latest call, whichever frames were resumed since
  BOOST_TEST(events[11].parent == 1u);
}

BOOST_AUTO_TEST_CASE(frames_that_several_threads_number_are_attached) {
  PieceMaker piece;
  piece.Call(1).Frame(40).Call(2).Event(Kind::kRaise, 21, 1, shm::kFlagPropagated).Event(Kind::kRaise, 22);
  const auto events = Read(piece);
  BOOST_TEST(events[0].frame == 40u);
  BOOST_TEST(events[1].frame == 41u);
  BOOST_TEST(events[1].parent == 40u);
  BOOST_TEST(events[2].propagated);
  BOOST_TEST(!events[3].propagated);
}

BOOST_AUTO_TEST_CASE(times_follow_anchors_and_never_go_back) {
  PieceMaker piece;
  piece.piece().time = {1000, 5'000'000, 1'000'000, 2.0};
  piece.Base(1000);
  piece.Event(Kind::kGc, 0, 10);                                   // 5,000,020
  piece.Event(Kind::kGc, 0, 0).Words(Kind::kAnchor, {4'000'300});  // 5,000,300
  piece.Event(Kind::kGc, 0, 5);                                    // 5,000,310
  piece.Event(Kind::kGc, 0, 1).Words(Kind::kAnchor, {4'000'100});  // clamped
  piece.Event(Kind::kGc, 0, 2).Words(Kind::kTime, {1});            // 2^32 + 2 units on
  const auto events = Read(piece);
  BOOST_TEST(events[0].time_ns == 5'000'020);
  BOOST_TEST(events[1].time_ns == 5'000'300);
  BOOST_TEST(events[2].time_ns == 5'000'310);
  BOOST_TEST(events[3].time_ns == 5'000'310);
  BOOST_TEST(events[4].time_ns == 5'000'100 + 2 * ((std::int64_t{1} << 32) + 2));
}

BOOST_AUTO_TEST_CASE(a_piece_in_the_middle_of_a_run_starts_from_its_header) {
  PieceMaker piece(1000);
  piece.Open({{7, 1, 12}, {9, 2, 22}}, 30).Base(500, 50);
  piece.Event(Kind::kStdout, 0).Attach(Kind::kText, 0, CborText("hi")).Line(23).Set(1, CborInt(1)).Return(23).Call(3);
  piece.Return(31).Return(13).Return(99).Line(98);
  const auto events = Read(piece);
  BOOST_TEST(events[0].seq == 1000u);
  BOOST_TEST(events[0].line == 22u);
  BOOST_TEST(events[0].depth == 31u);
  BOOST_TEST(JsonOf(events[0].value, events[0]) == "\"hi\"");
  BOOST_TEST(events[1].frame == 9u);
  BOOST_TEST(events[1].parent == 7u);
  BOOST_TEST(events[3].frame == 51u);
  BOOST_TEST(events[3].depth == 31u);
  BOOST_TEST(events[5].frame == 7u);
  BOOST_TEST(events[5].parent == 0u);
  BOOST_TEST(events[5].depth == 30u);
  BOOST_TEST(events[6].frame == 0u);  // below the header's frames: the depth is exact, the frame is not known
  BOOST_TEST(events[6].depth == 29u);
  BOOST_TEST(events[7].depth == 28u);
  BOOST_TEST(events[7].line == 98u);
  BOOST_TEST(events[7].code == nullptr);
  BOOST_TEST(decoder.damaged() == 0u);
}

BOOST_AUTO_TEST_CASE(pieces_that_follow_each_other_keep_the_whole_stack_and_the_variables) {
  PieceMaker first;
  std::vector<shm::OpenFrame> open;
  for (std::uint32_t i = 0; i < 30; ++i) {
    first.Call(1);
    open.push_back({i + 1, 1, 0});
  }
  first.Set(1, CborList(2, {}));
  Read(first);
  open.erase(open.begin(), open.begin() + 6);
  PieceMaker second(31);
  second.Open(open, 6).Base(30, 30).Line(11).Patch(1, CborAppend(1));
  for (int i = 0; i < 30; ++i) second.Return(12);
  const auto events = Read(second);
  BOOST_TEST(Changed(events[0]) == R"(a={"$type":"list","id":2,"items":[1]})");
  BOOST_TEST(events[30].frame == 1u);
  BOOST_TEST(events[30].depth == 0u);
}

BOOST_AUTO_TEST_CASE(behind_a_gap_variables_are_lost_until_they_are_told_again) {
  for (const bool by_seq : {true, false}) {
    Decoder fresh{names};
    PieceMaker first;
    first.Call(1).Set(1, CborList(2, {})).Set(2, CborInt(5));
    fresh.Start(first.Done());
    Drain(fresh);
    PieceMaker second(by_seq ? 9 : 2);
    second.piece().damaged_before = !by_seq;
    second.Open({{1, 1, 11}}).Base(1, 1).Line(12).Patch(1, CborAppend(1)).Line(13).Set(1, CborInt(3));
    fresh.Start(second.Done());
    Event event;
    BOOST_REQUIRE(fresh.Next(&event));
    BOOST_TEST(Changed(event) == "a=" + kLost);
    BOOST_TEST(State(fresh, 1) == "a=" + kLost + " b=" + kLost);
    BOOST_REQUIRE(fresh.Next(&event));
    BOOST_TEST(State(fresh, 1) == "a=3 b=" + kLost);
  }
}

BOOST_AUTO_TEST_CASE(a_loss_has_its_first_number_its_count_and_its_times) {
  PieceMaker first;
  first.Call(1).Set(1, CborList(2, {}));
  Read(first);
  PieceMaker second(2);  // the header's first_seq is the first lost one
  second.Open({{1, 1, 11}, {8, 2, 0}})
      .Base(50, 8)
      .Loss(2, 10, 20, 50)
      .Line(21)
      .Return(21)
      .Line(12)
      .Patch(1, CborAppend(1));
  const auto events = Read(second);
  BOOST_REQUIRE_EQUAL(events.size(), 4u);
  BOOST_TEST((events[0].kind == Kind::kLost));
  BOOST_TEST(events[0].seq == 2u);
  BOOST_TEST(events[0].lost_count == 10u);
  BOOST_TEST(events[0].lost_first_ns == 1'000'020);
  BOOST_TEST(events[0].lost_last_ns == 1'000'050);
  BOOST_TEST(events[1].seq == 12u);
  BOOST_TEST(events[1].frame == 8u);
  BOOST_TEST(events[1].depth == 1u);
  BOOST_TEST(events[3].frame == 1u);
  BOOST_TEST(Changed(events[3]) == "a=" + kLost);
}

BOOST_AUTO_TEST_CASE(a_loss_told_twice_counts_once) {
  PieceMaker first;
  first.Call(1).Loss(2, 10, 2, 5).Line(11);
  BOOST_TEST(Read(first).back().seq == 12u);
  PieceMaker second(13);
  second.Open({{1, 1, 11}}).Base(5, 1).Loss(2, 10, 2, 5).Line(12).Loss(10, 8, 2, 9).Line(13);
  const auto events = Read(second);
  BOOST_REQUIRE_EQUAL(events.size(), 3u);
  BOOST_TEST(events[0].seq == 13u);
  BOOST_TEST(events[1].seq == 14u);
  BOOST_TEST(events[1].lost_count == 4u);
  BOOST_TEST(events[2].seq == 18u);
}

BOOST_AUTO_TEST_CASE(tasks_stay_until_they_change) {
  PieceMaker piece;
  piece.Event(Kind::kTask, 3).Call(1).Event(Kind::kTask, 0).Line(11);
  const auto events = Read(piece);
  BOOST_TEST(events[0].task == 3u);
  BOOST_TEST(events[1].task == 3u);
  BOOST_TEST(events[2].task == 0u);
  BOOST_TEST(events[3].task == 0u);
}

BOOST_AUTO_TEST_CASE(marks_show_what_they_carry_without_touching_the_frame) {
  PieceMaker piece;
  piece.Call(1).Set(1, CborInt(1)).Event(Kind::kMark, 2).Set(1, CborInt(99)).Line(11);
  decoder.Start(piece.Done());
  Event event;
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_REQUIRE(decoder.Next(&event));
  BOOST_TEST(Changed(event) == "a=99");
  BOOST_TEST(JsonOf(event.value, event) == "\"b\"");
  BOOST_TEST(event.frame == 1u);
  BOOST_TEST(State(decoder, 1) == "a=1");
}

BOOST_AUTO_TEST_CASE(frames_with_many_names_and_many_waiting_generators) {
  for (std::uint32_t i = 0; i < 500; ++i) names->AddString(100 + i, "v" + std::to_string(i));
  PieceMaker piece;
  piece.Call(1);
  for (std::uint32_t i = 0; i < 500; ++i) piece.Set(100 + i, CborInt(i));
  piece.Line(11);
  for (std::uint32_t i = 0; i < 500; ++i) piece.Set(100 + i, CborInt(-1));
  auto events = Read(piece);
  BOOST_TEST(events[0].changed.size() == 500u);
  BOOST_TEST(events[1].changed.size() == 500u);
  BOOST_TEST(decoder.Variables(1)->size() == 500u);
  PieceMaker many(3);
  many.Open({{1, 1, 11}}).Base(2, 1);
  for (int i = 0; i < 100'010; ++i) many.Call(3).Set(1, CborInt(i)).Event(Kind::kYield, 31);
  Read(many);
  BOOST_TEST(decoder.Variables(2) == nullptr);
  BOOST_TEST(State(decoder, 100'011) == "a=100009");
}

// The values of frames that wait long are packed into bytes.
BOOST_AUTO_TEST_CASE(generators_that_wait_for_long_keep_their_variables) {
  constexpr int kMany = 1000;
  const auto list_of = [](int i) {
    return "a=" + std::to_string(i) + R"( b={"$type":"list","id":)" + std::to_string(10 + i) + R"(,"items":[)" +
           std::to_string(i) + ",7";
  };
  PieceMaker piece;
  piece.Call(1);
  for (int i = 0; i < kMany; ++i) {
    piece.Call(3).Set(1, CborInt(i)).Set(2, CborList(10 + static_cast<std::uint64_t>(i), {i}));
    piece.Line(31).Patch(2, CborAppend(7)).Word(shm::AttachmentWord(Kind::kUnset, 0, 3, 0)).Event(Kind::kYield, 31);
  }
  Read(piece);
  int taken = 0;
  decoder.TakeChangedFrames(1, [&](std::uint64_t frame, const FrameSnapshot& snapshot) {
    if (frame == 1) return;
    ++taken;
    BOOST_REQUIRE_EQUAL(snapshot.variables.size(), 3u);
    BOOST_REQUIRE_EQUAL(snapshot.variables[0].second->integer, static_cast<std::int64_t>(frame) - 2);
  });
  BOOST_TEST(taken == kMany);
  for (const int i : {0, 1, 500, 743, 744, 999}) {
    BOOST_TEST(State(decoder, static_cast<std::uint64_t>(2 + i)) == list_of(i) + R"(]} c={"$type":"unbound"})");
  }
  // Each frame resumes, the longest waiting first, and is suspended again with the same list.
  PieceMaker again(2 + 3 * kMany);
  again.Open({{1, 1, 11}}).Base(1 + kMany, 1);
  for (int i = 0; i < kMany; ++i) {
    again.Event(Kind::kResume, 3)
        .Frame(2 + static_cast<std::uint64_t>(i))
        .Patch(2, CborAppend(8))
        .Event(Kind::kYield, 32);
  }
  const auto events = Read(again);
  BOOST_REQUIRE_EQUAL(events.size(), 2u * kMany);
  for (int i = 0; i < kMany; ++i) BOOST_REQUIRE_EQUAL(events[2 * i].line, 31u);
  for (int i = 0; i < kMany; ++i) {
    BOOST_REQUIRE_EQUAL(State(decoder, static_cast<std::uint64_t>(2 + i)),
                        list_of(i) + R"(,8]} c={"$type":"unbound"})");
  }
}

BOOST_AUTO_TEST_CASE(a_generator_goes_on_in_another_thread) {
  PieceMaker one, two(1, 2), back(4);
  one.Call(3).Set(1, CborInt(1)).Event(Kind::kYield, 31).Event(Kind::kGc, 0);
  Read(one);
  two.Call(1).Frame(2).Event(Kind::kResume, 3).Frame(1).Set(1, CborInt(2)).Event(Kind::kYield, 32);
  const auto events = Read(two);
  BOOST_TEST(events[1].line == 31u);
  BOOST_TEST(State(decoder, 1) == "a=2");
  // A gap in the first thread does not concern a frame that the second thread wrote.
  back.piece().damaged_before = true;
  back.Event(Kind::kGc, 0);
  Read(back);
  BOOST_TEST(State(decoder, 1) == "a=2");
}

BOOST_AUTO_TEST_SUITE_END()
