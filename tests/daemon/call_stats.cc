#include <boost/test/unit_test.hpp>

#include "daemon/analysis/stored_stats.h"
#include "daemon/events/snapshot.h"
#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

struct Fixture {
  TestCore core;
  std::vector<std::string> Ask(const std::string& fields, const std::string& op = "stats") {
    return Answered(core.services(), R"({"op":")" + op + R"(","run":"r1")" + fields + "}");
  }
  void Store(const std::vector<Piece>& pieces) { StorePieces(core.core().store(), "r1", pieces); }
};

// "calls/primitive own cumulative".
std::string Counts(const std::string& line) {
  return Member(line, "calls") + "/" + Member(line, "primitive") + " " + Member(line, "own_ns") + " " +
         Member(line, "cumulative_ns");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(call_stats, Fixture)

BOOST_AUTO_TEST_CASE(recursive_calls_are_not_primitive_and_their_time_counts_once) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kLine, 11, 10).Event(Kind::kCall, 2, 10).Event(Kind::kCall, 2, 10);
  piece.Event(Kind::kCall, 2, 10).Event(Kind::kReturn, 21, 100).Event(Kind::kReturn, 21, 10);
  piece.Event(Kind::kReturn, 21, 10).Event(Kind::kLine, 12, 5).Event(Kind::kReturn, 12, 5);
  Store({piece.piece()});
  const auto lines = Ask("");
  BOOST_TEST(Counts(LineOf(lines, "f")) == "1/1 30 170");
  BOOST_TEST(Counts(LineOf(lines, "g")) == "3/1 140 140");
  BOOST_TEST(
      lines.back().starts_with(R"(end: "count":2,"functions":2,"calls":4,"primitive":2,"events":10,"lost":0,)"));
}

BOOST_AUTO_TEST_CASE(callers_tell_what_each_of_them_caused) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kCall, 3, 10).Event(Kind::kCall, 2, 10).Event(Kind::kReturn, 21, 30);
  piece.Event(Kind::kReturn, 31, 10)
      .Event(Kind::kCall, 2, 10)
      .Event(Kind::kReturn, 21, 7)
      .Event(Kind::kReturn, 11, 1);
  Store({piece.piece()});
  const std::string g = LineOf(Ask(""), "g");
  BOOST_TEST(Counts(g) == "2/2 37 37");
  const std::size_t callers = g.find("\"callers\":[");
  BOOST_REQUIRE(callers != std::string::npos);
  BOOST_TEST(
      g.substr(callers) ==
      R"("callers":[{"file":"/abs/app.py","line":10,"function":"f","source":1,"calls":1,"primitive":1,"own_ns":7,)"
      R"("cumulative_ns":7,"recorded_own_ns":7,"recorded_cumulative_ns":7},)"
      R"({"file":"/abs/app.py","line":30,"function":"gen","source":1,"calls":1,"primitive":1,"own_ns":30,)"
      R"("cumulative_ns":30,"recorded_own_ns":30,"recorded_cumulative_ns":30}]})");
  BOOST_TEST(LineOf(Ask(R"(,"callers":false)"), "g").find("callers") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_generator_that_goes_on_is_a_call_of_whoever_resumes_it) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kCall, 3, 1).Event(Kind::kYield, 31, 10).Event(Kind::kResume, 3, 1).Frame(2);
  piece.Event(Kind::kYield, 31, 10).Event(Kind::kThrow, 3, 1).Frame(2).Event(Kind::kUnwind, 31, 10);
  piece.Event(Kind::kReturn, 11, 1);
  Store({piece.piece()});
  BOOST_TEST(Counts(LineOf(Ask(""), "gen")) == "3/3 30 30");
}

BOOST_AUTO_TEST_CASE(built_in_functions_count_where_they_were_recorded) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kCCall, 8, 1).Event(Kind::kCall, 2, 5).Event(Kind::kReturn, 21, 20);
  piece.Event(Kind::kCReturn, 8, 5).Event(Kind::kCCall, 8, 1).Event(Kind::kCRaise, 8, 3).Event(Kind::kReturn, 11, 1);
  Store({piece.piece()});
  const auto lines = Ask("");
  BOOST_TEST(Counts(LineOf(lines, "len")) == "2/2 13 33");
  BOOST_TEST(Member(LineOf(lines, "len"), "file") == "null");
  BOOST_TEST(Counts(LineOf(lines, "f")) == "1/1 3 36");
  BOOST_TEST(LineOf(lines, "g").find(R"("callers":[{"file":null,"line":null,"function":"len")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(time_during_a_loss_is_nobodys) {
  PieceMaker first;
  first.Call(1).Event(Kind::kCall, 2, 10).Event(Kind::kLine, 21, 10);
  first.Loss(4, 100, 30, 900);
  PieceMaker second(104);
  second.Open({{1, 1, 11}, {77, 3, 31}}).Base(1000, 80);
  second.Event(Kind::kLine, 32, 1).Event(Kind::kReturn, 32, 10).Event(Kind::kLine, 12, 3).Event(Kind::kReturn, 12, 4);
  Store({first.piece(), second.piece()});
  const auto lines = Ask("");
  BOOST_TEST(Counts(LineOf(lines, "f")) == "1/1 17 37");  // open from before the loss to its end
  BOOST_TEST(Counts(LineOf(lines, "g")) == "1/1 10 10");
  BOOST_TEST(Counts(LineOf(lines, "gen")) == "0/0 10 10");  // found open: its call was not recorded
  BOOST_TEST(Member(lines.back(), "lost") == "100");
}

BOOST_AUTO_TEST_CASE(the_cost_of_recording_is_taken_out) {
  PieceMaker piece;
  piece.Call(1);
  for (int i = 0; i < 1000; ++i) piece.Event(Kind::kLine, 11, i % 5 == 0 ? 1100 : 100);  // each fifth line does work
  piece.Event(Kind::kReturn, 12, 100);
  Store({piece.piece()});
  const auto lines = Ask("");
  const std::string f = LineOf(lines, "f");
  BOOST_TEST(Member(f, "recorded_own_ns") == "300100");
  const std::int64_t own = std::stoll(Member(f, "own_ns"));
  BOOST_TEST(own >= 200'000);
  BOOST_TEST(own <= 201'200);  // the first gap belongs to a call; there are too few calls for an estimate
  BOOST_TEST(Member(lines.back(), "cost_per_event_ns").starts_with("99"));
  BOOST_TEST(std::stoll(Member(lines.back(), "cost_ns")) + own == 300'100);
}

BOOST_AUTO_TEST_CASE(what_is_kept_of_threads_is_what_reading_them_gives) {
  PieceMaker one, two(1, 2);
  one.Call(1);
  for (int i = 0; i < 300; ++i) {
    one.Event(Kind::kCall, 2, 10)
        .Event(Kind::kCCall, 8, 1)
        .Event(Kind::kCReturn, 8, 5 + i % 3)
        .Event(Kind::kCall, 2, 3);
    one.Event(Kind::kReturn, 21, 20).Event(Kind::kReturn, 21, 100 + i).Event(Kind::kLine, 12, 5);
  }
  one.Loss(2102, 7, 9, 900);
  two.Call(2).Event(Kind::kCall, 3, 7).Event(Kind::kYield, 31, 1000).Event(Kind::kReturn, 21, 1000);
  Store({one.piece(), two.piece()});
  const auto kept = [](const std::vector<std::string>& lines) { return Member(lines.back(), "threads_kept"); };
  const auto whole = [&](std::vector<std::string> lines) {
    lines.back().resize(lines.back().rfind(",\"threads_kept\""));
    return lines;
  };
  const std::vector<std::string> questions = {"", R"(,"sort":"calls","limit":2)", R"(,"thread":1)", R"(,"thread":2)"};
  std::vector<std::vector<std::string>> read;
  for (const std::string& fields : questions) {
    read.push_back(Ask(fields));
    BOOST_TEST(kept(read.back()) == "0");
  }
  smiley::daemon::Store& store = core.core().store();
  const auto make = [&](std::uint64_t least_events) {
    StatsMaker maker(store, "r1", least_events);
    for (auto done = maker.Step();; done = maker.Step()) {
      BOOST_REQUIRE_MESSAGE(done.ok(), done.status().message());
      if (*done) return maker.threads();
    }
  };
  BOOST_TEST(make(1000) == 1u);  // the second thread is small
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto answer = Ask(questions[i]);
    BOOST_TEST(kept(answer) == (i == 3 ? "0" : "1"));
    BOOST_TEST(whole(answer) == whole(read[i]), boost::test_tools::per_element());
  }
  BOOST_TEST(make(1) == 1u);
  BOOST_TEST(make(1) == 0u);
  const auto answer = Ask("");
  BOOST_TEST(kept(answer) == "2");
  BOOST_TEST(whole(answer) == whole(read[0]), boost::test_tools::per_element());
  BOOST_TEST(kept(Ask(R"(,"task":1)")) == "0");
  BOOST_TEST(kept(Ask(R"(,"from_ns":0)")) == "0");
  // Incomplete statistics, and those of a thread with other counts, are not used.
  const std::string key = StatsKey(1);
  const auto stored = store.archive().LastDerived("r1", key, key + '\0');
  BOOST_REQUIRE((stored.ok() && *stored));
  for (std::size_t size = 0; size < (*stored)->second.size(); size += 7) {
    BOOST_REQUIRE(store.PutDerived("r1", {{key, (*stored)->second.substr(0, size)}}).ok());
    BOOST_TEST(kept(Ask("")) == "1");
  }
  const auto other = store.archive().LastDerived("r1", StatsKey(2), StatsKey(2) + '\0');
  BOOST_REQUIRE((other.ok() && *other));
  BOOST_REQUIRE(store.PutDerived("r1", {{key, (*other)->second}}).ok());
  BOOST_TEST(whole(Ask("")) == whole(read[0]), boost::test_tools::per_element());
  BOOST_REQUIRE(store.ClearDerived("r1").ok());
  BOOST_TEST(kept(Ask("")) == "0");
}

BOOST_AUTO_TEST_CASE(threads_and_tasks_are_looked_at_alone) {
  PieceMaker one, two(1, 2);
  one.Call(1).Event(Kind::kTask, 1, 10).Event(Kind::kCall, 3, 1).Event(Kind::kYield, 31, 20).Event(Kind::kTask, 2, 1);
  one.Event(Kind::kCall, 2, 1)
      .Event(Kind::kReturn, 21, 5)
      .Event(Kind::kTask, 1, 1)
      .Event(Kind::kResume, 3, 1)
      .Frame(2);
  one.Event(Kind::kReturn, 31, 30).Event(Kind::kTask, 0, 1).Event(Kind::kReturn, 11, 1);
  two.Call(2).Event(Kind::kReturn, 21, 1000);
  Store({one.piece(), two.piece()});
  BOOST_TEST(Counts(LineOf(Ask(""), "g")) == "2/2 1005 1005");
  BOOST_TEST(Counts(LineOf(Ask(R"(,"thread":1)"), "g")) == "1/1 5 5");
  BOOST_TEST(LineOf(Ask(R"(,"thread":2)"), "f") == "none");
  BOOST_TEST(Ask(R"(,"thread":3)")[0] == "error: run r1 has no thread 3 (smiley-threads shows them)");
  const auto task = Ask(R"(,"task":1)");
  BOOST_TEST(Counts(LineOf(task, "gen")) == "2/2 50 50");
  BOOST_TEST(LineOf(task, "g") == "none");
  BOOST_TEST(Ask(R"(,"task":9)")[0] == "error: run r1 has no task 9");
  BOOST_TEST(Ask(R"(,"task":1,"process":2)")[0] == "error: run r1 has no task 1 in process 2");
}

BOOST_AUTO_TEST_CASE(rows_come_in_the_order_that_was_asked_for) {
  PieceMaker piece;
  piece.Call(1);
  for (int i = 0; i < 3; ++i) piece.Event(Kind::kCall, 2, 1).Event(Kind::kReturn, 21, 10);
  piece.Event(Kind::kCall, 3, 1).Event(Kind::kReturn, 31, 50).Event(Kind::kReturn, 11, 1);
  Store({piece.piece()});
  const auto order = [&](const std::string& key) {
    std::string names;
    for (const auto& line : Ask(R"(,"sort":")" + key + "\"")) {
      if (line.starts_with("{")) names += Member(line, "function") + " ";
    }
    return names;
  };
  BOOST_TEST(order("cumulative") == "f gen g ");
  BOOST_TEST(order("tottime") == "gen g f ");
  BOOST_TEST(order("ncalls") == "g f gen ");
  BOOST_TEST(order("line") == "f g gen ");
  BOOST_TEST(order("name") == "f g gen ");
  BOOST_TEST(Ask(R"(,"limit":1)").size() == 2u);
  BOOST_TEST(Member(Ask(R"(,"limit":1)").back(), "functions") == "3");
  BOOST_TEST(Ask(R"(,"sort":"best")")[0].starts_with("error: there is no sort key 'best': it is one of calls, "));
}

BOOST_AUTO_TEST_CASE(the_tree_folds_calls_from_the_same_callers) {
  PieceMaker piece;
  piece.Call(1);
  for (int i = 0; i < 3; ++i) piece.Event(Kind::kCall, 2, 1).Event(Kind::kReturn, 21, 10);
  piece.Event(Kind::kCall, 3, 1).Event(Kind::kCall, 2, 1).Event(Kind::kReturn, 21, 100).Event(Kind::kReturn, 31, 1);
  piece.Event(Kind::kReturn, 11, 1);
  Store({piece.piece()});
  const auto lines = Ask("", "calls");
  BOOST_REQUIRE_EQUAL(lines.size(), 5u);
  BOOST_TEST(lines[0] ==
             R"({"type":"call","node":1,"parent":null,"depth":0,"file":"/abs/app.py","line":10,"function":"f",)"
             R"("source":1,"calls":1,"own_ns":5,"cumulative_ns":137,"recorded_own_ns":5,)"
             R"("recorded_cumulative_ns":137,"folded":false})");
  const auto row = [](const std::string& line) {
    return Member(line, "depth") + " " + Member(line, "function") + " " + Member(line, "calls") + " " +
           Member(line, "cumulative_ns");
  };
  BOOST_TEST(row(lines[1]) == "1 gen 1 102");
  BOOST_TEST(row(lines[2]) == "2 g 1 100");
  BOOST_TEST(row(lines[3]) == "1 g 3 30");
  BOOST_TEST(row(Ask(R"(,"by":"count")", "calls")[1]) == "1 g 3 30");
  const auto flat = Ask(R"(,"depth":2)", "calls");
  BOOST_REQUIRE_EQUAL(flat.size(), 4u);
  BOOST_TEST(row(flat[1]) == "1 gen 1 102");
  BOOST_TEST(Member(flat[1], "own_ns") == "102");  // deeper calls count as its own
  BOOST_TEST(Member(flat[1], "folded") == "true");
  const auto large = Ask(R"(,"least":500)", "calls");
  BOOST_REQUIRE_EQUAL(large.size(), 4u);
  BOOST_TEST(Member(large.back(), "left_out") == "1");
}

BOOST_AUTO_TEST_CASE(of_a_stretch_of_time_only_the_time_and_the_calls_within_it_count) {
  PieceMaker piece;
  piece.Call(1).Event(Kind::kLine, 11, 10).Event(Kind::kCall, 2, 10).Event(Kind::kCall, 2, 20);
  piece.Event(Kind::kReturn, 21, 100).Event(Kind::kReturn, 21, 10).Event(Kind::kReturn, 12, 5);
  Store({piece.piece()});
  const std::int64_t start =
      std::stoll(Member(Answered(core.services(), R"({"op":"timeline","run":"r1"})")[0], "from_ns"));
  const auto span = [&](std::int64_t from, std::int64_t to) {
    return R"(,"from_ns":)" + std::to_string(start + from) + R"(,"to_ns":)" + std::to_string(start + to);
  };
  const auto deep = Ask(span(45, 95));
  BOOST_TEST(Counts(LineOf(deep, "f")) == "0/0 0 50");
  BOOST_TEST(Counts(LineOf(deep, "g")) == "0/0 50 50");
  const auto first = Ask(span(15, 25));
  BOOST_TEST(Counts(LineOf(first, "f")) == "0/0 5 10");
  BOOST_TEST(Counts(LineOf(first, "g")) == "1/1 5 5");
  const auto tree = Ask(span(15, 25), "calls");
  BOOST_REQUIRE(tree.size() == 3u);
  BOOST_TEST(Member(tree[1], "own_ns") == "5");
  BOOST_TEST(Ask(span(25, 15))[0] == "error: 'from_ns' is later than 'to_ns'");
}

BOOST_AUTO_TEST_SUITE_END()
