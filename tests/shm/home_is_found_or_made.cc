#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cctype>
#include <fstream>
#include <set>
#include <thread>

#include "shm/base/home.h"
#include "shm/base/identity.h"
#include "tests/shm/ring_support.h"

using namespace smiley;
using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

class Directory {
 public:
  Directory() {
    std::string dir = (std::filesystem::temp_directory_path() / "smiley-home-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(dir.data()));
    path = dir;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat info {};
  BOOST_REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

// Whether a child process finds the daemon's lock held.
bool HeldInChild(const Home& home) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) _exit(DaemonHoldsLock(home) ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(home_is_found_or_made)

BOOST_AUTO_TEST_CASE(it_is_made_private_with_all_that_leads_to_it_and_keeps_its_id) {
  Directory dir;
  const auto before = umask(0);
  const auto home = Home::OpenAt(dir.path / "a/b/home/");
  umask(before);
  BOOST_REQUIRE(home.ok());
  BOOST_TEST(home->dir == dir.path / "a/b/home");
  for (const char* part : {"a", "a/b", "a/b/home"}) BOOST_TEST(ModeOf(dir.path / part) == 0700u);
  BOOST_TEST(ModeOf(home->dir / "id") == 0600u);
  BOOST_TEST(home->id.size() == 8u);
  BOOST_TEST(Home::OpenAt(home->dir)->id == home->id);
  BOOST_TEST(Home::OpenAt(dir.path / "other")->id != home->id);
}

BOOST_AUTO_TEST_CASE(the_environment_says_where) {
  Directory dir;
  const auto at = [&](const char* smiley, const char* state, const char* user) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      const std::string base = dir.path.string() + "/";
      smiley ? setenv("SMILEY_HOME", (base + smiley).c_str(), 1) : unsetenv("SMILEY_HOME");
      state ? setenv("XDG_STATE_HOME", (base + state).c_str(), 1) : unsetenv("XDG_STATE_HOME");
      setenv("HOME", (base + user).c_str(), 1);
      const auto home = Home::Open();
      std::ofstream(dir.path / "answer") << (home.ok() ? home->dir.string().substr(base.size()) : "?");
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    std::string answer;
    std::ifstream(dir.path / "answer") >> answer;
    return answer;
  };
  BOOST_TEST(at("s", "x", "h") == "s");
  BOOST_TEST(at(nullptr, "x", "h") == "x/smiley");
  BOOST_TEST(at(nullptr, nullptr, "h") == "h/.local/state/smiley");
}

BOOST_AUTO_TEST_CASE(racing_processes_agree_on_the_id) {
  for (int round = 0; round < 20; ++round) {
    Directory dir;
    std::vector<std::thread> threads;
    std::vector<std::string> ids(8);
    threads.reserve(ids.size());
    for (auto& id : ids) {
      threads.emplace_back([&] {
        const auto home = Home::OpenAt(dir.path / "new");
        id = home.ok() ? home->id : home.status().message();
      });
    }
    for (auto& thread : threads) thread.join();
    BOOST_TEST(std::set<std::string>(ids.begin(), ids.end()).size() == 1u);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path / "new")) ++files;
    BOOST_TEST(files == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_home_that_others_may_write_or_own_is_refused) {
  Directory dir;
  BOOST_REQUIRE(chmod(dir.path.c_str(), 0777) == 0);
  BOOST_CHECK(Home::OpenAt(dir.path).status().code() == Code::kForeign);
  BOOST_REQUIRE(chmod(dir.path.c_str(), 0755) == 0);
  BOOST_TEST(Home::OpenAt(dir.path).ok());
  BOOST_TEST(ModeOf(dir.path) == 0700u);
  if (geteuid() == 0) {
    BOOST_REQUIRE(chown(dir.path.c_str(), 12345, 12345) == 0);
    BOOST_CHECK(Home::OpenAt(dir.path).status().code() == Code::kForeign);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_home_says_what_to_do) {
  Directory dir;
  std::ofstream(dir.path / "file") << "x";
  for (const auto& path : {dir.path / "file", dir.path / "file/below", std::filesystem::path("/proc/none/here")}) {
    const auto home = Home::OpenAt(path);
    BOOST_TEST(!home.ok());
    BOOST_TEST(!home.status().message().empty());
    BOOST_TEST(home.status().message().find('\n') == std::string::npos);
  }
  std::filesystem::create_directory(dir.path / "broken");
  std::ofstream(dir.path / "broken/id") << "not an id";
  BOOST_CHECK(Home::OpenAt(dir.path / "broken").status().code() == Code::kDamaged);
}

BOOST_AUTO_TEST_CASE(the_daemons_lock_is_seen_by_everybody) {
  TemporaryHome home;
  BOOST_TEST(!DaemonHoldsLock(*home));
  BOOST_TEST(FindDaemon(*home) == 0);
  {
    const auto taken = TakeDaemonLock(*home);
    BOOST_REQUIRE(taken.ok());
    BOOST_TEST(HeldInChild(*home));
    BOOST_TEST(DaemonHoldsLock(*home));
    BOOST_TEST(FindDaemon(*home) == getpid());
    const auto again = TakeDaemonLock(*home);
    BOOST_CHECK(again.status().code() == Code::kBusy);
    BOOST_TEST(again.status().message().find(home->dir.string()) != std::string::npos);
  }
  BOOST_TEST(!HeldInChild(*home));
  BOOST_TEST(!DaemonHoldsLock(*home));
  BOOST_TEST(FindDaemon(*home) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
