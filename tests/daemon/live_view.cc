// Live events for watchers: decoded once, delivered to each, none twice and none uncounted.
#include "daemon/live/live_view.h"

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <mutex>

#include "tests/daemon/live_program.h"

namespace smiley::daemon {
namespace {

// A watcher, and everything that it received.
class Seen {
 public:
  Seen(LiveView& view, const LiveWish& wish)
      : watcher_(view.Watch(wish, [this] {
          const std::lock_guard lock(mutex_);
          woken_ = true;
          wake_.notify_one();
        })) {}

  bool Take() {
    auto taken = watcher_->Take(1u << 20);
    for (auto& portion : taken) {
      for (const SkippedEvents& one : portion->skipped) skipped += one.events;
      events += portion->marks.size();
      lines += portion->lines;
      if (!portion->marks.empty()) first = std::min(first, portion->marks.front().seq);
      portions.push_back(std::move(portion));
    }
    return !taken.empty();
  }
  // Waits until this many events were shown or counted.
  void WaitFor(std::uint64_t count) {
    for (;;) {
      while (Take()) {
      }
      if (events + skipped >= count) return;
      std::unique_lock lock(mutex_);
      BOOST_REQUIRE(wake_.wait_for(lock, std::chrono::seconds(20), [this] { return woken_; }));
      woken_ = false;
    }
  }

  std::vector<LivePortionPtr> portions;
  std::string lines;
  std::uint64_t events = 0, skipped = 0, first = UINT64_MAX;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  std::unique_ptr<LiveView::Watcher> watcher_;
};

LiveWish Everything(const std::string& run) {
  LiveWish wish;
  wish.run = run;
  return wish;
}

LiveWish AtRate(double rate) {
  LiveWish wish;
  wish.max_rate = rate;
  return wish;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live_view)

BOOST_AUTO_TEST_CASE(those_who_ask_for_the_same_are_handed_the_same) {
  TestCore core;
  LiveProgram program(core, "live1");
  LiveWish filtered = Everything("live1");
  filtered.where = *shm::Expression::Parse("a >= 1200");
  Seen first(core.core().live(), Everything("live1")), second(core.core().live(), Everything("live1"));
  Seen some(core.core().live(), filtered), other_run(core.core().live(), Everything("live2"));
  BOOST_TEST(core.core().live().watchers() == 4u);
  program.Publish(300);
  first.WaitFor(300);
  second.WaitFor(300);
  some.WaitFor(101);
  BOOST_TEST(first.skipped == 0u);
  BOOST_REQUIRE(first.portions.size() == second.portions.size());
  for (std::size_t i = 0; i < first.portions.size(); ++i) BOOST_TEST((first.portions[i] == second.portions[i]));
  BOOST_TEST(some.events == 101u);
  BOOST_TEST(some.first == 1200u);
  other_run.Take();
  BOOST_TEST(other_run.portions.empty());
}

BOOST_AUTO_TEST_CASE(who_comes_later_sees_what_comes_later) {
  TestCore core;
  LiveProgram program(core, "live1");
  Seen early(core.core().live(), Everything("live1"));
  std::uint64_t published = 0;
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t next = program.next();
    program.Publish(10);  // the lane may have reached any of the published pieces
    Seen late(core.core().live(), Everything("live1"));
    program.Publish(10);
    published += 20;
    late.WaitFor(10);
    BOOST_TEST(late.events == 10u);
    BOOST_TEST(late.first == next + 10);
  }
  early.WaitFor(published);
  BOOST_TEST(early.events == published);
}

BOOST_AUTO_TEST_CASE(people_are_shown_the_beginning_of_much_and_all_of_little) {
  TestCore core;
  LiveProgram program(core, "live1");
  Seen person(core.core().live(), AtRate(1));
  program.Publish(20'000);
  person.WaitFor(20'000);
  BOOST_TEST(person.events == 1u);
  BOOST_TEST(person.skipped == 19'999u);
  // The rest was not decoded, and later events have right values.
  Seen busy(core.core().live(), AtRate(1e6));
  program.Publish(100);
  busy.WaitFor(100);
  BOOST_TEST(busy.events == 100u);
  BOOST_TEST(busy.lines.find("\"changed\":{\"a\":21001}}") != std::string::npos);
  person.WaitFor(20'100);
  BOOST_TEST(person.events + person.skipped == 20'100u);
}

BOOST_AUTO_TEST_CASE(a_full_watcher_loses_the_oldest_and_nobody_waits_for_it) {
  TestCore core;
  LiveProgram program(core, "live1");
  Seen stopped(core.core().live(), Everything("live1")), reading(core.core().live(), Everything("live1"));
  std::uint64_t published = 0;
  while (published < 200'000) {
    program.Publish(1000);
    published += 1000;
    reading.WaitFor(published);
  }
  BOOST_TEST(reading.events == published);
  stopped.WaitFor(published);
  BOOST_TEST(stopped.events + stopped.skipped == published);
  BOOST_TEST(stopped.skipped > 0u);
  BOOST_TEST(stopped.events > 1000u);
  BOOST_TEST(stopped.portions.back()->marks.back().seq == program.next() - 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
