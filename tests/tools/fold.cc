// Loops are folded: which events are, which never are, and that no event is dropped.
#include "tools/view/fold.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tools/view/view.h"

using namespace smiley;
using namespace smiley::tools;

namespace {

EventView Line(std::uint32_t line, std::uint32_t depth = 1, std::uint32_t thread = 1) {
  EventView event;
  event.process = 1;
  event.thread = thread;
  event.kind = shm::Kind::kLine;
  event.file = "/a.py";
  event.function = "f";
  event.line = line;
  event.depth = depth;
  return event;
}
EventView Set(std::uint32_t line, const std::string& name, int value) {
  EventView event = Line(line);
  event.changed = {{name, std::to_string(value)}};
  return event;
}

struct Log {
  Log()
      : folder(
            [this](const EventView& event) {
              said.push_back(std::to_string(event.line));
              shown += 1;
            },
            [this](const FoldSummary& fold) {
              std::string text = "x" + std::to_string(fold.times) + " " + std::to_string(fold.first_line) + "-" +
                                 std::to_string(fold.last_line);
              for (const auto& v : fold.variables) text += " " + v.name + "=" + v.first + ">" + v.last;
              said.push_back(text + (fold.going_on ? " ..." : ""));
              if (!fold.going_on) folded += fold.events;
            }) {}
  std::vector<std::string> said;
  std::uint64_t shown = 0, folded = 0;
  Folder folder;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(fold)

BOOST_AUTO_TEST_CASE(a_loop_is_shown_twice_and_then_counted_with_its_variables) {
  Log log;
  log.folder.Add(Line(1));
  for (int i = 0; i < 100; ++i) {
    log.folder.Add(Set(2, "i", i));
    log.folder.Add(Line(3));
  }
  log.folder.Add(Line(4));
  const std::vector<std::string> expected = {"1", "2", "3", "2", "3", "x98 2-3 i=2>99", "4"};
  BOOST_TEST(log.said == expected, boost::test_tools::per_element());
  BOOST_TEST(log.shown + log.folded == 202u);
}

BOOST_AUTO_TEST_CASE(an_unfinished_repetition_is_shown_event_by_event) {
  Log log;
  for (int i = 0; i < 4; ++i) {
    for (const int line : {2, 3, 4}) log.folder.Add(Line(static_cast<std::uint32_t>(line)));
  }
  log.folder.Add(Line(2));
  log.folder.Add(Line(3));
  log.folder.Add(Line(9));
  const std::vector<std::string> expected = {"2", "3", "4", "2", "3", "4", "x2 2-4", "2", "3", "9"};
  BOOST_TEST(log.said == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(loops_with_calls_fold_and_name_the_lines_of_the_caller) {
  Log log;
  for (int i = 0; i < 10; ++i) {
    log.folder.Add(Line(2));
    EventView call = Line(20, 2);
    call.kind = shm::Kind::kCall;
    call.function = "g";
    log.folder.Add(call);
    log.folder.Add(Line(21, 2));
    call.kind = shm::Kind::kReturn;
    call.line = 21;
    log.folder.Add(call);
    log.folder.Add(Line(3));
  }
  log.folder.Flush();
  BOOST_TEST(log.said.back() == "x8 2-3");
  BOOST_TEST(log.shown + log.folded == 50u);
}

BOOST_AUTO_TEST_CASE(recursion_is_no_loop) {
  Log log;
  for (std::uint32_t depth = 1; depth < 50; ++depth) log.folder.Add(Line(5, depth));
  log.folder.Flush();
  BOOST_TEST(log.folded == 0u);
}

BOOST_AUTO_TEST_CASE(output_losses_and_different_exceptions_are_never_folded) {
  for (const shm::Kind kind : {shm::Kind::kStdout, shm::Kind::kLost, shm::Kind::kMark, shm::Kind::kStderr}) {
    Log log;
    for (int i = 0; i < 10; ++i) {
      log.folder.Add(Line(2));
      EventView event = Line(2);
      event.kind = kind;
      log.folder.Add(event);
    }
    log.folder.Flush();
    BOOST_TEST(log.folded == 0u);
  }
  Log log;
  for (int i = 0; i < 10; ++i) {
    EventView event = Line(2);
    event.kind = shm::Kind::kRaise;
    event.exception_type = "KeyError";
    event.exception_message = std::to_string(i);
    log.folder.Add(event);
  }
  log.folder.Flush();
  BOOST_TEST(log.folded == 0u);
}

BOOST_AUTO_TEST_CASE(threads_are_folded_apart) {
  Log log;
  for (int i = 0; i < 10; ++i) {
    log.folder.Add(Line(2, 1, 1));
    log.folder.Add(Line(7, 1, 2));
  }
  log.folder.Flush();
  BOOST_TEST(log.shown == 4u);
  BOOST_TEST(log.folded == 16u);
}

BOOST_AUTO_TEST_CASE(a_loop_that_goes_on_is_peeked_at_only_when_it_moved) {
  Log log;
  for (int i = 0; i < 10; ++i) log.folder.Add(Line(2));
  log.folder.Peek();
  BOOST_TEST(log.said.back() == "x8 2-2 ...");
  const std::size_t count = log.said.size();
  log.folder.Peek();
  BOOST_TEST(log.said.size() == count);
  log.folder.Add(Line(2));
  log.folder.Flush();
  BOOST_TEST(log.said.back() == "x9 2-2");
}

BOOST_AUTO_TEST_CASE(a_paced_view_skips_counts_and_shows_exceptions_all_the_same) {
  View::Options options;
  options.paced = true;
  options.fold = false;
  options.burst_rows = 50;
  options.rows_per_second = 10;
  std::string screen;
  View view(options, [&](std::string_view text) { screen += text; });
  std::int64_t now = 1'000'000'000;
  const auto rows = [&] { return static_cast<int>(std::count(screen.begin(), screen.end(), '\n')); };
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    EventView event = Line(i);
    event.text = "line " + std::to_string(i);
    view.AddEvent(event, now);
  }
  BOOST_TEST(rows() == 50);
  EventView raise = Line(2000);
  raise.kind = shm::Kind::kRaise;
  raise.exception_type = "Boom";
  view.AddEvent(raise, now);
  BOOST_TEST(rows() == 52);
  BOOST_TEST(screen.find("950 events skipped") != std::string::npos);
  BOOST_TEST(screen.find("Boom") != std::string::npos);
  // Later there is room for several rows together.
  for (std::uint32_t i = 0; i < 5; ++i) view.AddEvent(Line(3000 + i), now);
  BOOST_TEST(rows() == 52);
  now += 10'000'000'000;
  view.AddEvent(Line(4000), now);
  BOOST_TEST(rows() == 54);
  BOOST_TEST(screen.find("5 events skipped") != std::string::npos);
  view.AddGap(77, now);
  BOOST_TEST(screen.find("77 events skipped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_unpaced_view_shows_everything) {
  View::Options options;
  options.fold = false;
  std::string screen;
  View view(options, [&](std::string_view text) { screen += text; });
  for (std::uint32_t i = 1; i <= 5000; ++i) view.AddEvent(Line(i), 1);
  BOOST_TEST(std::count(screen.begin(), screen.end(), '\n') == 5000);
}

BOOST_AUTO_TEST_SUITE_END()
