#include <boost/test/unit_test.hpp>

#include "daemon/analysis/diff_align.h"
#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

struct Fixture {
  TestCore core;
  std::vector<std::string> Diff(const std::vector<Piece>& a, const std::vector<Piece>& b,
                                const std::string& fields = "") {
    const std::string n = std::to_string(++runs);
    StorePieces(core.core().store(), "a" + n, a);
    StorePieces(core.core().store(), "b" + n, b);
    return Answered(core.services(), R"({"op":"diff","run":"a)" + n + R"(","other":"b)" + n + "\"" + fields + "}");
  }
  int runs = 0;
};

// "kind count a-place b-place names".
std::string Short(const std::string& line) {
  const auto spot = [&](const std::string& side) {
    const std::size_t at = line.find("\"" + side + "\":");
    const std::string part = line.substr(at + side.size() + 3);
    if (part.starts_with("null")) return std::string("-");
    return Member(part, "event") + "@" + Member(part, "function") + ":" + Member(part, "line");
  };
  std::string names;
  for (std::size_t at = line.find("\"names\":["); (at = line.find("{\"name\":\"", at)) != std::string::npos; ++at) {
    names += " " + Member(line.substr(at), "name") + "=" + Member(line.substr(at), "a") + "/" +
             Member(line.substr(at), "b");
  }
  return Member(line, "kind") + " " + Member(line, "count") + " " + spot("a") + " " + spot("b") + names;
}

std::string CborFresh(std::uint64_t id, int item) { return CborList(id, {item}); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(diff, Fixture)

BOOST_AUTO_TEST_CASE(stretches_are_aligned_on_what_fits) {
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
  BOOST_TEST((Align({1, 2, 3, 4}, {1, 3, 4}) == Pairs{{0, 0}, {2, 1}, {3, 2}}));
  BOOST_TEST(Align({1, 2}, {3, 4}).empty());
  BOOST_TEST(Align({}, {1}).empty());
  // Long stretches are aligned by hashes that are unique in both.
  std::vector<std::uint64_t> a, b;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    a.push_back(i * 2 + 1);
    if (i % 100 == 50) b.push_back(1'000'000 + i);
    if (i % 3 != 0) b.push_back(i * 2 + 1);
    if (i % 3 == 0) b.push_back(2'000'000 + i);
  }
  const auto pairs = Align(a, b);
  BOOST_TEST(pairs.size() == 3333u);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    BOOST_REQUIRE_EQUAL(a[pairs[i].first], b[pairs[i].second]);
    if (i > 0) BOOST_REQUIRE(pairs[i - 1].first < pairs[i].first && pairs[i - 1].second < pairs[i].second);
  }
}

BOOST_AUTO_TEST_CASE(times_ids_and_addresses_do_not_count) {
  PieceMaker a, b;
  a.Call(1).Set(1, CborFresh(7, 5)).Line(11).Set(2, CborText("<Shop at 0x7f00aa11bb22>")).Return(12);
  b.Call(1).Set(1, CborFresh(99, 5)).Event(Kind::kLine, 11, 5000).Set(2, CborText("<Shop at 0x7f99dd33ee44>"));
  b.Event(Kind::kGc, 0).Line(12).Return(12);
  PieceMaker same;
  same.Call(1).Set(1, CborFresh(99, 5)).Event(Kind::kLine, 11, 5000).Set(2, CborText("<Shop at 0x7f99dd33ee44>"));
  same.Event(Kind::kGc, 0).Return(12);
  const auto equal = Diff({a.piece()}, {same.piece()});
  BOOST_REQUIRE_EQUAL(equal.size(), 1u);
  BOOST_TEST(equal[0] == R"(end: "equal":true,"count":0,"groups":0,"differences":0,"events":7,"lost":0,"all":true)");
  BOOST_TEST(Diff({a.piece()}, {b.piece()})[0] != equal[0]);  // one more line is a difference
}

BOOST_AUTO_TEST_CASE(a_value_told_again_is_no_difference) {
  PieceMaker a, b;
  a.Call(1).Set(1, CborInt(5)).Line(11).Line(12).Return(12);
  b.Call(1).Set(1, CborInt(5)).Line(11).Set(1, CborInt(5)).Line(12).Return(12);
  BOOST_TEST(Diff({a.piece()}, {b.piece()}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_first_difference_of_values_has_both_and_the_line_that_made_it) {
  PieceMaker a, b;
  for (auto [piece, value] : {std::pair(&a, 3), std::pair(&b, 4)}) {
    piece->Call(1).Set(1, CborInt(1)).Line(11).Call(2).Line(21).Line(22).Set(2, CborInt(value)).Return(22);
    piece->Attach(Kind::kValue, 0, CborInt(value)).Line(12).Set(3, CborInt(value)).Return(12);
  }
  const auto lines = Diff({a.piece()}, {b.piece()});
  BOOST_REQUIRE_EQUAL(lines.size(), 4u);
  BOOST_TEST(Short(lines[0]) == "value 1 line@g:21 line@g:21 b=3/4");
  BOOST_TEST(Member(lines[0], "first") == "true");
  BOOST_TEST(
      lines[0].find(R"("stack":[{"file":"/abs/app.py","line":11,"function":"f"},{"file":"/abs/app.py","line":22,)"
                    R"("function":"g"}])") != std::string::npos);
  BOOST_TEST(lines[0].find(R"("a_text":"3","b":4,"b_text":"4")") != std::string::npos);
  BOOST_TEST(Short(lines[1]) == "value 1 return@g:22 return@g:22 (returned)=3/4");
  BOOST_TEST(Short(lines[2]) == "value 1 line@f:11 line@f:11 c=3/4");
  BOOST_TEST(Diff({a.piece()}, {b.piece()}, R"(,"values":false)").size() == 1u);
  BOOST_TEST(Diff({a.piece()}, {b.piece()}, R"(,"ignore":["b","c"])").size() == 2u);  // the return value is left
}

BOOST_AUTO_TEST_CASE(calls_that_one_makes_do_not_hide_what_follows) {
  PieceMaker a, b;
  for (PieceMaker* piece : {&a, &b}) {
    piece->Call(1).Line(11);
    for (int i = 0; i < 5; ++i) {
      piece->Call(2).Line(21).Return(21).Line(12);
      if (piece == &b && i == 2) piece->Call(3).Line(31).Call(2).Line(21).Return(21).Return(31).Line(12);
    }
    piece->Call(2).Line(piece == &a ? 22 : 23).Return(24).Line(13).Return(13);
  }
  const auto lines = Diff({a.piece()}, {b.piece()});
  std::vector<std::string> shown;
  for (const auto& line : lines) {
    if (line.starts_with("{")) shown.push_back(Short(line));
  }
  const std::vector<std::string> expected = {"calls 1 - call@gen:30", "flow 1 line@g:22 line@g:23"};
  // The line behind the call that only one run makes differs, too, as one step.
  BOOST_REQUIRE(shown.size() >= 2u);
  BOOST_TEST(shown[0] == expected[0]);
  BOOST_TEST((std::find(shown.begin(), shown.end(), expected[1]) != shown.end()));
  BOOST_TEST(Member(lines[0], "events") == "6");
  BOOST_TEST(Member(lines.back().substr(5), "equal") == "false");
}

BOOST_AUTO_TEST_CASE(exceptions_and_threads_that_one_has) {
  PieceMaker a, b, other(1, 2);
  a.Call(1).Line(11).Line(12).Return(12);
  b.Call(1).Line(11).Event(Kind::kRaise, 11).Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
  b.Event(Kind::kHandled, 13).Attach(Kind::kException, 0, CborException("KeyError", "'k'")).Line(13).Return(13);
  other.Call(2).Return(21);
  const auto lines = Diff({a.piece()}, {b.piece(), other.piece()});
  std::string kinds;
  for (const auto& line : lines) {
    if (line.starts_with("{")) kinds += Member(line, "kind") + " ";
  }
  BOOST_TEST(kinds.find("exception") != std::string::npos);
  BOOST_TEST(kinds.find("thread") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lines_that_only_moved_are_the_same) {
  // Without source text a line is its distance from the function's first line. Here the numbers are equal; the names
  // of the functions decide.
  PieceMaker a, b;
  a.Call(1).Line(11).Return(11);
  b.Call(3).Line(31).Return(31);
  const auto lines = Diff({a.piece()}, {b.piece()});
  BOOST_TEST(Short(lines[0]).starts_with("calls 1 call@f:10 call@gen:30"));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_into_the_window_is_still_compared) {
  // One frame with more steps than the window holds, a difference near its beginning and one at its end.
  const auto make = [](bool second) {
    std::vector<Piece> pieces;
    std::uint64_t seq = 1;
    PieceMaker maker(seq);
    maker.Call(1);
    std::uint64_t made = 1;
    for (int i = 0; i < 25'000; ++i) {
      if (!(second && i == 5)) {
        maker.Line(11 + static_cast<std::uint32_t>(i * 7919 % 28));
        ++made;
      }
      if (made >= 2000) {
        pieces.push_back(maker.piece());
        seq += made;
        maker = PieceMaker(seq);
        maker.Open({{1, 1, 11}}).Base(seq, 1);
        made = 0;
      }
    }
    maker.Line(second ? 38u : 37u).Return(39);
    pieces.push_back(maker.piece());
    return pieces;
  };
  const auto lines = Diff(make(false), make(true));
  std::uint64_t differences = std::stoull(Member(lines.back(), "differences"));
  BOOST_TEST(differences >= 2u);
  BOOST_TEST(differences <= 4u);
  BOOST_TEST(Member(lines[0], "first") == "true");
}

BOOST_AUTO_TEST_CASE(timings_say_what_chance_would_do) {
  const auto make = [](std::uint32_t g, std::uint32_t gen) {
    PieceMaker piece;
    piece.Call(1);
    for (std::uint32_t i = 0; i < 20; ++i) {
      piece.Event(Kind::kCall, 2, 1).Event(Kind::kReturn, 21, g + i % 3);
      piece.Event(Kind::kCall, 3, 1).Event(Kind::kReturn, 31, gen * (1 + i % 10));
    }
    piece.Return(11);
    return piece.piece();
  };
  const auto lines = Diff({make(1000, 100)}, {make(2000, 105)}, R"(,"stats":true)");
  const std::string g = LineOf(lines, "g"), gen = LineOf(lines, "gen"), f = LineOf(lines, "f");
  BOOST_TEST(Member(g, "certain") == "true");
  BOOST_TEST(Member(g, "delta_ns") == "20000");
  BOOST_TEST(Member(gen, "certain") == "false");  // within the variation of its calls
  BOOST_TEST(Member(gen, "delta_ns") == "550");
  BOOST_TEST(Member(f, "noise_ns") == "null");  // one call gives no estimate of noise
  BOOST_TEST(lines[0] == g);
  BOOST_TEST(Member(lines.back().substr(5), "differ") == "1");
}

BOOST_AUTO_TEST_SUITE_END()
