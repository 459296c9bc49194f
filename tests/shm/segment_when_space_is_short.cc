#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>

#include "tests/shm/ring_support.h"

using namespace smiley;
using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

// Runs `check` in a child process. Its result is 0, or the line of the first expectation that failed.
int InChild(const std::function<int()>& check) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    int line = 250;
    try {
      line = check();
    } catch (...) {
    }
    _exit(line);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define EXPECT(condition) \
  if (!(condition)) return __LINE__ % 250 + 1

Result<std::unique_ptr<Segment>> TryRing(const Home& home, std::size_t blocks, std::uint32_t index = 0) {
  SegmentOptions options;
  options.data_bytes = blocks * kBlockBytes;
  options.index = index;
  return Segment::Create(OwnerIn(home), options);
}

constexpr int kNoNamespace = 249;

// A mount namespace of its own in which `dir` is a file system of `size`. Unprivileged users need one for users too.
bool MountSmall(const char* dir, const char* size) {
  static bool entered = false;
  if (!entered) {
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    entered = true;
  }
  return mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, size) == 0;
}

std::size_t FilesIn(const std::filesystem::path& dir) {
  std::error_code error;
  std::size_t n = 0;
  for (auto it = std::filesystem::directory_iterator(dir, error);
       !error && it != std::filesystem::directory_iterator(); ++it)
    ++n;
  return n;
}

void CheckChild(int line) {
  if (line == kNoNamespace) {
    BOOST_TEST_MESSAGE("no mount namespace for this user: only the file size limit was tried");
    return;
  }
  BOOST_TEST(line == 0, "failed at line " << line - 1 << " (modulo 250)");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(segment_when_space_is_short)

BOOST_AUTO_TEST_CASE(half_of_the_free_shared_memory_is_the_budget_and_files_take_the_rest) {
  TemporaryHome home;
  CheckChild(InChild([&] {
    if (!MountSmall("/dev/shm", "size=2m")) return kNoNamespace;
    std::vector<std::unique_ptr<Segment>> rings;
    std::size_t in_memory = 0, in_files = 0;
    for (std::uint32_t i = 0; i < 20; ++i) {
      auto made = TryRing(*home, 2, i);
      EXPECT(made.ok());
      ((*made)->found().in_file ? in_files : in_memory) += (*made)->header().bytes;
      EXPECT(Segment::Open(*home, (*made)->found()).ok());
      rings.push_back(std::move(*made));
    }
    EXPECT(in_files > 0);
    EXPECT(in_memory <= 1024 * 1024);
    EXPECT(in_memory > 700 * 1024);
    EXPECT(Segment::List(*home).size() == 20);
    struct stat info {};
    EXPECT(stat(home->SegmentDir().c_str(), &info) == 0 && (info.st_mode & 07777) == 0700);
    for (const auto& ring : rings) {
      if (!ring->found().in_file) continue;
      EXPECT(stat((home->SegmentDir() / ring->found().name).c_str(), &info) == 0 && (info.st_mode & 07777) == 0600);
    }
    // A ring in a file works like a ring in shared memory.
    RingWriter writer(std::move(rings.back()), Clock::Monotonic(), {});
    PatternReader reader(OpenAgain(*home, writer.segment().found()));
    writer.StartThread(1, 1);
    for (int i = 1; i <= 10'000; ++i) {
      EXPECT(WritePattern(writer, i));
      reader.DrainAll();
    }
    EXPECT(reader.events == 10'000 && reader.bad == 0);
    return 0;
  }));
}

BOOST_AUTO_TEST_CASE(when_neither_has_room_nothing_is_left_behind) {
  TemporaryHome home;
  CheckChild(InChild([&] {
    std::filesystem::create_directories(home->SegmentDir());
    if (!MountSmall("/dev/shm", "size=1m") || !MountSmall(home->SegmentDir().c_str(), "size=1m,mode=0700")) {
      return kNoNamespace;
    }
    for (int i = 0; i < 5; ++i) {
      const auto made = TryRing(*home, 64);
      EXPECT(!made.ok());
      EXPECT(made.status().code() == Code::kNoSpace);
      EXPECT(FilesIn("/dev/shm") == 0);
      EXPECT(FilesIn(home->SegmentDir()) == 0);
    }
    EXPECT(TryRing(*home, 2).ok());  // a small ring fits
    return 0;
  }));
}

BOOST_AUTO_TEST_CASE(a_shared_memory_system_without_inodes_sends_segments_to_files) {
  TemporaryHome home;
  CheckChild(InChild([&] {
    if (!MountSmall("/dev/shm", "size=64m,nr_inodes=1")) return kNoNamespace;
    const auto made = TryRing(*home, 2);
    EXPECT(made.ok());
    EXPECT((*made)->found().in_file);
    return 0;
  }));
}

BOOST_AUTO_TEST_CASE(a_limit_on_file_sizes_is_an_error_and_not_a_signal) {
  TemporaryHome home;
  BOOST_TEST(InChild([&] {
               signal(SIGXFSZ, SIG_DFL);
               const rlimit limit{64 * 1024, 64 * 1024};
               EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
               const auto made = TryRing(*home, 2);
               EXPECT(!made.ok());
               EXPECT(made.status().code() == Code::kNoSpace);
               EXPECT(made.status().message().find('\n') == std::string::npos);
               EXPECT(Segment::List(*home).empty());
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
