#include <boost/test/unit_test.hpp>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

// Records the events of one thread with short names.
struct Story : PieceMaker {
  explicit Story(std::uint32_t thread = 1) : PieceMaker(1, thread) {}
  Story& With(Kind kind, std::uint32_t line, const char* type, const char* message, std::uint32_t flags = 0) {
    Event(kind, line, 1, flags).Attach(Kind::kException, 0, CborException(type, message));
    return *this;
  }
  Story& Raise(std::uint32_t line, const char* type = "KeyError", const char* message = "'k'") {
    return With(Kind::kRaise, line, type, message);
  }
  Story& Passes(std::uint32_t line, const char* type = "KeyError", const char* message = "'k'") {
    return With(Kind::kRaise, line, type, message, shm::kFlagPropagated);
  }
  Story& Handled(std::uint32_t line, const char* type = "KeyError", const char* message = "'k'") {
    return With(Kind::kHandled, line, type, message);
  }
  Story& Unwind(std::uint32_t line, const char* type = "KeyError", const char* message = "'k'") {
    return With(Kind::kUnwind, line, type, message);
  }
  Story& In(std::uint32_t code) {
    Call(code);
    return *this;
  }
  Story& At(std::uint32_t line) {
    Line(line);
    return *this;
  }
  Story& Out(std::uint32_t line) {
    Return(line);
    return *this;
  }
};

struct Fixture {
  TestCore core;
  void Store(const std::vector<Piece>& pieces, bool ended = true) {
    StorePieces(core.core().store(), "r1", pieces, ended);
  }
  // "count type raised → ended outcome first-last", one group each.
  std::vector<std::string> Groups(const std::string& fields = "") {
    std::vector<std::string> groups;
    for (const std::string& line : Answered(core.services(), R"({"op":"exceptions","run":"r1")" + fields + "}")) {
      if (!line.starts_with("{")) {
        end = line;
        continue;
      }
      const auto place = [&](const std::string& key) {
        const std::size_t at = line.find("\"" + key + "\":");
        const std::string part = line.substr(at + key.size() + 3);
        return part.starts_with("null") ? "-" : Member(part, "function") + ":" + Member(part, "line");
      };
      groups.push_back(Member(line, "count") + " " + Member(line, "exception") + " " + place("raised") + " > " +
                       place("ended") + " " + Member(line, "outcome") + " " + Member(line, "first") + " " +
                       Member(line, "last"));
    }
    return groups;
  }
  std::string end;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exceptions, Fixture)

BOOST_AUTO_TEST_CASE(they_are_followed_through_callers_to_the_handler) {
  Story story;
  story.In(1).At(11);
  for (int i = 0; i < 3; ++i) {
    story.In(3).At(31).In(2).Raise(21).Unwind(21).Passes(31).Unwind(31).Passes(11).Handled(12).At(12);
  }
  story.Out(13);
  Store({story.piece()});
  const auto groups = Groups();
  BOOST_REQUIRE_EQUAL(groups.size(), 1u);
  BOOST_TEST(groups[0] == "3 KeyError g:21 > f:12 caught 1:6 1:26");
  BOOST_TEST(end == R"(end: "count":1,"exceptions":3,"lost":0)");
}

BOOST_AUTO_TEST_CASE(a_handler_that_passes_it_on_is_not_where_it_ends) {
  Story story;  // try: g() finally: … within try: … except KeyError: …, and a bare raise further in
  story.In(1).In(2).Raise(21).Handled(22).At(22).Unwind(22).Passes(11).Handled(12).At(12).Handled(14).At(14).Out(15);
  Store({story.piece()});
  BOOST_TEST(Groups() == std::vector<std::string>{"1 KeyError g:21 > f:14 caught 1:3 1:3"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(another_one_raised_by_its_handler_has_a_story_of_its_own) {
  Story story;
  story.In(1).In(2).Raise(21).Handled(22).At(23).Raise(23, "ValueError", "x").Unwind(23, "ValueError", "x");
  story.Passes(11, "ValueError", "x").Handled(12, "ValueError", "x").At(12).Out(13);
  Store({story.piece()});
  const auto groups = Groups();
  BOOST_REQUIRE_EQUAL(groups.size(), 2u);
  BOOST_TEST(groups[0] == "1 KeyError g:21 > g:22 caught 1:3 1:3");
  BOOST_TEST(groups[1] == "1 ValueError g:23 > f:12 caught 1:6 1:6");
}

BOOST_AUTO_TEST_CASE(what_nobody_caught_comes_first) {
  Story story, worker(2), pool(3);
  story.In(1);
  for (int i = 0; i < 2; ++i) story.In(2).Raise(21).Unwind(21).Passes(11).Handled(12).At(12);
  story.Raise(13, "SystemExit", "3").Unwind(13, "SystemExit", "3").In(2).Out(21);  // a function of atexit runs later
  worker.In(2).Raise(21, "OSError", "gone").Unwind(21, "OSError", "gone").Event(Kind::kThreadEnd, 0);
  pool.In(3).Raise(31, "TypeError", "t").Unwind(31, "TypeError", "t").In(3).Out(31);  // its future has it
  // Frames are numbered through the process: only the main program's is the first.
  worker.piece().state.last_frame = 100;
  pool.piece().state.last_frame = 200;
  Store({story.piece(), worker.piece(), pool.piece()});
  const auto groups = Groups();
  BOOST_REQUIRE_EQUAL(groups.size(), 4u);
  BOOST_TEST(groups[0] == "1 OSError g:21 > - uncaught 2:2 2:2");
  BOOST_TEST(groups[1] == "1 SystemExit f:13 > - uncaught 1:14 1:14");
  BOOST_TEST(groups[2] == "2 KeyError g:21 > f:12 caught 1:3 1:9");
  BOOST_TEST(groups[3] == "1 TypeError gen:31 > - absorbed 3:2 3:2");
  BOOST_TEST(Groups(R"(,"thread":3)").size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_built_in_code_swallows_is_told_with_the_line_that_called_it) {
  Story story;
  story.In(1).At(11).In(2).Raise(21, "AttributeError", "a").Unwind(21, "AttributeError", "a").At(12);  // hasattr(…)
  story.Raise(12, "StopIteration", "").At(13);                                                         // a for loop
  story.In(2).Raise(21).Unwind(21).In(3).Out(31).Passes(13).Handled(14).At(14).Out(15);  // something runs in between
  Store({story.piece()});
  const auto groups = Groups();
  BOOST_REQUIRE_EQUAL(groups.size(), 3u);
  BOOST_TEST(groups[0] == "1 AttributeError g:21 > f:11 absorbed 1:4 1:4");
  BOOST_TEST(groups[1] == "1 KeyError g:21 > f:14 caught 1:10 1:10");
  BOOST_TEST(groups[2] == "1 StopIteration f:12 > f:12 absorbed 1:7 1:7");
}

BOOST_AUTO_TEST_CASE(what_comes_out_of_unrecorded_code_begins_where_it_comes_in) {
  Story story;
  story.In(1).Passes(11, "JSONDecodeError", "bad").Handled(12, "JSONDecodeError", "bad").At(12).Out(13);
  Store({story.piece()});
  const auto lines = Answered(core.services(), R"({"op":"exceptions","run":"r1"})");
  BOOST_TEST(
      lines[0] ==
      R"({"type":"exception","exception":"JSONDecodeError","message":"bad",)"
      R"("raised":{"file":"/abs/app.py","line":11,"function":"f","source":1},"from_outside":true,"outcome":"caught",)"
      R"("ended":{"file":"/abs/app.py","line":12,"function":"f","source":1},"count":1,"first":"1:2",)"
      R"("first_ns":1000002,"last":"1:2","last_ns":1000002})");
}

BOOST_AUTO_TEST_CASE(what_is_under_way_where_the_recording_ends_is_unfinished) {
  Story story;
  story.In(1).In(2).Raise(21).Unwind(21);
  Store({story.piece()}, false);
  BOOST_TEST(Groups() == std::vector<std::string>{"1 KeyError g:21 > - unfinished 1:3 1:3"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_place_of_an_exception_from_outside_is_where_it_came_in) {
  Story one;  // f calls g: g's own call outside is caught once, then one goes through both
  one.In(1).At(11).In(2).Passes(21).Handled(22).Out(23).At(12).In(2).Passes(21).Unwind(21).Passes(12).Unwind(12);
  Store({one.piece()});
  const std::string state = Answered(core.services(), R"({"op":"state","run":"r1","at":"exception"})")[0];
  BOOST_TEST(Member(state, "position") == "1:9");
}

BOOST_AUTO_TEST_CASE(an_exception_raised_in_recorded_code_goes_before_one_from_outside) {
  Story one;
  one.In(1).At(11).Raise(11, "ValueError").Handled(12, "ValueError").At(13).Passes(13).Handled(14).Out(15);
  Store({one.piece()});
  const std::string state = Answered(core.services(), R"({"op":"state","run":"r1","at":"exception"})")[0];
  BOOST_TEST(Member(state, "position") == "1:3");
}

BOOST_AUTO_TEST_SUITE_END()
