#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>

#include "shm/base/test_point.h"
#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

// A number in memory that parent and child share.
class SharedCount {
 public:
  SharedCount()
      : count_(static_cast<std::atomic<std::uint64_t>*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedCount() { munmap(count_, 4096); }
  std::atomic<std::uint64_t>& operator*() { return *count_; }

 private:
  std::atomic<std::uint64_t>* count_;
};

constexpr unsigned kMostSeconds = 120;

// Writes patterns until it is killed. `done` is the number of the last pattern that is written.
[[noreturn]] void WriteForEver(std::unique_ptr<Segment> segment, const char* point,
                               std::atomic<std::uint64_t>& done) {
  RingWriter::Options options;
  options.wait = [](void*) {
    Deadline::Breathe();
    return true;
  };
  ArmTestPoints(point);
  RingWriter writer(std::move(segment), Clock::Monotonic(), options);
  writer.StartThread(1, 1);
  alarm(kMostSeconds);  // ends the child if nobody kills it
  for (std::uint64_t i = 1;; ++i) {
    WritePattern(writer, i);
    done.store(i, std::memory_order_relaxed);
  }
}

// Runs a producer, kills it (at the named point, or after some events), and checks the ring that it leaves.
// `drain_every`: the parent reads while the producer runs; 0: only afterwards.
void KillOnce(OnFull on_full, const char* point, std::uint64_t kill_after, bool drain) {
  TemporaryHome home;
  SharedCount done;
  auto segment = MakeRing(*home, 4, on_full);
  PatternReader reader(OpenAgain(*home, segment->found()));
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) WriteForEver(std::move(segment), point, *done);
  const Deadline deadline;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    BOOST_REQUIRE(deadline.left());
    if (!point[0] && *done >= kill_after) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    if (drain) {
      reader.Step();
      reader.reader.Free(reader.reader.position());
    }
  }
  BOOST_REQUIRE(WIFSIGNALED(status));
  BOOST_REQUIRE(WTERMSIG(status) == SIGKILL);
  reader.DrainAll();
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.damaged == 0u);
  BOOST_TEST(reader.missing == 0u);
  BOOST_TEST(reader.backwards == 0u);
  const auto pending = reader.reader.Pending();
  const bool known = pending.count && pending.first < reader.next_seq;  // killed between publishing and clearing
  if (pending.count && !known) BOOST_TEST(pending.first == reader.next_seq);
  const std::uint64_t stored_and_lost = reader.events + reader.lost + (known ? 0 : pending.count);
  // The event in flight may or may not have been published.
  BOOST_TEST(stored_and_lost >= *done);
  BOOST_TEST(stored_and_lost <= *done + 1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_survives_kills)

BOOST_AUTO_TEST_CASE(two_hundred_kills_leave_no_bad_record) {
  std::uint64_t random = 88172645463325252u;
  for (int i = 0; i < 200; ++i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    KillOnce(i % 2 ? OnFull::kDrop : OnFull::kBlock, "", 1 + random % 100'000, true);
  }
}

BOOST_AUTO_TEST_CASE(killed_at_every_named_step) {
  for (const char* name : {"ring.words_written", "ring.published"}) {
    for (const char* nth : {":1", ":2", ":1008", ":1009", ":20000"}) {
      KillOnce(OnFull::kBlock, (std::string(name) + nth).c_str(), 0, true);
    }
  }
  for (const char* name : {"ring.header_written", "ring.block_left"}) {
    for (const char* nth : {":1", ":2", ":4", ":5", ":9"}) {
      KillOnce(OnFull::kBlock, (std::string(name) + nth).c_str(), 0, true);
    }
  }
  for (const char* name : {"ring.loss_ready", "ring.loss_written", "ring.loss_cleared"}) {
    KillOnce(OnFull::kDrop, (std::string(name) + ":2").c_str(), 0, true);
  }
}

BOOST_AUTO_TEST_CASE(killed_while_dropping_the_pending_count_is_exact) {
  for (const std::uint64_t nth : {1u, 2u, 3u, 100u, 12'345u}) {
    KillOnce(OnFull::kDrop, ("ring.loss_counted:" + std::to_string(nth)).c_str(), 0, false);
  }
  for (int i = 0; i < 10; ++i) KillOnce(OnFull::kDrop, "", 200'000 + i, false);
}

BOOST_AUTO_TEST_SUITE_END()
