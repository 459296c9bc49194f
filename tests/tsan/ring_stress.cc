// Runs producer and consumer of one ring at full speed, in one process, for a race detector. weakened_publish.sh
// builds it and checks its exit code: 1 when contents are wrong, 66 when ThreadSanitizer reports a race.
#include <cstdio>
#include <thread>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

bool Stress(std::size_t blocks, std::uint64_t total) {
  TemporaryHome home;
  RingWriter::Options options;
  options.wait = [](void*) {
    std::this_thread::yield();
    return true;
  };
  // Both sides use one mapping, because a race detector compares addresses, not pages.
  auto made = MakeRing(*home, blocks, OnFull::kBlock);
  const auto found = made->found();
  Segment* const mapping = made.get();
  RingWriter writer(std::move(made), Clock::Monotonic(), options);
  PatternReader reader(std::shared_ptr<Segment>(mapping, [](Segment*) {}));
  std::thread producer([&] {
    writer.StartThread(1, 1);
    for (std::uint64_t i = 1; i <= total; ++i) WritePattern(writer, i);
  });
  const Deadline deadline(std::chrono::seconds(240));
  while (reader.events < total && deadline.left()) {
    if (reader.Step() == ReadState::kEmpty) std::this_thread::yield();
    reader.reader.Free(reader.reader.position());
  }
  if (reader.events < total) {
    std::fprintf(stderr, "%llu of %llu events came\n", static_cast<unsigned long long>(reader.events),
                 static_cast<unsigned long long>(total));
    std::_Exit(1);
  }
  producer.join();
  return reader.bad == 0 && reader.missing == 0;
}

}  // namespace

int main() { return Stress(2, 100'000) && Stress(8, 100'000) ? 0 : 1; }
