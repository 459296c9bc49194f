// A lock survives other opens and closes of the file by its process, and ends with its process.
#include "shm/base/lock_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

using namespace smiley;
using smiley::shm::LockFile;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/smiley_lock_XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path lock() const { return path / "lock"; }
  std::filesystem::path path;
};

bool TakenInChild(const std::filesystem::path& path) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) _exit(LockFile::Take(path).ok() ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lock_file)

BOOST_AUTO_TEST_CASE(one_holder_at_a_time) {
  const Folder folder;
  BOOST_TEST(!LockFile::IsHeld(folder.lock()));
  BOOST_TEST(!std::filesystem::exists(folder.lock()));
  {
    auto lock = LockFile::Take(folder.lock());
    BOOST_REQUIRE(lock.ok());
    BOOST_TEST(LockFile::IsHeld(folder.lock()));
    BOOST_CHECK(LockFile::Take(folder.lock()).status().code() == Code::kBusy);
    BOOST_TEST(!TakenInChild(folder.lock()));
    const LockFile moved = std::move(*lock);
    BOOST_TEST(LockFile::IsHeld(folder.lock()));
  }
  BOOST_TEST(!LockFile::IsHeld(folder.lock()));
  BOOST_TEST(TakenInChild(folder.lock()));
}

BOOST_AUTO_TEST_CASE(an_open_and_close_of_the_file_in_the_same_process_does_not_drop_it) {
  const Folder folder;
  const auto lock = LockFile::Take(folder.lock());
  BOOST_REQUIRE(lock.ok());
  close(open(folder.lock().c_str(), O_RDWR | O_CLOEXEC));
  BOOST_TEST(LockFile::IsHeld(folder.lock()));
  BOOST_TEST(!TakenInChild(folder.lock()));
}

BOOST_AUTO_TEST_CASE(the_holder_is_found_until_it_is_killed) {
  const Folder folder;
  int ready[2];
  BOOST_REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const auto lock = LockFile::Take(folder.lock());
    (void)!write(ready[1], lock.ok() ? "+" : "-", 1);
    pause();
    _exit(0);
  }
  char answer = 0;
  BOOST_REQUIRE(read(ready[0], &answer, 1) == 1);
  BOOST_TEST(answer == '+');
  // This process has the file open, but does not hold the lock.
  const int fd = open(folder.lock().c_str(), O_RDONLY | O_CLOEXEC);
  BOOST_TEST(LockFile::FindHolder(folder.lock()) == child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  BOOST_TEST(!LockFile::IsHeld(folder.lock()));
  BOOST_TEST(LockFile::FindHolder(folder.lock()) == 0);
  close(fd);
  close(ready[0]);
  close(ready[1]);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_is_not_followed) {
  const Folder folder;
  std::filesystem::create_symlink(folder.path / "elsewhere", folder.lock());
  BOOST_TEST(!LockFile::Take(folder.lock()).ok());
  BOOST_TEST(!std::filesystem::exists(folder.path / "elsewhere"));
}

BOOST_AUTO_TEST_SUITE_END()
