#include "daemon/exchange/import.h"

#include <xxhash.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <random>

#include "daemon/exchange/export.h"
#include "daemon/exchange/smiley_frames.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

std::string Exported(TestCore& core, const std::string& run, const std::string& format) {
  auto producer = MakeExport(core.services().archive, run, format);
  BOOST_REQUIRE_MESSAGE(producer.ok(), producer.status().message());
  return Produce(**producer);
}

// The offsets at which the frames of an export end.
std::vector<std::size_t> Boundaries(const std::string& bytes) {
  std::vector<std::size_t> ends = {0, 8, kExportHeaderBytes};
  std::size_t at = kExportHeaderBytes;
  while (at < bytes.size()) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at + 4, 4);
    at += kFrameHeaderBytes + length + kFrameCheckBytes;
    ends.push_back(at);
  }
  return ends;
}

void CheckNothingThere(TestCore& core) {
  BOOST_TEST(core.services().archive.Runs().empty());
  std::vector<std::string> report;
  BOOST_TEST(core.core().store().Check(std::nullopt, &report).ok());
  // There is no invisible run either.
  BOOST_TEST((core.core().store().DeleteRun("k7abcdef").code() == Code::kNotFound));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import)

BOOST_AUTO_TEST_CASE(a_smiley_export_comes_out_of_another_store_as_the_same_bytes) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string bytes = Exported(from, "k7abcdef", "smiley");
  for (const std::size_t portion : {std::size_t{1}, std::size_t{100}, bytes.size()}) {
    auto outcome = ImportBytes(to.services(), bytes, portion);
    BOOST_REQUIRE_MESSAGE(outcome.ok(), outcome.status().message());
    BOOST_TEST(outcome->already == (portion != 1));
    BOOST_TEST(outcome->run.id == "k7abcdef");
    BOOST_TEST(outcome->run.name == "nightly");
  }
  BOOST_TEST((Exported(to, "k7abcdef", "smiley") == bytes));
  BOOST_TEST((Exported(to, "k7abcdef", "jsonl") == Exported(from, "k7abcdef", "jsonl")));
  std::vector<std::string> report;
  const Status checked = to.core().store().Check(std::string("k7abcdef"), &report);
  BOOST_TEST(checked.ok(), (report.empty() ? checked.message() : report.front()));
}

BOOST_AUTO_TEST_CASE(json_lines_come_out_of_another_store_as_the_same_bytes) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string lines = Exported(from, "k7abcdef", "jsonl");
  auto outcome = ImportBytes(to.services(), lines, 333);
  BOOST_REQUIRE_MESSAGE(outcome.ok(), outcome.status().message());
  const std::string again = Exported(to, "k7abcdef", "jsonl");
  std::size_t at = 0;
  while (at < again.size() && at < lines.size() && again[at] == lines[at]) ++at;
  BOOST_TEST((again == lines), "they differ: " << lines.substr(at < 200 ? 0 : at - 200, 400) << "\n---\n"
                                               << again.substr(at < 200 ? 0 : at - 200, 400));
  auto second = ImportBytes(to.services(), lines, 50'000);
  BOOST_REQUIRE_MESSAGE(second.ok(), second.status().message());
  BOOST_TEST(second->already);
}

BOOST_AUTO_TEST_CASE(a_long_run_goes_through_both_formats) {
  TestCore from, to, third;
  StoreLongRun(from.core().store(), "long1", 50'000);
  const std::string lines = Exported(from, "long1", "jsonl");
  auto outcome = ImportBytes(to.services(), lines, 64 * 1024);
  BOOST_REQUIRE_MESSAGE(outcome.ok(), outcome.status().message());
  BOOST_TEST(outcome->run.events == 50'000u);
  BOOST_TEST((Exported(to, "long1", "jsonl") == lines));
  const std::string bytes = Exported(to, "long1", "smiley");
  auto again = ImportBytes(third.services(), bytes, 64 * 1024);
  BOOST_REQUIRE_MESSAGE(again.ok(), again.status().message());
  BOOST_TEST((Exported(third, "long1", "jsonl") == lines));
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_is_exported_as_far_as_it_is) {
  TestCore from, to;
  StoreLongRun(from.core().store(), "going1", 3000, RunState::kRunning);
  const std::string lines = Exported(from, "going1", "jsonl");
  BOOST_TEST(lines.find("\"exit_code\":null") != std::string::npos);
  BOOST_TEST(lines.find("\"complete\":false}\n") != std::string::npos);
  const std::string bytes = Exported(from, "going1", "smiley");
  auto outcome = ImportBytes(to.services(), bytes, 4096);
  BOOST_REQUIRE_MESSAGE(outcome.ok(), outcome.status().message());
  BOOST_TEST(!outcome->run.complete);
  BOOST_TEST((Exported(to, "going1", "smiley") == bytes));
  BOOST_TEST((Exported(to, "going1", "jsonl") == lines));
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_at_any_frame_leaves_nothing) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string bytes = Exported(from, "k7abcdef", "smiley");
  std::vector<std::size_t> ends = Boundaries(bytes);
  ends.pop_back();
  for (const std::size_t end : ends) {
    for (const std::size_t more : {0u, 1u, 11u}) {
      auto outcome = ImportBytes(to.services(), std::string_view(bytes).substr(0, end + more), 1000);
      BOOST_REQUIRE(!outcome.ok());
      BOOST_TEST((outcome.status().code() == Code::kDamaged || outcome.status().code() == Code::kForeign));
      BOOST_TEST(outcome.status().message().find('\n') == std::string::npos);
    }
  }
  CheckNothingThere(to);
  BOOST_TEST(ImportBytes(to.services(), bytes, 1000).ok());
}

BOOST_AUTO_TEST_CASE(flipped_bytes_are_refused_and_leave_nothing) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string bytes = Exported(from, "k7abcdef", "smiley");
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    std::string bad = bytes;
    char& byte = bad[random() % bad.size()];
    byte = static_cast<char>(byte ^ (1 + random() % 255));
    auto outcome = ImportBytes(to.services(), bad, 1 + random() % 5000);
    BOOST_REQUIRE(!outcome.ok());
  }
  CheckNothingThere(to);
}

// An attacker can compute right checksums for hostile frames.
BOOST_AUTO_TEST_CASE(hostile_frames_with_right_check_sums_are_safe) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string bytes = Exported(from, "k7abcdef", "smiley");
  const std::vector<std::size_t> ends = Boundaries(bytes);
  std::mt19937 random(11);
  for (int i = 0; i < 600; ++i) {
    std::string bad = ExportHeader();
    ExportTotals totals;
    const std::size_t victim = 2 + random() % (ends.size() - 3);
    for (std::size_t k = 2; k + 1 < ends.size(); ++k) {
      std::uint32_t type = 0;
      std::memcpy(&type, bytes.data() + ends[k], 4);
      std::string payload = bytes.substr(ends[k] + 8, ends[k + 1] - ends[k] - 16);
      if (k == victim && !payload.empty()) {
        for (unsigned n = 1 + random() % 3; n > 0; --n)
          payload[random() % payload.size()] = static_cast<char>(random());
        if (random() % 4 == 0) payload.resize(random() % payload.size());
        if (type == static_cast<std::uint32_t>(FrameType::kChunk) && payload.size() > 8) {
          const std::uint64_t check = XXH3_64bits(payload.data(), payload.size() - 8);
          std::memcpy(payload.data() + payload.size() - 8, &check, 8);
        }
      }
      if (k == victim && random() % 8 == 0) continue;
      if (type == static_cast<std::uint32_t>(FrameType::kEnd) && k != victim) payload = EncodeEndFrame(totals);
      AppendFrame(&bad, static_cast<FrameType>(type), payload, &totals);
    }
    auto outcome = ImportBytes(to.services(), bad, 1 + random() % 3000);
    if (outcome.ok()) {
      // The change gives another valid run: it can be read and removed like any run.
      Exported(to, outcome->run.id, "jsonl");
      BOOST_TEST(to.core().store().DeleteRun(outcome->run.id).ok());
    }
  }
  CheckNothingThere(to);
}

BOOST_AUTO_TEST_CASE(cut_and_changed_json_lines_are_refused_and_leave_nothing) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  const std::string lines = Exported(from, "k7abcdef", "jsonl");
  for (std::size_t at = lines.find('\n'); at + 1 < lines.size(); at = lines.find('\n', at + 1)) {
    BOOST_REQUIRE(!ImportBytes(to.services(), std::string_view(lines).substr(0, at + 1), 700).ok());
    BOOST_REQUIRE(!ImportBytes(to.services(), std::string_view(lines).substr(0, at - 1), 700).ok());
  }
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    std::string bad = lines;
    bad[random() % bad.size()] = static_cast<char>(random());
    auto outcome = ImportBytes(to.services(), bad, 1 + random() % 5000);
    // JSON Lines have no checksums: a changed number or text gives another run, which can be read and removed.
    if (outcome.ok()) {
      Exported(to, outcome->run.id, "jsonl");
      BOOST_TEST(to.core().store().DeleteRun(outcome->run.id).ok());
    }
  }
  CheckNothingThere(to);
}

BOOST_AUTO_TEST_CASE(other_contents_under_the_same_id_are_refused) {
  TestCore from, to;
  StoreSampleRun(from.core().store(), "k7abcdef");
  StoreSampleRun(to.core().store(), "k7abcdef", 2'000'000);
  const std::string mine = Exported(to, "k7abcdef", "smiley");
  for (const char* format : {"smiley", "jsonl"}) {
    auto outcome = ImportBytes(to.services(), Exported(from, "k7abcdef", format), 1000);
    BOOST_REQUIRE(!outcome.ok());
    BOOST_TEST(outcome.status().message().find("another run k7abcdef is here already") != std::string::npos);
  }
  BOOST_TEST((Exported(to, "k7abcdef", "smiley") == mine));
}

BOOST_AUTO_TEST_CASE(foreign_and_newer_files_are_named_as_such) {
  TestCore to;
  BOOST_TEST((ImportBytes(to.services(), "", 1).status().code() == Code::kForeign));
  BOOST_TEST((ImportBytes(to.services(), "PK\x03\x04 something else", 5).status().code() == Code::kForeign));
  BOOST_TEST((ImportBytes(to.services(), "{\"a\":1}\n", 5).status().code() == Code::kForeign));
  BOOST_TEST((ImportBytes(to.services(), "{\"a\":1}", 5).status().code() == Code::kForeign));
  // The rule of shm/base/run_id.h, as for a run that begins.
  BOOST_TEST((ImportBytes(to.services(), "{\"type\":\"run\",\"version\":1,\"id\":\"1abc\"}\n", 100).status().code() ==
              Code::kForeign));
  std::string newer = ExportHeader();
  newer[8] = 9;
  BOOST_TEST((ImportBytes(to.services(), newer, 100).status().code() == Code::kVersion));
  BOOST_TEST((ImportBytes(to.services(), "{\"type\":\"run\",\"version\":2,\"id\":\"k1\"}\n", 100).status().code() ==
              Code::kVersion));
  CheckNothingThere(to);
}

BOOST_AUTO_TEST_CASE(nothing_shows_before_the_end_and_two_imports_of_a_run_exclude_each_other) {
  TestCore from, to;
  StoreLongRun(from.core().store(), "long1", 20'000);
  const std::string bytes = Exported(from, "long1", "smiley");
  {
    Importer first(to.services().archive, to.services().store, to.home().dir);
    BOOST_REQUIRE(first.Feed(std::string_view(bytes).substr(0, bytes.size() - 10)).ok());
    BOOST_TEST(to.services().archive.Runs().empty());
    Importer second(to.services().archive, to.services().store, to.home().dir);
    const Status status = second.Feed(bytes);
    BOOST_TEST((status.code() == Code::kBusy), status.message());
  }
  BOOST_TEST(to.services().archive.Runs().empty());
  BOOST_TEST(ImportBytes(to.services(), bytes, 5000).ok());
}

BOOST_AUTO_TEST_CASE(what_was_stored_on_the_way_is_removed) {
  TestCore from, to;
  StoreLongRun(from.core().store(), "long1", 400'000);  // more than one batch
  std::string bytes = Exported(from, "long1", "smiley");
  bytes.resize(bytes.size() - 10);
  BOOST_TEST((ImportBytes(to.services(), bytes, 50'000).status().code() == Code::kDamaged));
  BOOST_TEST((to.core().store().DeleteRun("long1").code() == Code::kNotFound));
  std::string lines = Exported(from, "long1", "jsonl");
  lines.resize(lines.rfind("{\"type\":\"end\""));
  BOOST_TEST((ImportBytes(to.services(), lines, 50'000).status().code() == Code::kDamaged));
  BOOST_TEST((to.core().store().DeleteRun("long1").code() == Code::kNotFound));
  CheckNothingThere(to);
}

BOOST_AUTO_TEST_SUITE_END()
