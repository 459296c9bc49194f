// A program that ends is drained to its last event; its run ends, and its shared memory is removed.
#include <boost/test/unit_test.hpp>

#include "tests/daemon/drain_support.h"

namespace smiley::daemon::testing {

BOOST_AUTO_TEST_SUITE(drain_a_program)

BOOST_AUTO_TEST_CASE(every_event_arrives_and_the_run_ends) {
  DrainHome home;
  Child program([&] { BeProgram(*home, "prog1", 3, 60'000, 4); });
  auto core = StartCore(*home);
  program.Wait();
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "prog1"); }));
  const auto counts = CountRun(core->archive(), "prog1");
  BOOST_TEST(counts.size() == 3u);
  for (const auto& [thread, count] : counts) {
    BOOST_TEST(count.events == 60'000u);
    BOOST_TEST(count.lost == 0u);
    BOOST_TEST(count.bad == 0u);
  }
  const auto run = core->archive().FindRun("prog1");
  BOOST_REQUIRE(run.ok());
  BOOST_TEST(run->events == 180'000u);
  BOOST_TEST(run->complete);
  BOOST_TEST(run->processes == 1u);
  BOOST_TEST(run->threads == 3u);
  BOOST_TEST(run->bytes > 0u);
  BOOST_TEST(run->python == "3.11.2");
  BOOST_TEST(run->command.size() == 2u);
  BOOST_TEST(shm::Segment::List(*home).empty());
  BOOST_TEST(core->store().Cursors().empty());
  const auto names = core->archive().NamesOf("prog1", 1);
  BOOST_REQUIRE(names.ok());
  const CodeRecord* code = (*names)->FindCode(1);
  BOOST_REQUIRE(code != nullptr);
  BOOST_TEST(code->function == "f");
  BOOST_TEST(code->source == 1u);
  const auto sources = core->archive().Sources("prog1");
  BOOST_REQUIRE(sources.ok());
  BOOST_REQUIRE(sources->size() == 1u);
  BOOST_TEST(sources->front().text == "def f(x):\n  return x\n");
}

BOOST_AUTO_TEST_CASE(what_is_drained_is_readable_before_it_is_stored) {
  DrainHome home;
  TracedProcess process(*home, "live1", 5);
  DaemonCore::Options options;
  options.drainer.piece_age = std::chrono::hours(1);  // a piece is stored only when its block is full
  auto core = StartCore(*home, options);
  auto ring = process.Ring(4);
  ring->StartThread(1, 1);
  std::uint64_t frame = 0;
  for (std::uint64_t wanted = 500; wanted <= 60'000; wanted += 500) {
    WriteEvents(*ring, 500, &frame);
    BOOST_REQUIRE(Eventually([&] {
      const auto info = core->archive().FindRun("live1");
      return info.ok() && info->events == wanted;
    }));
    if (wanted % 5000 != 0) continue;
    const auto counts = CountRun(core->archive(), "live1");
    BOOST_REQUIRE(counts.size() == 1u);
    BOOST_TEST(counts.at(1).events == wanted);
    BOOST_TEST(counts.at(1).bad == 0u);
  }
  BOOST_TEST(core->store().archive().FindRun("live1")->events < 60'000u);
  BOOST_TEST((core->drainer().Delete("live1").code() == Code::kBusy));
  ring->EndThread();
}

BOOST_AUTO_TEST_CASE(a_dropping_program_counts_what_it_lost) {
  DrainHome home;
  Child program([&] { BeProgram(*home, "drop1", 1, 200'000, 2, shm::OnFull::kDrop); });
  program.Wait();  // nobody reads meanwhile: most events are lost, and only the ring's header counts them
  auto core = StartCore(*home);
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "drop1"); }));
  const auto counts = CountRun(core->archive(), "drop1");
  BOOST_REQUIRE(counts.size() == 1u);
  BOOST_TEST(counts.at(1).lost > 0u);
  BOOST_TEST(counts.at(1).events + counts.at(1).lost == 200'000u);
  BOOST_TEST(counts.at(1).bad == 0u);
  const auto run = core->archive().FindRun("drop1");
  BOOST_TEST(run->lost == counts.at(1).lost);
  BOOST_TEST(!run->complete);
}

BOOST_AUTO_TEST_CASE(a_flight_recorder_keeps_the_newest_and_counts_the_rest) {
  DrainHome home;
  Child program([&] { BeProgram(*home, "over1", 1, 200'000, 4, shm::OnFull::kOverwrite); });
  program.Wait();
  auto core = StartCore(*home);
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "over1"); }));
  const auto counts = CountRun(core->archive(), "over1");
  BOOST_REQUIRE(counts.size() == 1u);
  BOOST_TEST(counts.at(1).lost > 0u);
  BOOST_TEST(counts.at(1).events > 1000u);
  BOOST_TEST(counts.at(1).events + counts.at(1).lost == 200'000u);
  BOOST_TEST(counts.at(1).bad == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_that_changes_rings_stays_in_order) {
  DrainHome home;
  auto core = StartCore(*home);
  Child program([&] {
    TracedProcess process(*home, "rings1", 9);
    auto small = process.Ring(2), large = process.Ring(8), other = process.Ring(2);
    std::uint64_t frame = 0, other_frame = 0;
    small->StartThread(1, 1);
    other->StartThread(2, 1);
    WriteEvents(*small, 30'000, &frame);
    WriteEvents(*other, 30'000, &other_frame);
    const std::uint64_t next = small->last_seq() + 1;
    small->EndThread();
    large->StartThread(1, next);
    WriteEvents(*large, 30'000, &frame);
    const std::uint64_t other_next = other->last_seq() + 1;
    other->EndThread();
    small->StartThread(2, other_next);  // the ring of an ended thread passes to another
    WriteEvents(*small, 30'000, &other_frame);
    large->EndThread();
    small->EndThread();
  });
  program.Wait();
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "rings1"); }));
  const auto counts = CountRun(core->archive(), "rings1");
  BOOST_TEST(counts.size() == 2u);
  for (const auto& [thread, count] : counts) {
    BOOST_TEST(count.events == 60'000u);
    BOOST_TEST(count.bad == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon::testing
