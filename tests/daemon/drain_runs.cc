// Runs from begin to end, with and without a program, and with failures.
#include <fcntl.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/daemon/drain_support.h"

namespace smiley::daemon::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BeginRun Asked(const std::string& run) {
  BeginRun begin;
  begin.run = run;
  begin.command = {"app.py"};
  begin.cwd = "/here";
  begin.name = "a name";
  return begin;
}

std::int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(drain_runs)

BOOST_AUTO_TEST_CASE(a_program_that_was_never_traced_still_makes_a_run) {
  DrainHome home;
  auto core = StartCore(*home);
  Drainer& runs = core->drainer();
  BOOST_TEST((runs.Begin(Asked("Not an id!")).code() == Code::kInvalid));
  BOOST_TEST((runs.Begin(Asked("1abc")).code() == Code::kInvalid));
  BOOST_REQUIRE(runs.Begin(Asked("empty1")).ok());
  BOOST_TEST((runs.Begin(Asked("empty1")).code() == Code::kInvalid));
  BOOST_TEST((core->archive().FindRun("empty1")->state == RunState::kRunning));
  BOOST_TEST(!runs.WaitDrained("empty1", milliseconds(30)).drained);
  BOOST_TEST((runs.Finish("empty1", 1, 2).code() == Code::kInvalid));
  BOOST_TEST((runs.Finish("nobody", 1, {}).code() == Code::kNotFound));
  BOOST_REQUIRE(runs.Finish("empty1", 7, {}).ok());
  const Drained drained = runs.WaitDrained("empty1", seconds(30));
  BOOST_TEST(drained.drained);
  BOOST_TEST(drained.alive.empty());
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "empty1"); }));
  const auto run = core->archive().FindRun("empty1");
  BOOST_TEST(*run->exit_code == 7);
  BOOST_TEST(run->name == "a name");
  BOOST_TEST(run->complete);
  BOOST_TEST(core->drainer().Delete("empty1").ok());
  BOOST_TEST(!core->archive().FindRun("empty1").ok());
}

BOOST_AUTO_TEST_CASE(waiting_ends_when_the_first_process_is_stored) {
  DrainHome home;
  auto core = StartCore(*home);
  Drainer& runs = core->drainer();
  BOOST_REQUIRE(runs.Begin(Asked("first1")).ok());
  Child background([&] {  // started by the program; outlives it
    TracedProcess process(*home, "first1", 2, 1);
    auto ring = process.Ring(2);
    ring->StartThread(1, 1);
    std::uint64_t frame = 0;
    WriteEvents(*ring, 100, &frame);
    poll(nullptr, 0, -1);
  });
  {
    Child program([&] { BeProgram(*home, "first1", 1, 20'000, 4, shm::OnFull::kBlock, 1); });
    program.Wait();
  }
  BOOST_REQUIRE(runs.Finish("first1", {}, SIGKILL).ok());
  BOOST_REQUIRE(Eventually([&] { return core->archive().FindRun("first1")->events == 20'100; }));
  const Drained drained = runs.WaitDrained("first1", seconds(1));
  BOOST_REQUIRE(drained.alive.size() == 1u);
  BOOST_TEST(drained.alive.front() == static_cast<std::uint32_t>(background.pid()));
  const DaemonStatus status = runs.ReadStatus();
  BOOST_REQUIRE(status.runs.size() == 1u);
  BOOST_TEST(status.runs.front().live_processes == 1u);
  BOOST_TEST(status.rings.size() >= 1u);
  BOOST_TEST(status.problem == "");
  BOOST_TEST((runs.Delete("first1").code() == Code::kBusy));
  background.Kill();
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "first1"); }));
  const auto run = core->archive().FindRun("first1");
  BOOST_TEST(run->processes == 2u);
  BOOST_TEST(*run->signal == SIGKILL);
  const auto processes = core->archive().Processes("first1");
  for (const ProcessInfo& process : *processes) BOOST_TEST(process.end_ns > 0);
}

BOOST_AUTO_TEST_CASE(names_of_a_process_that_has_ended_are_in_the_store_only) {
  DrainHome home;
  auto core = StartCore(*home);
  BOOST_REQUIRE(core->drainer().Begin(Asked("names1")).ok());
  const auto lives_on = [&](std::uint64_t token) {
    TracedProcess process(*home, "names1", token);
    auto ring = process.Ring(2);
    ring->StartThread(1, 1);
    std::uint64_t frame = 0;
    WriteEvents(*ring, 100, &frame);
    poll(nullptr, 0, -1);
  };
  Child one([&] { lives_on(1); });
  BOOST_REQUIRE(Eventually([&] { return core->archive().FindRun("names1")->events == 100; }));
  Child other([&] { lives_on(2); });
  BOOST_REQUIRE(Eventually([&] { return core->archive().FindRun("names1")->events == 200; }));
  std::weak_ptr<const Names> ended = *core->archive().NamesOf("names1", 1),
                             living = *core->archive().NamesOf("names1", 2);
  BOOST_TEST(!ended.expired());
  one.Kill();
  BOOST_TEST(Eventually([&] { return ended.expired(); }));
  BOOST_TEST(!living.expired());
  BOOST_TEST((core->archive().FindRun("names1")->state == RunState::kRunning));
  const auto names = core->archive().NamesOf("names1", 1);
  BOOST_REQUIRE(names.ok());
  BOOST_TEST((*names)->FindCode(1)->function == "f");
}

BOOST_AUTO_TEST_CASE(threads_that_have_ended_are_in_the_store_only) {
  DrainHome home;
  auto core = StartCore(*home);
  BOOST_REQUIRE(core->drainer().Begin(Asked("threads1")).ok());
  Child child([&] {
    TracedProcess process(*home, "threads1", 1);
    auto ring = process.Ring(2);
    std::uint64_t frame = 0;
    for (std::uint32_t thread = 1; thread <= 50; ++thread) {
      ring->StartThread(thread, 1);
      WriteEvents(*ring, 20, &frame);
      if (thread == 50) break;
      ring->Begin(shm::Kind::kThreadEnd, 0, 0, shm::MonotonicNs() >> 2);
      ring->Commit();
      ring->EndThread();
    }
    poll(nullptr, 0, -1);
  });
  LiveArchive& archive = core->archive();
  BOOST_REQUIRE(Eventually([&] { return archive.FindRun("threads1")->events == 49 * 21 + 20; }));
  BOOST_TEST(Eventually([&] { return archive.ThreadsHeld() == 1; }));
  BOOST_TEST((archive.FindRun("threads1")->state == RunState::kRunning));
  BOOST_TEST(archive.FindRun("threads1")->threads == 50);
  const auto threads = archive.Threads("threads1");
  BOOST_REQUIRE(threads.ok());
  BOOST_REQUIRE(threads->size() == 50);
  for (const ThreadInfo& thread : *threads) {
    const bool lives = thread.thread == 50;
    BOOST_TEST(thread.ended == !lives);
    BOOST_TEST(thread.events == (lives ? 20 : 21));
    BOOST_TEST(thread.local == thread.thread);
    const auto found = archive.FindThread("threads1", thread.thread);
    BOOST_REQUIRE(found.ok());
    BOOST_TEST(found->events == thread.events);
    auto cursor = archive.Open("threads1", thread.thread, 1);
    BOOST_REQUIRE(cursor.ok());
    std::uint64_t events = 0;
    for (auto piece = (*cursor)->Next(); piece.ok() && *piece; piece = (*cursor)->Next()) events += (*piece)->events;
    BOOST_TEST(events == thread.events);
  }
  BOOST_TEST((archive.FindThread("threads1", 51).status().code() == Code::kNotFound));
  child.Kill();
  BOOST_REQUIRE(core->drainer().Finish("threads1", 0, {}).ok());
  BOOST_REQUIRE(Eventually([&] { return RunEnded(archive, "threads1"); }));
  BOOST_TEST(archive.FindRun("threads1")->threads == 50);
  BOOST_TEST(archive.Threads("threads1")->size() == 50);
  BOOST_TEST(archive.ThreadsHeld() == 0);
}

BOOST_AUTO_TEST_CASE(a_late_child_opens_its_run_again) {
  DrainHome home;
  auto core = StartCore(*home);
  Child first([&] { BeProgram(*home, "late1", 1, 1'000, 2, shm::OnFull::kBlock, 1); });
  first.Wait();
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "late1"); }));
  Child second([&] { BeProgram(*home, "late1", 1, 2'000, 2, shm::OnFull::kBlock, 2); });
  second.Wait();
  BOOST_REQUIRE(Eventually(
      [&] { return RunEnded(core->archive(), "late1") && core->archive().FindRun("late1")->events == 3'000; }));
  const auto threads = core->archive().Threads("late1");
  BOOST_REQUIRE(threads->size() == 2u);
  BOOST_TEST((*threads)[1].process == 2u);
  BOOST_TEST(core->store().Check("late1", nullptr).ok());
  BOOST_TEST(core->archive().Sources("late1")->size() == 1u);  // the same text of the same file
}

BOOST_AUTO_TEST_CASE(ends_in_the_spool_are_heard_of_later) {
  DrainHome home;
  {
    Child program([&] { BeProgram(*home, "spool1", 1, 5'000, 4); });
    program.Wait();
  }
  std::filesystem::create_directories(home->SpoolDir());
  std::ofstream(home->SpoolDir() / "spool1.json") << R"({"run":"spool1","exit_code":4,"signal":null,"end_ns":5})";
  std::ofstream(home->SpoolDir() / "other.json")
      << R"({"run":"spool2","exit_code":null,"signal":9,"start_ns":17,"end_ns":)" << WallNow()
      << R"(,"command":["x.py","y"]})";
  std::ofstream(home->SpoolDir() / "bad.json") << "{";
  auto core = StartCore(*home);
  BOOST_REQUIRE(Eventually([&] {
    return RunEnded(core->archive(), "spool1") && RunEnded(core->archive(), "spool2") &&
           core->archive().FindRun("spool1")->exit_code.has_value();
  }));
  BOOST_TEST(*core->archive().FindRun("spool1")->exit_code == 4);
  BOOST_TEST(*core->archive().FindRun("spool2")->signal == 9);
  BOOST_TEST(core->archive().FindRun("spool2")->command.size() == 2u);
  // The segments stay until their contents are stored.
  BOOST_TEST(Eventually([&] { return std::filesystem::is_empty(home->SpoolDir()); }));
}

BOOST_AUTO_TEST_CASE(without_space_recording_stops_and_goes_on_later) {
  DrainHome home;
  std::uint64_t free = 0;
  {
    Store::Options options;
    options.dir = home->StoreDir();
    auto store = Store::Open(options);
    BOOST_REQUIRE(store.ok());
    free = (*store)->FreeBytes();
  }
  constexpr std::uint64_t kMargin = 1u << 30;
  BOOST_REQUIRE(free > 3 * kMargin);
  DaemonCore::Options options;
  options.reserve_bytes = free - kMargin;
  options.drainer.piece_age = milliseconds(20);
  auto core = StartCore(*home, options);
  TracedProcess process(*home, "full1", 3);
  auto ring = process.Ring(4);
  ring->StartThread(1, 1);
  std::uint64_t frame = 0;
  WriteEvents(*ring, 20'000, &frame);
  BOOST_REQUIRE(Eventually([&] {
    return core->store().archive().FindRun("full1").ok() && core->store().archive().FindRun("full1")->events > 0;
  }));
  const std::filesystem::path hog = home->dir / "hog";
  const int fd = open(hog.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  BOOST_REQUIRE(fd >= 0);
  BOOST_REQUIRE(posix_fallocate(fd, 0, 2 * kMargin) == 0);
  close(fd);
  for (int i = 0; i < 20; ++i) WriteEvents(*ring, 5'000, &frame);  // returns only when the daemon continues to drain
  BOOST_REQUIRE(
      Eventually([&] { return core->drainer().ReadStatus().problem.find("no space") != std::string::npos; }));
  BOOST_REQUIRE(Eventually([&] { return core->archive().FindRun("full1")->lost > 0; }));
  std::filesystem::remove(hog);
  BOOST_REQUIRE(Eventually([&] { return core->store().archive().FindRun("full1")->lost > 0; }));
  WriteEvents(*ring, 20'000, &frame);
  ring->EndThread();
  BOOST_REQUIRE(Eventually([&] {
    const auto counts = CountRun(core->archive(), "full1");
    return counts.at(1).events + counts.at(1).lost == 140'000u &&
           core->store().archive().FindRun("full1")->events == counts.at(1).events;
  }));
  BOOST_TEST(CountRun(core->archive(), "full1").at(1).bad == 0u);
  BOOST_TEST(core->store().Check("full1", nullptr).ok());
  BOOST_TEST(core->archive().FindRun("full1")->notes.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon::testing
