#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>

#include "shm/catalogue.h"
#include "tests/shm/ring_support.h"

using namespace smiley;
using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

// The bytes of a ring with three blocks of events.
std::string SoundRing(const Home& home) {
  RingWriter writer(MakeRing(home, 4, OnFull::kDrop), Clock::Monotonic(), {});
  writer.StartThread(1, 1);
  for (int i = 1; writer.segment().header().write_pos.load() < 2 * kBlockWords + 4000; ++i) WritePattern(writer, i);
  std::string bytes(reinterpret_cast<const char*>(&writer.segment().header()), writer.segment().header().bytes);
  BOOST_REQUIRE(Segment::Remove(home, writer.segment().found()).ok());
  return bytes;
}

Segment::Found Put(const Home& home, const std::string& bytes) {
  std::filesystem::create_directories(home.SegmentDir());
  const Segment::Found found{"smiley." + home.id + ".testrun1.1.r0.00000000", true};
  const auto path = home.SegmentDir() / found.name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return found;
}

template <typename T>
std::string With(std::string bytes, std::size_t at, T value) {
  return bytes.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
}

Code OpenCode(const Home& home, const std::string& bytes) {
  return Segment::Open(home, Put(home, bytes)).status().code();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(segment_with_hostile_bytes)

BOOST_AUTO_TEST_CASE(a_header_that_does_not_fit_is_refused_with_the_right_reason) {
  TemporaryHome home;
  const std::string sound = SoundRing(*home);
  BOOST_CHECK(OpenCode(*home, sound) == Code::kOk);
  BOOST_CHECK(OpenCode(*home, "") == Code::kBusy);
  BOOST_CHECK(OpenCode(*home, sound.substr(0, 4095)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, std::string(kSegmentHeaderBytes, 0)) == Code::kBusy);
  BOOST_CHECK(OpenCode(*home, std::string(kSegmentHeaderBytes + 5, '\xff')) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, sound.substr(0, sound.size() - 1)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, sound + "x") == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, magic), std::uint64_t{1})) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, version), 1u)) == Code::kVersion);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, kind), 3u)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, home), 'x')) == Code::kForeign);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, uid), 77777u)) == Code::kForeign);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, run), '\0')) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, block_count), 8u)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, block_count), 0u)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, unit_shift), 64u)) == Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, offsetof(SegmentHeader, ticks_per_second), std::uint64_t{0})) ==
              Code::kDamaged);
  BOOST_CHECK(OpenCode(*home, With(sound, 192, 7u)) == Code::kDamaged);  // state
}

BOOST_AUTO_TEST_CASE(a_damaged_block_costs_itself_and_no_other) {
  TemporaryHome home;
  const std::string sound = SoundRing(*home);
  const std::size_t second = kSegmentHeaderBytes + kBlockBytes;
  const auto read = [&](const std::string& bytes) {
    PatternReader reader(OpenAgain(*home, Put(*home, bytes)));
    reader.DrainAll();
    return reader;
  };
  const PatternReader all = read(sound);
  BOOST_TEST(all.bad == 0u);
  const std::vector<std::string> damaged{
      With(sound, second, 0u),                                                // magic
      With(sound, second + 4, std::uint16_t{9}),                              // version
      With(sound, second + 8, std::uint64_t{7}),                              // number
      With(sound, second + 16, 0u),                                           // thread
      With(sound, second + 24, std::uint64_t{0}),                             // first seq
      With(sound, second + offsetof(BlockHeader, shown), kShownFrames + 1u),  // frames
      With(sound, second + offsetof(BlockHeader, depth), 0xffffffffu),
  };
  for (const auto& bytes : damaged) {
    const PatternReader reader = read(bytes);
    BOOST_TEST(reader.damaged == 1u);
    BOOST_TEST(reader.bad == 0u);
    BOOST_TEST(reader.missing > 0u);
    BOOST_TEST(reader.events + reader.missing == all.events);
    BOOST_TEST(reader.next_seq == all.next_seq);
  }
  // After damaged words, the rest of the block is lost.
  const PatternReader reader = read(With(sound, second + 1024 * 8, std::uint64_t{63}));
  BOOST_TEST(reader.bad == 1u);
  BOOST_TEST(reader.damaged == 0u);
  BOOST_TEST(reader.events + reader.missing == all.events);
  BOOST_TEST(reader.events > all.events / 2);
}

BOOST_AUTO_TEST_CASE(positions_that_no_producer_reaches_are_read_to_an_end) {
  TemporaryHome home;
  const std::string sound = SoundRing(*home);
  for (const std::uint64_t write_pos :
       {std::uint64_t{1}, std::uint64_t{64}, 4 * kBlockWords + 70, std::uint64_t{1} << 61, std::uint64_t{1} << 62,
        std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    for (const std::uint64_t read_pos :
         {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
      for (const std::uint32_t policy : {0u, 1u, 2u, 77u}) {
        auto bytes = With(sound, offsetof(SegmentHeader, write_pos), write_pos);
        bytes = With(bytes, offsetof(SegmentHeader, read_pos), read_pos);
        bytes = With(bytes, offsetof(SegmentHeader, intent_pos), read_pos);
        bytes = With(bytes, offsetof(SegmentHeader, on_full), policy);
        RingReader reader(OpenAgain(*home, Put(*home, bytes)), 0);
        BlockPart part;
        int steps = 0;
        while (reader.Read(&part) != ReadState::kEmpty) {
          reader.Free(reader.position());
          BOOST_REQUIRE(++steps < 10);
          BOOST_REQUIRE(part.words.size() <= kBlockPayloadWords);
        }
        BOOST_TEST(reader.Backlog() <= 4 * kBlockWords);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_as_words_never_confuse_the_parser) {
  std::uint64_t random = 12345;
  const auto next = [&random] {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  };
  BlockHeader state{};
  state.first_seq = 1;
  std::uint64_t events = 0, damaged = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::uint64_t> words(1 + next() % 64);
    for (auto& word : words) {
      // Mostly plausible words: known kinds and short lengths.
      word = next() % 4 ? EventWord(static_cast<Kind>(next() % 44), static_cast<std::uint32_t>(next()),
                                    static_cast<std::uint32_t>(next()), static_cast<std::uint32_t>(next() % 40))
                        : next();
    }
    WordParser parser(state, words.data(), words.size());
    RawEvent event;
    std::size_t steps = 0;
    for (;;) {
      const auto step = parser.Next(&event);
      BOOST_REQUIRE(++steps <= words.size() + 1);
      if (step == WordParser::Step::kEnd) break;
      if (step == WordParser::Step::kDamaged) {
        ++damaged;
        continue;
      }
      ++events;
      const auto* end = reinterpret_cast<const unsigned char*>(words.data() + words.size());
      for (const auto& attachment : event.attachments) {
        BOOST_REQUIRE(attachment.bytes >= reinterpret_cast<const unsigned char*>(words.data()));
        BOOST_REQUIRE(attachment.bytes + attachment.size <= end);
      }
    }
  }
  BOOST_TEST(events > 1000u);
  BOOST_TEST(damaged > 1000u);
}

BOOST_AUTO_TEST_CASE(a_pending_loss_that_no_producer_counts_is_none) {
  TemporaryHome home;
  const std::string sound = SoundRing(*home);
  const auto pending = [&](std::uint64_t first, std::uint64_t count, std::uint64_t from, std::uint64_t to) {
    auto bytes = With(sound, offsetof(SegmentHeader, lost_first), first);
    bytes = With(bytes, offsetof(SegmentHeader, lost_count), count);
    bytes = With(bytes, offsetof(SegmentHeader, lost_first_units), from);
    bytes = With(bytes, offsetof(SegmentHeader, lost_last_units), to);
    return RingReader(OpenAgain(*home, Put(*home, bytes)), 0).Pending();
  };
  BOOST_TEST(pending(5, 10, 100, 200).count == 10u);
  BOOST_TEST(pending(0, 10, 100, 200).count == 0u);
  BOOST_TEST(pending(5, ~std::uint64_t{0}, 100, 200).count == 0u);
  BOOST_TEST(pending(~std::uint64_t{0}, 1, 100, 200).count == 0u);
  BOOST_TEST(pending(5, 10, 300, 200).last_units == 300u);
}

BOOST_AUTO_TEST_SUITE_END()
