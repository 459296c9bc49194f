#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

struct Frames : OpenFrames {
  std::vector<OpenFrame> open;  // innermost first
  std::uint32_t Snapshot(OpenFrame* out) const override {
    for (std::size_t i = 0; i < open.size() && i < kShownFrames; ++i) out[i] = open[i];
    return static_cast<std::uint32_t>(open.size());
  }
};

BlockPart ReadOne(RingReader& reader) {
  BlockPart part;
  BOOST_REQUIRE(reader.Read(&part) == ReadState::kData);
  return part;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_words_carry_times_and_frames)

BOOST_AUTO_TEST_CASE(long_waits_keep_their_time_and_bring_an_anchor) {
  TemporaryHome home;
  const Clock clock = Clock::Monotonic();
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), clock, {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  const std::uint64_t start = 1'000'000'000'000;
  const std::vector<std::uint64_t> times{start,
                                         start + 5,
                                         start + clock.anchor_interval_units,
                                         start + clock.anchor_interval_units + 1,
                                         start + (std::uint64_t{3} << 33) + 77,
                                         start + (std::uint64_t{5} << 40)};
  for (const std::uint64_t time : times) {
    BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 1, time));
    writer.Attach(Kind::kSet, 0, 9, "\x18\x2a", 2);
    writer.Commit();
  }
  BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 1, start));  // a time that goes back becomes the previous time
  writer.Commit();
  const BlockPart part = ReadOne(reader);
  BOOST_TEST(part.header.base_units == start);
  BOOST_TEST(part.header.anchor_units == start);
  BOOST_TEST(part.header.anchor_mono_ns == start << clock.shift);
  WordParser parser(part.header, part.words.data(), part.words.size());
  RawEvent event;
  for (std::size_t i = 0; i < times.size(); ++i) {
    BOOST_REQUIRE(parser.Next(&event) == WordParser::Step::kEvent);
    BOOST_TEST(event.units == times[i]);
    BOOST_TEST(event.seq == i + 1);
    const bool anchored = i >= 3;
    BOOST_TEST(event.anchor_mono_ns == (anchored ? times[i] << clock.shift : 0));
    BOOST_REQUIRE(event.attachments.size() == 1u);
    BOOST_TEST(event.attachments[0].id == 9u);
    BOOST_TEST(event.attachments[0].size == 4u);
    BOOST_TEST(std::memcmp(event.attachments[0].bytes, "\x18\x2a\0\0", 4) == 0);
  }
  BOOST_REQUIRE(parser.Next(&event) == WordParser::Step::kEvent);
  BOOST_TEST(event.units == times.back());
}

BOOST_AUTO_TEST_CASE(values_given_as_words_are_those_given_as_bytes) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 4, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  // Two events of each length, over more than a block.
  constexpr std::uint64_t kRounds = 250;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    for (std::size_t size = 1; size <= 16; ++size) {
      std::uint64_t words[2] = {0, 0};
      for (std::size_t i = 0; i < size; ++i)
        reinterpret_cast<unsigned char*>(words)[i] = static_cast<unsigned char>(0x80 + i);
      BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 1, 5));
      writer.Attach(Kind::kSet, 0, 9, words, size);
      writer.Commit();
      BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 1, 5));
      writer.AttachShort(Kind::kSet, 9, words, size);
      writer.Commit();
    }
  }
  std::uint64_t events = 0;
  RawEvent event;
  std::vector<unsigned char> bytes;
  while (events < kRounds * 32) {
    const BlockPart part = ReadOne(reader);
    WordParser parser(part.header, part.words.data(), part.words.size());
    while (parser.Next(&event) == WordParser::Step::kEvent) {
      BOOST_REQUIRE(event.attachments.size() == 1u);
      const auto& value = event.attachments[0];
      BOOST_REQUIRE(value.kind == Kind::kSet);
      BOOST_REQUIRE(value.id == 9u);
      const std::size_t size = 1 + events / 2 % 16;
      BOOST_REQUIRE(value.size == (size < 4 ? 4 : size));  // zeros follow inline CBOR
      const auto* begin = reinterpret_cast<const unsigned char*>(value.bytes);
      if (events % 2 == 0) {
        bytes.assign(begin, begin + value.size);
      } else {
        BOOST_REQUIRE(std::equal(bytes.begin(), bytes.end(), begin, begin + value.size));
      }
      ++events;
    }
  }
  BOOST_TEST(events == kRounds * 32);
}

BOOST_AUTO_TEST_CASE(a_header_shows_where_the_thread_stands_before_its_first_event) {
  TemporaryHome home;
  Frames frames;
  RingWriter::Options options;
  options.frames = &frames;
  RingWriter writer(MakeRing(*home, 8, OnFull::kDrop), Clock::Monotonic(), options);
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(4, 1);
  // Nested calls over several blocks. Frame 500 is out of order.
  for (std::uint32_t i = 1; i <= 30'000; ++i) {
    const std::uint64_t frame = i == 500 ? 1'000'000 : i < 500 ? i : 1'000'000 + i - 500;
    const bool attach = writer.NoteCallFrame(frame);
    BOOST_REQUIRE(attach == (i == 500));
    BOOST_REQUIRE(writer.Begin(Kind::kCall, 0, i, i));
    if (attach) writer.AttachWords(Kind::kFrame, 0, &frame, 1);
    writer.Commit();
    frames.open.insert(frames.open.begin(), OpenFrame{frame, i, 0});
    if (frames.open.size() > 40) frames.open.resize(40);
  }
  BlockPart part;
  RawEvent event;
  std::uint64_t last_frame = 0, calls = 0, blocks = 0;
  while (reader.Read(&part) == ReadState::kData) {
    ++blocks;
    BOOST_TEST(part.header.thread == 4u);
    BOOST_TEST(part.header.last_frame == last_frame);
    BOOST_TEST(part.header.first_seq == calls + 1);
    BOOST_TEST(part.header.depth == std::min<std::uint64_t>(40, calls));
    BOOST_TEST(part.header.shown == std::min<std::uint64_t>(24, calls));
    if (calls) BOOST_TEST(part.header.frames[0].code == calls);
    WordParser parser(part.header, part.words.data(), part.words.size());
    while (parser.Next(&event) == WordParser::Step::kEvent) {
      ++calls;
      last_frame = event.frame ? event.frame : last_frame + 1;
      BOOST_REQUIRE(last_frame == (calls < 500 ? calls : 1'000'000 + calls - 500));
    }
    reader.Free(reader.position());
  }
  BOOST_TEST(blocks == 4u);
  BOOST_TEST(calls == 30'000u);
}

BOOST_AUTO_TEST_CASE(short_cbor_stands_in_the_word_and_long_payloads_are_padded_with_zeros) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  BOOST_REQUIRE(writer.Begin(Kind::kReturn, 0, 3, 1));
  writer.Attach(Kind::kValue, kFlagStale, 0, "\x1a\x01\x02\x03\x04", 5);
  writer.Attach(Kind::kUnset, 0, 12, nullptr, 0);
  writer.Attach(Kind::kSet, kFlagStale, 13, "\xf6", 1);
  writer.Commit();
  const BlockPart part = ReadOne(reader);
  BOOST_REQUIRE(part.words.size() == 5u);
  BOOST_TEST(part.words[1] == AttachmentWord(Kind::kValue, kFlagStale, 0, 5));
  BOOST_TEST(part.words[2] == 0x040302011aull);
  BOOST_TEST(part.words[3] == AttachmentWord(Kind::kUnset, 0, 12, 0));
  BOOST_TEST(part.words[4] == InlineWord(Kind::kSet, kFlagStale, 13, 0xf6));
}

BOOST_AUTO_TEST_SUITE_END()
