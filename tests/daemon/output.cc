#include <boost/test/unit_test.hpp>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

struct Fixture {
  TestCore core;
  void Store(const std::vector<Piece>& pieces) { StorePieces(core.core().store(), "r1", pieces); }
  std::vector<std::string> Ask(const std::string& fields = "") {
    return Answered(core.services(), R"({"op":"output","run":"r1")" + fields + "}");
  }
  std::vector<std::string> Lines(const std::string& fields = "") {
    std::vector<std::string> lines;
    for (const std::string& line : Ask(R"(,"lines":true)" + fields)) {
      if (line.starts_with("{")) {
        lines.push_back(Member(line, "number") + " " + Member(line, "stream") + " " + Member(line, "position") + " " +
                        Member(line, "text"));
      }
    }
    return lines;
  }
};

PieceMaker& Write(PieceMaker& piece, const char* text, std::uint32_t delta = 1, Kind kind = Kind::kStdout) {
  return piece.Event(kind, 0, delta).Attach(Kind::kText, 0, CborText(text));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(output, Fixture)

BOOST_AUTO_TEST_CASE(writes_come_with_their_events) {
  PieceMaker piece;
  piece.Call(1).Line(11);
  Write(Write(piece, "hello"), "\n").Return(11);
  Store({piece.piece()});
  const auto lines = Ask();
  BOOST_REQUIRE_EQUAL(lines.size(), 3u);
  BOOST_TEST(lines[0] ==
             R"({"type":"output","stream":"stdout","process":1,"thread":1,"seq":3,"position":"1:3",)"
             R"("time_ns":1000003,"file":"/abs/app.py","line":11,"function":"f","source":1,"text":"hello"})");
  BOOST_TEST(lines[2] == R"(end: "count":2)");
}

BOOST_AUTO_TEST_CASE(a_line_is_its_first_writes) {
  PieceMaker piece;
  piece.Call(1).Line(11);
  Write(Write(Write(Write(piece, "one "), "two\nthree\nfo"), "oops\n", 1, Kind::kStderr), "ur");
  Store({piece.piece()});
  const std::vector<std::string> expected = {"1 stdout 1:3 one two", "2 stdout 1:4 three", "1 stderr 1:5 oops",
                                             "3 stdout 1:4 four"};
  BOOST_TEST(Lines() == expected, boost::test_tools::per_element());
  BOOST_TEST(Lines(R"(,"stream":"stderr")").size() == 1u);
  BOOST_TEST(Lines(R"(,"number":2)") == std::vector<std::string>{"2 stdout 1:4 three"},
             boost::test_tools::per_element());
  BOOST_TEST(Lines(R"(,"number":1,"stream":"stderr")") == std::vector<std::string>{"1 stderr 1:5 oops"},
             boost::test_tools::per_element());
  BOOST_TEST(Lines(R"(,"number":9)").empty());
  BOOST_TEST(Ask(R"(,"stream":"log")")[0] == "error: 'stream' must be stdout or stderr");
}

BOOST_AUTO_TEST_CASE(threads_are_merged_by_time) {
  PieceMaker one, two(1, 2);
  one.Call(1);
  Write(Write(one, "a\n", 100), "c\n", 200);
  two.Call(2);
  Write(Write(two, "b\n", 200), "d\n", 200);
  Store({one.piece(), two.piece()});
  const std::vector<std::string> expected = {"1 stdout 1:2 a", "2 stdout 2:2 b", "3 stdout 1:3 c", "4 stdout 2:3 d"};
  BOOST_TEST(Lines() == expected, boost::test_tools::per_element());
  BOOST_TEST(Lines(R"(,"thread":2)").size() == 2u);
}

BOOST_AUTO_TEST_CASE(pieces_without_output_are_passed_over_and_places_stay_right) {
  std::vector<Piece> pieces;
  PieceMaker first;
  first.Call(1).Line(11);
  Write(first, "begin\n");
  pieces.push_back(first.piece());
  for (std::uint64_t i = 0; i < 40; ++i) {
    PieceMaker middle(4 + i);
    middle.Open({{1, 1, 11}}).Base(10 + i, 1).Line(11);
    pieces.push_back(middle.piece());
  }
  PieceMaker last(44);
  last.Open({{1, 1, 11}, {2, 2, 27}}).Base(100, 2);
  Write(last, "end\n");
  pieces.push_back(last.piece());
  Store(pieces);
  const auto lines = Ask();
  BOOST_REQUIRE_EQUAL(lines.size(), 3u);
  BOOST_TEST(Member(lines[1], "position") == "1:44");
  BOOST_TEST(Member(lines[1], "line") == "27");
  BOOST_TEST(Member(lines[1], "function") == "g");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_come_back_as_they_were) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kStdout, 0).Attach(Kind::kText, 0, MadeCbor([](shm::CborWriter& w) {
                                                 w.Bytes("\xff\n");
                                               }));
  Store({piece.piece()});
  BOOST_TEST(Ask()[0].find(R"("text":{"$type":"str","base64":"/wo="})") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
