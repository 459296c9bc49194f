// The check finds a changed byte of a table, or the change has no visible effect.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "daemon/exchange/export.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

namespace fs = std::filesystem;

// Empty: the export fails.
std::string ExportOf(Store& store, const std::string& run) {
  auto producer = MakeExport(store.archive(), run, "jsonl");
  if (!producer.ok()) return {};
  std::string out;
  for (;;) {
    const auto next = (*producer)->Step(&out);
    if (!next.ok()) return {};
    if (*next != Producer::Next::kMore) return out;
  }
}

void Flip(const fs::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x20));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store_damage)

BOOST_AUTO_TEST_CASE(of_any_byte_of_a_table_is_found_or_harmless) {
  const TestHome home;
  const fs::path dir = home.home().StoreDir();
  std::string whole;
  {
    auto store = TryOpenAt(dir, false);
    BOOST_REQUIRE(store.ok());
    StoreLongRun(**store, "longer", 3'000);
    BOOST_REQUIRE((*store)->Tidy().ok());  // moves the log into tables
    whole = ExportOf(**store, "longer");
    BOOST_REQUIRE(!whole.empty());
  }
  std::size_t flips = 0, found = 0;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().extension() != ".sst") continue;
    const auto size = static_cast<std::streamoff>(entry.file_size());
    const std::streamoff step = std::max<std::streamoff>(size / 40, 1);
    for (std::streamoff at = 0; at < size; at += step) {
      Flip(entry.path(), at);
      ++flips;
      auto store = TryOpenAt(dir, true);
      std::vector<std::string> findings;
      if (!store.ok() || !(*store)->Check(std::nullopt, &findings).ok()) {
        ++found;
      } else {
        BOOST_CHECK_MESSAGE(ExportOf(**store, "longer") == whole, entry.path().filename().string() << " byte " << at);
      }
      Flip(entry.path(), at);
    }
  }
  BOOST_TEST(flips > 100u);
  BOOST_TEST(found > flips * 9 / 10);
  auto store = TryOpenAt(dir, true);
  BOOST_REQUIRE(store.ok());
  std::vector<std::string> findings;
  BOOST_TEST((*store)->Check(std::nullopt, &findings).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
