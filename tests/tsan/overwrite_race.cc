// A producer overwrites a ring of two blocks while a reader copies. With the second check of the intent, no torn copy
// may appear. Without it (SMILEY_NO_OVERWRITE_CHECK in shm/ring_reader.cc) one must appear, or the test proves
// nothing. The program ends at the first torn copy. usage: overwrite_race whole|torn [SECONDS]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

// NOLINTNEXTLINE(bugprone-exception-escape): an exception ends the test.
int main(int argc, char** argv) {
  const bool expect_torn = argc > 1 && std::strcmp(argv[1], "torn") == 0;
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kOverwrite), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  std::atomic<bool> stop{false}, started{false};
  std::thread producer([&] {
    writer.StartThread(1, 1);
    for (std::uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      WritePattern(writer, i);
      if (i == 1'000'000) started = true;
    }
  });
  const auto torn = [&] { return reader.bad + reader.damaged; };
  const Deadline deadline(std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : expect_torn ? 60 : 3));
  while (deadline.left() && torn() == 0) reader.Step();
  stop = true;
  producer.join();
  std::printf("%llu events, %llu missing, %llu torn\n", static_cast<unsigned long long>(reader.events),
              static_cast<unsigned long long>(reader.missing), static_cast<unsigned long long>(torn()));
  return (torn() > 0) == expect_torn && (expect_torn || started) ? 0 : 1;
}
