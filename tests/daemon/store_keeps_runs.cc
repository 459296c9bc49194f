// Committed runs, pieces, records and cursors survive reopening; deleted ones do not come back.
#include <boost/test/unit_test.hpp>

#include "daemon/store/db.h"
#include "daemon/store/records.h"
#include "tests/daemon/drain_support.h"
#include "tests/daemon/piece_maker.h"

namespace smiley::daemon::testing {
namespace {

RunInfo MakeRun(const std::string& id, std::int64_t start_ns = 100) {
  RunInfo run;
  run.id = id;
  run.command = {"app.py", "3"};
  run.cwd = "/somewhere";
  run.start_ns = start_ns;
  run.state = RunState::kEnded;
  run.end_ns = start_ns + 50;
  run.exit_code = 3;
  run.complete = true;
  return run;
}

PiecePtr MakePiece(const std::string& run, std::uint32_t thread, std::uint64_t first, std::uint64_t count) {
  PieceMaker maker(first, thread);
  for (std::uint64_t i = 0; i < count; ++i) maker.Line(static_cast<std::uint32_t>(first + i));
  Piece& piece = maker.piece();
  piece.run = run;
  piece.first_seq = first;
  piece.last_seq = first + count - 1;
  piece.events = count;
  piece.first_ns = static_cast<std::int64_t>(1'000 * first);
  piece.last_ns = piece.first_ns + 500;
  piece.codes = {1, 2, 900};
  piece.variables = {3};
  piece.min_line = 4;
  piece.max_line = 77;
  piece.kinds = 4;
  piece.state.shown = 2;
  piece.state.depth = 5;
  piece.state.frames[0] = {11, 2, 40};
  piece.state.frames[1] = {10, 1, 12};
  return maker.Done();
}

Store::Options In(const shm::Home& home, bool read_only = false) {
  Store::Options options;
  options.dir = home.StoreDir();
  options.read_only = read_only;
  return options;
}

std::unique_ptr<Store> OpenStore(const shm::Home& home, bool read_only = false) {
  auto store = Store::Open(In(home, read_only));
  if (!store.ok()) throw std::runtime_error(store.status().message());
  return std::move(*store);
}

Batch OneRun(const std::string& id, std::int64_t start_ns = 100) {
  Batch batch;
  batch.runs.push_back(MakeRun(id, start_ns));
  ProcessInfo process;
  process.process = 1;
  process.pid = 4711;
  process.token = 99;
  batch.processes.emplace_back(id, process);
  for (std::uint64_t i = 0; i < 200; ++i) batch.pieces.push_back(MakePiece(id, 1 + i % 2, 1 + i / 2 * 10, 10));
  batch.catalogue.push_back({id, 1, shm::RecordType::kString, 3, "x"});
  for (std::uint32_t code : {1u, 2u, 900u})
    batch.catalogue.push_back({id, 1, shm::RecordType::kCode, code, Cbor([](shm::CborWriter& w) {
                                 w.ArrayHeader(5);
                                 for (int i = 0; i < 4; ++i) w.Unsigned(3);
                                 w.ArrayHeader(0);
                               })});
  batch.cursors.push_back({"segment-of-" + id, 12345});
  return batch;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store_keeps_runs)

BOOST_AUTO_TEST_CASE(through_closing_and_opening) {
  DrainHome home;
  {
    auto store = OpenStore(*home);
    BOOST_REQUIRE(store->Commit(OneRun("aaa", 100)).ok());
    BOOST_REQUIRE(store->Commit(OneRun("bbb", 200)).ok());
  }
  for (bool read_only : {false, true}) {
    auto store = OpenStore(*home, read_only);
    const auto runs = store->archive().Runs();
    BOOST_REQUIRE(runs.size() == 2u);
    BOOST_TEST(runs[0].id == "bbb");  // newest first
    BOOST_TEST(runs[1].events == 2000u);
    BOOST_TEST(runs[1].threads == 2u);
    BOOST_TEST(runs[1].processes == 1u);
    BOOST_TEST(*runs[1].exit_code == 3);
    BOOST_TEST(runs[1].complete);
    BOOST_TEST(*store->CursorOf("segment-of-aaa") == 12345u);
    auto cursor = store->archive().Open("aaa", 2, 0);
    BOOST_REQUIRE(cursor.ok());
    std::uint64_t next = 1;
    while (true) {
      auto piece = (*cursor)->Next();
      BOOST_REQUIRE(piece.ok());
      if (!*piece) break;
      const PiecePtr same = MakePiece("aaa", 2, next, 10);
      BOOST_TEST((*piece)->words == same->words);
      BOOST_TEST((*piece)->first_seq == next);
      BOOST_TEST((*piece)->last_seq == next + 9);
      BOOST_TEST((*piece)->codes == same->codes);
      BOOST_TEST((*piece)->max_line == 77u);
      BOOST_TEST((*piece)->state.depth == 5u);
      BOOST_TEST((*piece)->state.frames[1].frame == 10u);
      BOOST_TEST((*piece)->time.ns_per_unit == same->time.ns_per_unit);
      next += 10;
    }
    BOOST_TEST(next == 1001u);
    auto middle = store->archive().Open("aaa", 1, 555);
    BOOST_TEST((*(*middle)->Next())->first_seq == 551u);
    std::vector<std::string> report;
    BOOST_TEST(store->Check(std::nullopt, &report).ok());
    BOOST_TEST(report.empty());
  }
}

BOOST_AUTO_TEST_CASE(and_forgets_deleted_ones_at_once) {
  DrainHome home;
  auto store = OpenStore(*home);
  BOOST_REQUIRE(store->Commit(OneRun("aaa")).ok());
  BOOST_REQUIRE(store->Commit(OneRun("bbb")).ok());
  auto reading = store->archive().Open("aaa", 1, 0);
  BOOST_REQUIRE((*reading)->Next().ok());
  BOOST_REQUIRE(store->DeleteRun("aaa").ok());
  BOOST_TEST((store->DeleteRun("aaa").code() == Code::kNotFound));
  auto piece = (*reading)->Next();
  BOOST_TEST((piece.ok() && !*piece));
  BOOST_TEST(!store->archive().FindRun("aaa").ok());
  BOOST_TEST(!store->archive().Open("aaa", 1, 0).ok());
  BOOST_TEST(store->archive().Runs().size() == 1u);
  BOOST_TEST(store->Check(std::nullopt, nullptr).ok());
  BOOST_REQUIRE(store->Commit(OneRun("aaa")).ok());  // the id of a deleted run: nothing of that run shows
  BOOST_TEST(store->archive().FindRun("aaa")->events == 2000u);
  BOOST_TEST(store->Check(std::nullopt, nullptr).ok());
}

BOOST_AUTO_TEST_CASE(for_one_process_at_a_time) {
  DrainHome home;
  auto store = OpenStore(*home);
  const auto second = Store::Open(In(*home));
  BOOST_TEST((second.status().code() == Code::kBusy));
}

BOOST_AUTO_TEST_CASE(and_leaves_a_newer_smileys_alone) {
  DrainHome home;
  OpenStore(*home);
  {
    auto db = StoreDb::Open((*home).StoreDir(), false);
    BOOST_REQUIRE(db.ok());
    WriteList list;
    std::string number(8, '\0');
    number[7] = static_cast<char>(kStoreVersion + 1);
    list.Put(Family::kMeta, std::string(kVersionKey), number);
    BOOST_REQUIRE((*db)->Write(list).ok());
  }
  for (const bool read_only : {false, true}) {
    const auto store = Store::Open(In(*home, read_only));
    BOOST_TEST((store.status().code() == Code::kVersion));
    BOOST_TEST(store.status().message().find("newer") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(but_not_half_imported_ones) {
  DrainHome home;
  {
    auto store = OpenStore(*home);
    Batch batch = OneRun("ccc");
    batch.runs[0].state = RunState::kImporting;
    BOOST_REQUIRE(store->Commit(batch).ok());
    BOOST_TEST(!store->archive().FindRun("ccc").ok());
  }
  auto store = OpenStore(*home);
  Batch batch;
  batch.runs.push_back(MakeRun("ccc"));
  BOOST_REQUIRE(store->Commit(batch).ok());
  BOOST_TEST(store->archive().FindRun("ccc")->events == 0u);
}

BOOST_AUTO_TEST_CASE(and_tells_findings_apart_from_health) {
  DrainHome home;
  auto store = OpenStore(*home);
  Batch batch = OneRun("ddd");
  batch.pieces.erase(batch.pieces.begin() + 10);  // a gap
  batch.catalogue.pop_back();                     // an id without a record
  BOOST_REQUIRE(store->Commit(batch).ok());
  std::vector<std::string> report;
  BOOST_TEST((store->Check("ddd", &report).code() == Code::kDamaged));
  const auto reports = [&](const std::string& part) {
    return std::any_of(report.begin(), report.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  BOOST_TEST(reports("was expected"));
  BOOST_TEST(reports("code 900 is in no catalogue"));
  BOOST_TEST((store->Check("nope", nullptr).code() == Code::kNotFound));
}

BOOST_AUTO_TEST_CASE(only_while_there_is_room) {
  DrainHome home;
  Store::Options options = In(*home);
  {
    auto store = OpenStore(*home);
    BOOST_REQUIRE(store->Commit(OneRun("aaa")).ok());
  }
  auto roomy = Store::Open(options);
  const std::uint64_t free = (*roomy)->FreeBytes();
  roomy->reset();
  options.reserve_bytes = free + (1u << 30);  // more than the disk has: opening and deleting still work
  auto store = Store::Open(options);
  BOOST_REQUIRE(store.ok());
  BOOST_TEST(((*store)->Commit(OneRun("bbb")).code() == Code::kNoSpace));
  BOOST_TEST((*store)->Problem().find("smiley-delete") != std::string::npos);
  BOOST_TEST(!(*store)->archive().FindRun("bbb").ok());
  BOOST_TEST((*store)->DeleteRun("aaa").ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon::testing
