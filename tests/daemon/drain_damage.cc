// Damaged or foreign shared memory affects nothing else, and its loss is counted.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <mutex>

#include "tests/daemon/drain_support.h"

namespace smiley::daemon::testing {
namespace {

// Records a whole program into one ring; `harm` then damages the words of the ring.
void BeHarmed(const shm::Home& home, const std::function<void(std::uint64_t*)>& harm) {
  TracedProcess process(home, "harm1", 5);
  auto ring = process.Ring(64);
  ring->StartThread(1, 1);
  std::uint64_t frame = 0;
  WriteEvents(*ring, 100'000, &frame);
  ring->EndThread();
  harm(reinterpret_cast<std::uint64_t*>(ring->segment().data()));
}

void CheckHarmed(const shm::Home& home, std::uint64_t least_lost, std::uint64_t most_lost) {
  auto core = StartCore(home);
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "harm1"); }));
  const auto counts = CountRun(core->archive(), "harm1");
  BOOST_REQUIRE(counts.size() == 1u);
  BOOST_TEST(counts.at(1).events + counts.at(1).lost == 100'000u);
  BOOST_TEST(counts.at(1).lost >= least_lost);
  BOOST_TEST(counts.at(1).lost <= most_lost);
  BOOST_TEST(counts.at(1).bad == 0u);
  std::vector<std::string> report;
  BOOST_TEST(core->store().Check(std::nullopt, &report).ok());
  for (const std::string& line : report) BOOST_TEST_MESSAGE(line);
  BOOST_TEST(!core->archive().FindRun("harm1")->complete);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(drain_damage)

BOOST_AUTO_TEST_CASE(a_damaged_block_header_costs_its_block) {
  DrainHome home;
  Child program([&] { BeHarmed(*home, [](std::uint64_t* words) { words[2 * shm::kBlockWords] ^= 1; }); });
  program.Wait();
  CheckHarmed(*home, 100, 12'000);
}

BOOST_AUTO_TEST_CASE(a_damaged_word_costs_the_rest_of_its_block) {
  DrainHome home;
  Child program([&] {
    BeHarmed(*home, [](std::uint64_t* words) {
      for (int i = 0; i < 8; ++i)
        words[3 * shm::kBlockWords + 4000 + static_cast<std::size_t>(i)] = ~std::uint64_t{0};
    });
  });
  program.Wait();
  CheckHarmed(*home, 50, 8'000);
}

BOOST_AUTO_TEST_CASE(a_block_that_goes_back_in_time_is_not_stored_twice) {
  DrainHome home;
  Child program([&] {
    BeHarmed(*home, [](std::uint64_t* words) {
      // Block 4 gets the header of block 1.
      shm::BlockHeader header;
      std::memcpy(&header, words + 1 * shm::kBlockWords, sizeof header);
      header.block = 4;
      std::memcpy(words + 4 * shm::kBlockWords, &header, sizeof header);
    });
  });
  program.Wait();
  CheckHarmed(*home, 100, 12'000);
}

BOOST_AUTO_TEST_CASE(foreign_segments_are_named_once_and_left_alone) {
  DrainHome home;
  const std::string name = "/smiley." + home->id + ".squat1.1.r0.00000000";
  const int fd = shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  BOOST_REQUIRE(fd >= 0);
  BOOST_REQUIRE(ftruncate(fd, 1 << 20) == 0);
  BOOST_REQUIRE(fchmod(fd, 0644) == 0);  // anybody could have written there
  close(fd);
  std::mutex mutex;
  std::vector<std::string> lines;
  DaemonCore::Options options;
  options.drainer.log = [&](const std::string& line) {
    std::lock_guard lock(mutex);
    lines.push_back(line);
  };
  auto core = StartCore(*home, options);
  Child program([&] { BeProgram(*home, "prog1", 1, 5'000, 4); });
  program.Wait();
  BOOST_REQUIRE(Eventually([&] { return RunEnded(core->archive(), "prog1"); }));
  std::size_t named = 0;
  {
    std::lock_guard lock(mutex);
    for (const std::string& line : lines) named += line.find("squat1") != std::string::npos ? 1 : 0;
  }
  BOOST_TEST(named == 1u);
  BOOST_TEST(shm::Segment::List(*home).size() == 1u);
  BOOST_TEST(core->archive().Runs().size() == 1u);
  core.reset();
  shm_unlink(name.c_str());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon::testing
