#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "shm/base/test_point.h"
#include "tests/shm/ring_support.h"

using namespace smiley;
using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

std::string PathOf(const Home& home, const Segment::Found& found) {
  return found.in_file ? (home.SegmentDir() / found.name).string() : "/dev/shm/" + found.name;
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  BOOST_REQUIRE(lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

Code OpenCode(const Home& home, const Segment::Found& found) { return Segment::Open(home, found).status().code(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(segment_is_private)

BOOST_AUTO_TEST_CASE(modes_are_0600_and_0700_whatever_the_umask) {
  for (const mode_t mask : {0000, 0022, 0077, 0177}) {
    const mode_t before = umask(mask);
    {
      TemporaryHome home;
      const auto ring = MakeRing(*home, 2, OnFull::kDrop);
      BOOST_TEST(ModeOf(PathOf(*home, ring->found())) == 0600u);
      BOOST_TEST(ModeOf(home->dir.string()) == 0700u);
      BOOST_TEST(OpenAgain(*home, ring->found())->data_bytes() == 2 * kBlockBytes);
    }
    umask(before);
  }
}

BOOST_AUTO_TEST_CASE(names_carry_home_run_pid_and_something_random) {
  TemporaryHome home;
  const auto one = MakeRing(*home, 2, OnFull::kDrop);
  const auto two = MakeRing(*home, 2, OnFull::kDrop);
  BOOST_TEST(one->found().name != two->found().name);
  const auto parts = Segment::ParseName(one->found().name);
  BOOST_REQUIRE(parts.has_value());
  BOOST_TEST(parts->run == "testrun1");
  BOOST_TEST(parts->pid == static_cast<std::uint32_t>(getpid()));
  BOOST_CHECK(parts->kind == SegmentKind::kRing);
  BOOST_TEST(parts->index == 0u);
  BOOST_TEST(!Segment::ParseName("smiley." + home->id + ".testrun1.12.r0.0011223").has_value());
  BOOST_TEST(!Segment::ParseName("smiley." + home->id + ".testrun1.12.x0.00112233").has_value());
  BOOST_TEST(!Segment::ParseName(one->found().name + "x").has_value());
  BOOST_TEST(Segment::List(*home).size() == 2u);
  BOOST_TEST(one->OwnerIdentity().pid == static_cast<std::uint32_t>(getpid()));
  BOOST_TEST((one->OwnerIdentity() == SelfIdentity()));
}

BOOST_AUTO_TEST_CASE(another_home_is_never_seen) {
  TemporaryHome home, other;
  const auto ring = MakeRing(*home, 2, OnFull::kDrop);
  BOOST_TEST(Segment::List(*other).empty());
  BOOST_CHECK(OpenCode(*other, ring->found()) == Code::kForeign);
  BOOST_CHECK(Segment::Remove(*other, ring->found()).code() == Code::kForeign);
  // The same bytes under a name of the other home are refused, because the header names this home.
  Segment::Found copied{"smiley." + other->id + ".testrun1.1.r0.00000000", true};
  std::filesystem::create_directories(other->SegmentDir());
  std::filesystem::copy_file(PathOf(*home, ring->found()), PathOf(*other, copied));
  BOOST_CHECK(OpenCode(*other, copied) == Code::kForeign);
}

BOOST_AUTO_TEST_CASE(what_others_could_have_put_there_is_not_opened) {
  TemporaryHome home;
  const auto ring = MakeRing(*home, 2, OnFull::kDrop);
  const std::string path = PathOf(*home, ring->found());
  std::filesystem::create_directories(home->SegmentDir());
  const auto name = [&](char c) { return "smiley." + home->id + ".testrun1.1.r0.0000000" + c; };

  BOOST_CHECK(OpenCode(*home, {name('0'), false}) == Code::kNotFound);
  BOOST_CHECK(OpenCode(*home, {name('0'), true}) == Code::kNotFound);

  const std::string link = (home->SegmentDir() / name('1')).string();
  BOOST_REQUIRE(symlink(path.c_str(), link.c_str()) == 0);
  BOOST_CHECK(OpenCode(*home, {name('1'), true}) == Code::kForeign);
  BOOST_REQUIRE(symlink(path.c_str(), ("/dev/shm/" + name('1')).c_str()) == 0);
  BOOST_CHECK(OpenCode(*home, {name('1'), false}) == Code::kForeign);

  BOOST_REQUIRE(mkfifo((home->SegmentDir() / name('2')).c_str(), 0600) == 0);
  BOOST_CHECK(OpenCode(*home, {name('2'), true}) == Code::kForeign);
  std::filesystem::create_directory(home->SegmentDir() / name('3'));
  BOOST_TEST(!Segment::Open(*home, {name('3'), true}).ok());

  BOOST_REQUIRE(chmod(path.c_str(), 0640) == 0);
  BOOST_CHECK(OpenCode(*home, ring->found()) == Code::kForeign);
  BOOST_REQUIRE(chmod(path.c_str(), 0600) == 0);
  BOOST_CHECK(OpenCode(*home, ring->found()) == Code::kOk);
  if (geteuid() == 0) {
    BOOST_REQUIRE(chown(path.c_str(), 12345, 12345) == 0);
    BOOST_CHECK(OpenCode(*home, ring->found()) == Code::kForeign);
    BOOST_REQUIRE(chown(path.c_str(), 0, 0) == 0);
  }
  BOOST_CHECK(OpenCode(*home, {"../" + ring->found().name, true}) == Code::kForeign);
  BOOST_CHECK(OpenCode(*home, {ring->found().name + "/../x", false}) == Code::kForeign);
}

BOOST_AUTO_TEST_CASE(a_segment_whose_owner_died_making_it_is_not_ready) {
  TemporaryHome home;
  for (const char* point : {"segment.created", "segment.live"}) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      ArmTestPoints(point);
      SegmentOptions options;
      options.data_bytes = 2 * kBlockBytes;
      static_cast<void>(Segment::Create(OwnerIn(*home), options));
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    const auto found = Segment::List(*home);
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST(Segment::ParseName(found[0].name)->pid == static_cast<std::uint32_t>(child));
    const bool live = std::string(point) == "segment.live";
    BOOST_CHECK(OpenCode(*home, found[0]) == (live ? Code::kOk : Code::kBusy));
    BOOST_TEST(Segment::Remove(*home, found[0]).ok());
    BOOST_TEST(Segment::Remove(*home, found[0]).ok());  // Ok also when the name does not exist
    BOOST_TEST(Segment::List(*home).empty());
  }
}

BOOST_AUTO_TEST_CASE(a_stale_segment_stays_readable_after_its_name_and_its_owner_are_gone) {
  TemporaryHome home;
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
    writer.StartThread(1, 1);
    for (int i = 1; i <= 100; ++i) WritePattern(writer, i);
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const auto found = Segment::List(*home);
  BOOST_REQUIRE(found.size() == 1u);
  const auto segment = OpenAgain(*home, found[0]);
  BOOST_TEST(!IsAlive(segment->OwnerIdentity()));
  BOOST_TEST(Segment::Remove(*home, found[0]).ok());
  PatternReader reader(segment);
  reader.DrainAll();
  BOOST_TEST(reader.events == 100u);
}

BOOST_AUTO_TEST_CASE(no_descriptor_stays_open) {
  TemporaryHome home;
  const auto count = [] {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
  };
  const std::size_t before = count();
  const auto ring = MakeRing(*home, 2, OnFull::kDrop);
  const auto again = OpenAgain(*home, ring->found());
  static_cast<void>(Segment::List(*home));
  static_cast<void>(DaemonHoldsLock(*home));
  static_cast<void>(Clock::Detect());
  BOOST_TEST(count() == before);
}

BOOST_AUTO_TEST_SUITE_END()
