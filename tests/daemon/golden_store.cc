// A store of an older version opens unchanged, and its runs read as that version read them.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/exchange/export.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(SMILEY_SOURCE_DIR) / "tests/daemon/golden";

std::unique_ptr<Store> OpenCopy(const TestHome& home, const std::string& name, bool read_only) {
  const auto dir = home.home().StoreDir();
  if (!std::filesystem::exists(dir)) std::filesystem::copy(kGolden / name, dir);
  return OpenAt(dir, read_only);
}

void ShowsTheSame(Store& store, const std::string& name) {
  std::size_t runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden / (name + ".exports"))) {
    if (entry.path().extension() != ".jsonl") continue;
    ++runs;
    const std::string run = entry.path().stem().string();
    auto producer = MakeExport(store.archive(), run, "jsonl");
    BOOST_REQUIRE_MESSAGE(producer.ok(), producer.status().message());
    const std::string exported = Produce(**producer), expected = Contents(entry.path());
    const auto differs = std::mismatch(exported.begin(), exported.end(), expected.begin(), expected.end());
    const auto at = static_cast<std::size_t>(differs.first - exported.begin());
    BOOST_CHECK_MESSAGE(exported == expected, "run " << run << " differs at byte " << at << ": "
                                                     << exported.substr(at < 200 ? 0 : at - 200, 400));
  }
  BOOST_TEST(runs == store.archive().Runs().size());
  BOOST_TEST(runs > 0u);
  std::vector<std::string> findings;
  const Status sound = store.Check(std::nullopt, &findings);
  BOOST_CHECK_MESSAGE(sound.ok(), (findings.empty() ? sound.message() : findings.front()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(golden_store)

BOOST_AUTO_TEST_CASE(of_version_1_opens_for_reading_and_shows_the_same) {
  const TestHome home;
  ShowsTheSame(*OpenCopy(home, "store-1", true), "store-1");
}

BOOST_AUTO_TEST_CASE(of_version_1_goes_on_being_written) {
  const TestHome home;
  {
    const auto store = OpenCopy(home, "store-1", false);
    ShowsTheSame(*store, "store-1");
  }
  // Opened again, after what opening for writing changed.
  const auto store = OpenCopy(home, "store-1", false);
  ShowsTheSame(*store, "store-1");
  BOOST_TEST(store->DeleteRun("ycn1h7ce").ok());
  std::vector<std::string> findings;
  BOOST_TEST(store->Check(std::nullopt, &findings).ok());
  BOOST_TEST(store->archive().Runs().size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
