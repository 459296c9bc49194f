// Deleting frees disk space. The quota deletes the oldest ended runs without a pin. Pins survive a restart.
#include <boost/test/unit_test.hpp>
#include <random>

#include "daemon/background/caretaker.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kRunBytes = 2'000'000;

// One run of about kRunBytes of incompressible data.
void AddBigRun(Store& store, const std::string& id, std::int64_t start_ns, RunState state = RunState::kEnded) {
  std::mt19937_64 random(static_cast<std::uint64_t>(start_ns));
  Batch batch;
  RunInfo run = MakeRunInfo(id, start_ns);
  run.state = state;
  batch.runs.push_back(run);
  ProcessInfo process;
  process.process = 1;
  batch.processes.emplace_back(id, process);
  constexpr std::uint64_t kWords = 8'000;
  for (std::uint64_t at = 0; at * kWords * 8 < kRunBytes; ++at) {
    Piece piece;
    piece.run = id;
    piece.process = piece.thread = 1;
    piece.first_seq = piece.state.first_seq = at + 1;
    piece.last_seq = at + 1;
    piece.events = 1;
    piece.words.resize(kWords);
    for (auto& word : piece.words) word = random();
    batch.pieces.push_back(std::make_shared<const Piece>(std::move(piece)));
  }
  BOOST_REQUIRE(store.Commit(batch).ok());
}

std::string Ids(Archive& archive) {
  std::string ids;
  for (const RunInfo& run : archive.Runs()) ids += (ids.empty() ? "" : " ") + run.id;
  return ids;
}

Caretaker::Options ByHand(std::uint64_t quota, std::vector<std::string>* log = nullptr) {
  Caretaker::Options options;
  options.quota_bytes = quota;
  options.look_every = std::chrono::milliseconds(0);
  if (log != nullptr) options.log = [log](const std::string& line) { log->push_back(line); };
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store_care)

BOOST_AUTO_TEST_CASE(deleting_a_run_gives_its_disk_space_back) {
  TestCore core;
  Store& store = core.core().store();
  AddBigRun(store, "big", 100);
  AddBigRun(store, "kept", 200);
  const std::uint64_t before = store.DiskBytes();
  BOOST_TEST(before > 2 * kRunBytes);
  BOOST_REQUIRE(store.DeleteRun("big").ok());
  BOOST_REQUIRE(store.Tidy().ok());
  BOOST_TEST(store.DiskBytes() < before - kRunBytes * 9 / 10);
  BOOST_TEST(store.DiskBytes() > kRunBytes);
}

BOOST_AUTO_TEST_CASE(the_quota_takes_the_oldest_run_that_has_ended_and_is_not_pinned) {
  TestCore core;
  Store& store = core.core().store();
  AddBigRun(store, "going", 10, RunState::kRunning);
  AddBigRun(store, "pinned", 100);
  AddBigRun(store, "old", 200);
  AddBigRun(store, "middle", 300);
  AddBigRun(store, "newest", 400);
  BOOST_REQUIRE(store.SetPinned("pinned", true).ok());
  std::vector<std::string> log;
  {
    Caretaker roomy(store, core.services().archive, core.services().runs, ByHand(20 * kRunBytes, &log));
    BOOST_TEST(roomy.Look() == 0u);
  }
  Caretaker strict(store, core.services().archive, core.services().runs, ByHand(kRunBytes * 9 / 2, &log));
  BOOST_TEST(strict.Look() == 1u);
  BOOST_TEST(Ids(store.archive()) == "newest middle pinned going");
  BOOST_TEST(store.DiskBytes() <= kRunBytes * 9 / 2);
  BOOST_TEST(strict.Look() == 0u);
  BOOST_REQUIRE(log.size() == 1u);
  BOOST_TEST(log[0].find("removed run old") == 0u);
}

BOOST_AUTO_TEST_CASE(what_may_not_go_stays_over_any_quota) {
  TestCore core;
  Store& store = core.core().store();
  AddBigRun(store, "going", 10, RunState::kRunning);
  AddBigRun(store, "pinned", 100);
  AddBigRun(store, "loose", 200);
  BOOST_REQUIRE(store.SetPinned("pinned", true).ok());
  Caretaker strict(store, core.services().archive, core.services().runs, ByHand(1));
  BOOST_TEST(strict.Look() == 1u);
  BOOST_TEST(Ids(store.archive()) == "pinned going");
  BOOST_TEST(strict.Look() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pin_outlives_the_daemon_and_what_is_written_of_the_run) {
  const TestHome home;
  Store::Options options;
  options.dir = home.home().StoreDir();
  options.reserve_bytes = 0;
  {
    auto store = Store::Open(options);
    BOOST_REQUIRE(store.ok());
    AddBigRun(**store, "kept", 100, RunState::kRunning);
    BOOST_TEST(((*store)->SetPinned("nosuch", true).code() == Code::kNotFound));
    BOOST_REQUIRE((*store)->SetPinned("kept", true).ok());
    Batch batch;
    batch.runs.push_back(MakeRunInfo("kept", 100));
    BOOST_REQUIRE((*store)->Commit(batch).ok());
  }
  auto store = Store::Open(options);
  BOOST_REQUIRE(store.ok());
  BOOST_TEST((*store)->archive().FindRun("kept")->pinned);
  BOOST_REQUIRE((*store)->SetPinned("kept", false).ok());
  BOOST_TEST(!(*store)->archive().FindRun("kept")->pinned);
}

BOOST_AUTO_TEST_CASE(a_pinned_run_is_not_deleted_on_request) {
  ServedHome home;
  AddBigRun(home.core().store(), "kept", 100);
  auto client = home.Connect();
  auto pinned = client->Ask("{\"op\":\"pin\",\"run\":\"last\"}");
  BOOST_REQUIRE_MESSAGE(pinned.ok(), pinned.status().message());
  BOOST_TEST(pinned->find("\"pinned\":true") != std::string::npos);
  BOOST_TEST((client->Ask("{\"op\":\"delete\",\"runs\":[\"kept\"]}").status().code() == Code::kBusy));
  BOOST_REQUIRE(client->Ask("{\"op\":\"pin\",\"run\":\"kept\",\"pinned\":false}").ok());
  BOOST_REQUIRE(client->Ask("{\"op\":\"delete\",\"runs\":[\"kept\"]}").ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
