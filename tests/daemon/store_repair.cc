// A repair keeps every readable event, counts the rest as lost, and leaves the damaged store unchanged.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/exchange/export.h"
#include "daemon/store/chunk.h"
#include "daemon/store/repair/repair.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

namespace fs = std::filesystem;

void SetContents(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}
std::map<std::string, std::string> Files(const fs::path& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) files[entry.path().filename()] = Contents(entry.path());
  return files;
}

std::map<std::string, std::string> Exports(Store& store) {
  std::map<std::string, std::string> exports;
  for (const RunInfo& run : store.archive().Runs()) {
    auto producer = MakeExport(store.archive(), run.id, "jsonl");
    BOOST_REQUIRE_MESSAGE(producer.ok(), producer.status().message());
    exports[run.id] = Produce(**producer);
  }
  return exports;
}

// The event lines of an export by thread and seq, without variables.
std::map<std::string, std::string> EventsOf(const std::string& text) {
  std::map<std::string, std::string> events;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string line = text.substr(at, end - at);
    const auto thread = line.find("\"thread\":"), when = line.find(",\"time_ns\"");
    if (!line.starts_with("{\"type\":\"event\"") || line.find("\"event\":\"lost\"") != std::string::npos) continue;
    line.resize(std::min(line.find(",\"changed\""), line.size()));
    events[line.substr(thread, when - thread)] = line;
  }
  return events;
}

// Three runs in tables, one of them deleted, and a fourth in the log.
class DamagedStore {
 public:
  DamagedStore() {
    {
      auto store = OpenAt(dir(), false);
      StoreSampleRun(*store, "sample");
      StoreLongRun(*store, "longer", 20'000);
      StoreLongRun(*store, "deleted", 4'000);
      BOOST_REQUIRE(store->DeleteRun("deleted").ok());
      BOOST_REQUIRE(store->Tidy().ok());
      StoreLongRun(*store, "logged", 6'000);
      exports = Exports(*store);
    }
    files = Files(dir());
  }
  fs::path dir() const { return home_.home().StoreDir(); }
  // Removes the tables of a column family and returns their number.
  std::size_t RemoveTables(const std::string& family) const {
    std::size_t removed = 0;
    for (const auto& [name, contents] : files) {
      if (name.ends_with(".sst") && contents.find(family) != std::string::npos)
        removed += fs::remove(dir() / name) ? 1 : 0;
    }
    return removed;
  }
  RepairReport Repair() {
    const auto damaged = Files(dir());
    RepairOptions options;
    options.dir = dir();
    options.reserve_bytes = 0;
    auto report = RepairStore(options);
    BOOST_REQUIRE_MESSAGE(report.ok(), report.status().message());
    BOOST_TEST((Files(report->sound ? dir() : report->damaged) == damaged), "the damaged store was changed");
    auto store = OpenAt(dir(), false);
    std::vector<std::string> findings;
    const Status sound = store->Check(std::nullopt, &findings);
    BOOST_CHECK_MESSAGE(sound.ok(), (findings.empty() ? sound.message() : findings.front()));
    return *report;
  }
  void Reset() {
    for (const auto& entry : fs::directory_iterator(dir().parent_path())) {
      if (entry.path().filename().string().starts_with("store")) fs::remove_all(entry.path());
    }
    fs::create_directory(dir());
    for (const auto& [name, contents] : files) SetContents(dir() / name, contents);
  }

  std::map<std::string, std::string> files, exports;

 private:
  TestHome home_;
};

std::uint64_t Lost(const RepairReport& report) {
  std::uint64_t lost = 0;
  for (const RepairedRun& run : report.runs) lost += run.newly_lost;
  return lost;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store_repair)

BOOST_AUTO_TEST_CASE(leaves_a_sound_store_alone) {
  DamagedStore damaged;
  const RepairReport report = damaged.Repair();
  BOOST_TEST(report.sound);
  BOOST_TEST(Exports(*OpenAt(damaged.dir(), true)) == damaged.exports);
}

BOOST_AUTO_TEST_CASE(loses_nothing_when_the_tables_are_whole) {
  DamagedStore damaged;
  for (const std::string what : {"MANIFEST", "CURRENT"}) {
    for (const bool remove : {true, false}) {
      for (const auto& [name, contents] : damaged.files) {
        if (!name.starts_with(what)) continue;
        if (remove)
          fs::remove(damaged.dir() / name);
        else
          SetContents(damaged.dir() / name, "nonsense" + contents.substr(std::min<std::size_t>(8, contents.size())));
      }
      const RepairReport report = damaged.Repair();
      BOOST_TEST(!report.sound);
      BOOST_TEST(Lost(report) == 0u);
      BOOST_TEST(Exports(*OpenAt(damaged.dir(), true)) == damaged.exports, what << " removed: " << remove);
      damaged.Reset();
    }
  }
}

BOOST_AUTO_TEST_CASE(is_what_a_store_without_its_first_file_needs) {
  DamagedStore damaged;
  fs::remove(damaged.dir() / "CURRENT");
  const auto left = Files(damaged.dir());
  for (const bool read_only : {true, false}) {
    Store::Options options;
    options.dir = damaged.dir();
    options.read_only = read_only;
    options.reserve_bytes = 0;
    const auto store = Store::Open(options);
    BOOST_TEST((store.status().code() == Code::kDamaged));
    BOOST_TEST(store.status().message().find("smiley-store repair") != std::string::npos);
    BOOST_TEST((Files(damaged.dir()) == left));
  }
}

BOOST_AUTO_TEST_CASE(is_not_needed_where_a_new_store_was_not_made_whole) {
  TestHome home;
  const fs::path dir = home.home().StoreDir();
  fs::create_directories(dir);
  SetContents(dir / "MANIFEST-000001", "half of it");
  BOOST_TEST(OpenAt(dir, false)->archive().Runs().empty());
}

BOOST_AUTO_TEST_CASE(loses_the_damaged_chunk_and_no_other) {
  DamagedStore damaged;
  std::size_t tried = 0;
  for (const auto& [name, contents] : damaged.files) {
    if (!name.ends_with(".sst")) continue;
    for (std::size_t at = 0; (at = contents.find("SCHK", at)) != std::string::npos; ++at) {
      const std::size_t bytes = ChunkBytes(std::string_view(contents).substr(at));
      if (bytes == 0 || at + bytes > contents.size()) continue;
      const std::string_view chunk = std::string_view(contents).substr(at, bytes);
      Piece piece;
      BOOST_REQUIRE(DecodeChunk(chunk, ChunkRun(chunk), &piece).ok());
      BOOST_REQUIRE(SumUp(&piece));
      std::string broken = contents;
      broken[at + bytes / 2] = static_cast<char>(broken[at + bytes / 2] ^ 1);
      SetContents(damaged.dir() / name, broken);
      const RepairReport report = damaged.Repair();
      BOOST_TEST(!report.sound);
      BOOST_TEST(Lost(report) == piece.last_seq + 1 - piece.first_seq - piece.lost);
      const auto store = OpenAt(damaged.dir(), true);
      for (const RepairedRun& run : report.runs) {
        const auto before = EventsOf(damaged.exports.at(run.id));
        const auto info = store->archive().FindRun(run.id);
        BOOST_TEST(before.size() == run.events + run.newly_lost);
        BOOST_TEST(info->notes.size() == (run.newly_lost > 0 ? 2u : 1u));
        BOOST_TEST(info->complete == (run.lost == 0));
      }
      damaged.Reset();
      ++tried;
    }
  }
  BOOST_TEST(tried >= 12u);
}

BOOST_AUTO_TEST_CASE(reads_a_log_without_any_table) {
  TestHome home;
  const fs::path dir = home.home().StoreDir();
  std::map<std::string, std::string> exports;
  {
    auto store = OpenAt(dir, false);
    StoreSampleRun(*store, "sample");
    exports = Exports(*store);
  }
  fs::remove(dir / "CURRENT");
  RepairOptions options;
  options.dir = dir;
  options.reserve_bytes = 0;
  const auto report = RepairStore(options);
  BOOST_REQUIRE_MESSAGE(report.ok(), report.status().message());
  BOOST_TEST(Exports(*OpenAt(dir, true)) == exports);
}

BOOST_AUTO_TEST_CASE(finds_the_runs_again_when_their_records_are_gone) {
  DamagedStore damaged;
  BOOST_REQUIRE(damaged.RemoveTables("default") > 0u);
  const RepairReport report = damaged.Repair();
  BOOST_TEST(Lost(report) == 0u);
  std::map<std::string, std::string> records;
  for (const RepairedRun& run : report.runs) records[run.id] = run.record;
  const std::map<std::string, std::string> expected = {{"sample", "copy"}, {"longer", "copy"}, {"logged", "kept"}};
  BOOST_TEST(records == expected);
  const auto store = OpenAt(damaged.dir(), true);
  const auto exports = Exports(*store);
  for (const auto& [id, text] : damaged.exports) BOOST_TEST(EventsOf(exports.at(id)) == EventsOf(text));
}

BOOST_AUTO_TEST_CASE(names_what_it_does_not_know_any_more) {
  DamagedStore damaged;
  BOOST_REQUIRE(damaged.RemoveTables("catalogue") > 0u);
  const RepairReport report = damaged.Repair();
  const auto store = OpenAt(damaged.dir(), true);
  const auto exports = Exports(*store);
  for (const RepairedRun& run : report.runs) {
    BOOST_TEST(run.newly_lost == 0u);
    if (run.id == "logged") continue;
    BOOST_TEST(run.lost_names > 0u);
    BOOST_TEST(exports.at(run.id).find("\"function\":\"(lost)\"") != std::string::npos);
    BOOST_TEST(EventsOf(exports.at(run.id)).size() == EventsOf(damaged.exports.at(run.id)).size());
  }
}

// SMILEY_TEST_SEED chooses the places, SMILEY_TEST_ROUNDS their number.
BOOST_AUTO_TEST_CASE(keeps_what_can_be_read_wherever_the_damage_is) {
  const char* given = std::getenv("SMILEY_TEST_SEED");
  const char* many = std::getenv("SMILEY_TEST_ROUNDS");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  const int rounds = many != nullptr ? std::atoi(many) : 16;
  BOOST_TEST_MESSAGE("SMILEY_TEST_SEED=" << seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  DamagedStore damaged;
  std::vector<std::string> names;
  for (const auto& [name, contents] : damaged.files) {
    if (!contents.empty() && !name.starts_with("LOG") && !name.starts_with("OPTIONS") && name != "IDENTITY")
      names.push_back(name);
  }
  std::map<std::string, std::map<std::string, std::string>> before;
  for (const auto& [id, text] : damaged.exports) before[id] = EventsOf(text);
  for (int round = 0; round < rounds; ++round) {
    std::string story;
    for (std::size_t count = 1 + below(3); count > 0; --count) {
      const std::string& name = names[below(names.size())];
      std::string contents = Contents(damaged.dir() / name);
      if (contents.empty()) continue;
      const std::size_t at = below(contents.size());
      switch (below(5)) {
        case 0:
        case 1:
          contents[at] = static_cast<char>(contents[at] ^ (1 << below(8)));
          story += "a bit at " + std::to_string(at) + " of " + name + "; ";
          break;
        case 2:
          for (std::size_t i = at; i < std::min(contents.size(), at + 512); ++i) contents[i] = '\0';
          story += "a sector at " + std::to_string(at) + " of " + name + "; ";
          break;
        case 3:
          contents.resize(at);
          story += "cut at " + std::to_string(at) + ": " + name + "; ";
          break;
        default:
          contents.clear();
          story += "emptied: " + name + "; ";
      }
      SetContents(damaged.dir() / name, contents);
    }
    BOOST_TEST_CONTEXT("seed " << seed << ", round " << round << ": " << story) {
      const RepairReport report = damaged.Repair();
      const auto store = OpenAt(damaged.dir(), true);
      for (const auto& [id, text] : Exports(*store)) {
        const auto was = before.find(id);
        if (was == before.end()) continue;  // the repair wrote its record
        const auto run = std::find_if(report.runs.begin(), report.runs.end(),
                                      [&, name = id](const auto& r) { return r.id == name; });
        const bool names_lost = run != report.runs.end() && run->lost_names > 0;
        for (const auto& [position, line] : EventsOf(text)) {
          const auto there = was->second.find(position);
          BOOST_REQUIRE_MESSAGE(there != was->second.end(), "an event that never was: " << line);
          if (!names_lost)
            BOOST_REQUIRE_EQUAL(line.substr(line.find("\"event\"")),
                                there->second.substr(there->second.find("\"event\"")));
        }
      }
    }
    damaged.Reset();
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
