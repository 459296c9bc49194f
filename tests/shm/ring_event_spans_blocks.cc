#include <boost/test/unit_test.hpp>
#include <cstring>
#include <map>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

constexpr std::size_t kBig = 30'000;

std::vector<unsigned char> Bytes(std::uint32_t id, std::size_t size) {
  std::vector<unsigned char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(id * 13 + i);
  return bytes;
}

// Writes an event with `count` big attachments, then a small line event.
void WriteBig(RingWriter& writer, std::uint32_t count, std::uint64_t units) {
  BOOST_REQUIRE(writer.Begin(Kind::kRaise, kFlagPropagated, 7, units));
  for (std::uint32_t id = 1; id <= count; ++id) {
    const auto bytes = Bytes(id, kBig);
    writer.Attach(Kind::kSet, 0, id, bytes.data(), bytes.size());
  }
  writer.Commit();
  BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 8, units + 1));
  writer.Commit();
}

struct Seen {
  std::vector<std::uint32_t> attachments;  // ids of the raise event's attachments, in order
  bool tail_missing = false;
  bool line_after = false;
  int blocks = 0;
};

Seen ReadBig(RingReader& reader) {
  Seen seen;
  BlockPart part;
  RawEvent event;
  bool more = false;
  while (reader.Read(&part) == ReadState::kData) {
    ++seen.blocks;
    BOOST_TEST(part.from % kBlockWords == kBlockHeaderWords);
    WordParser parser(part.header, part.words.data(), part.words.size());
    for (;;) {
      const auto step = parser.Next(&event);
      BOOST_REQUIRE(step != WordParser::Step::kDamaged);
      if (step == WordParser::Step::kEnd) break;
      if (step == WordParser::Step::kEvent && event.kind == Kind::kLine) {
        seen.tail_missing = more;
        seen.line_after = true;
        BOOST_TEST(event.seq == 2u);
        continue;
      }
      if (step == WordParser::Step::kEvent) {
        BOOST_CHECK(event.kind == Kind::kRaise);
        BOOST_TEST(event.seq == 1u);
        BOOST_TEST((event.flags & kFlagPropagated) != 0);
      } else {
        BOOST_TEST(more);
        BOOST_CHECK(event.kind == Kind::kMore);
        BOOST_TEST(event.seq == 0u);
      }
      more = event.flags & kFlagMore;
      for (const auto& attachment : event.attachments) {
        const auto bytes = Bytes(attachment.id, kBig);
        BOOST_REQUIRE(attachment.size == kBig);
        BOOST_TEST(std::memcmp(attachment.bytes, bytes.data(), kBig) == 0);
        seen.attachments.push_back(attachment.id);
      }
    }
    BOOST_TEST(parser.next_seq() == (seen.line_after ? 3u : 2u));
    reader.Free(reader.position());
  }
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_event_spans_blocks)

BOOST_AUTO_TEST_CASE(attachments_go_on_in_the_next_blocks) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 8, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  WriteBig(writer, 7, 100);  // two attachments fit into a block
  const Seen seen = ReadBig(reader);
  BOOST_TEST(seen.attachments == (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6, 7}), boost::test_tools::per_element());
  BOOST_TEST(seen.blocks == 4);
  BOOST_TEST(seen.line_after);
  BOOST_TEST(!seen.tail_missing);
  BOOST_TEST(writer.lost() == 0u);
}

BOOST_AUTO_TEST_CASE(more_than_half_a_ring_is_cut_and_says_so) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 8, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  const std::uint32_t epoch = writer.epoch();
  WriteBig(writer, 30, 100);
  BOOST_TEST(writer.epoch() != epoch);
  const Seen seen = ReadBig(reader);
  BOOST_TEST(seen.attachments.size() == 10u);  // five blocks: the first, and half of eight
  BOOST_TEST(seen.tail_missing);
  BOOST_TEST(seen.line_after);
}

BOOST_AUTO_TEST_CASE(without_a_next_block_the_event_stays_and_its_tail_is_cut) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  // Two attachments fill the first block. The third is in the second block, and the next one finds no room.
  const auto bytes = Bytes(1, kBig);
  for (int i = 0; i < 2; ++i) {
    BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 1, 1));
    writer.Attach(Kind::kSet, 0, 1, bytes.data(), bytes.size());
    writer.Commit();
  }
  BOOST_REQUIRE(writer.Begin(Kind::kReturn, 0, 5, 2));
  const std::uint32_t epoch = writer.epoch();
  writer.Attach(Kind::kSet, 0, 1, bytes.data(), bytes.size());
  writer.Attach(Kind::kSet, 0, 2, bytes.data(), bytes.size());
  BOOST_TEST(writer.epoch() == epoch);
  writer.Attach(Kind::kValue, 0, 0, bytes.data(), bytes.size());  // no room in this block, and no free block
  BOOST_TEST(writer.epoch() != epoch);
  writer.Attach(Kind::kSet, 0, 3, "\x01", 1);  // it would fit, but the tail is cut already
  writer.Commit();
  BOOST_TEST(writer.last_seq() == 3u);
  BOOST_TEST(writer.lost() == 0u);
  BOOST_TEST(!writer.Begin(Kind::kLine, 0, 1, 3));
  BOOST_TEST(writer.lost() == 1u);
  BlockPart part;
  RawEvent event;
  std::vector<std::uint32_t> tail;
  bool more = false;
  while (reader.Read(&part) == ReadState::kData) {
    WordParser parser(part.header, part.words.data(), part.words.size());
    for (;;) {
      const auto step = parser.Next(&event);
      BOOST_REQUIRE(step != WordParser::Step::kDamaged);
      if (step == WordParser::Step::kEnd) break;
      more = event.flags & kFlagMore;
      if (step != WordParser::Step::kMore) continue;
      for (const auto& attachment : event.attachments) tail.push_back(attachment.id);
    }
    BOOST_TEST(parser.next_seq() == 4u);
  }
  BOOST_TEST(tail == (std::vector<std::uint32_t>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(more);  // the flag shows readers that the tail is missing
}

BOOST_AUTO_TEST_CASE(an_attachment_beyond_the_limit_is_left_out) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 8, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  const std::uint32_t epoch = writer.epoch();
  const auto bytes = Bytes(1, kMaxAttachmentBytes + 1);
  BOOST_REQUIRE(writer.Begin(Kind::kReturn, 0, 5, 2));
  writer.Attach(Kind::kValue, 0, 0, bytes.data(), bytes.size());
  writer.Attach(Kind::kSet, 0, 4, bytes.data(), kMaxAttachmentBytes);
  writer.Commit();
  BOOST_TEST(writer.epoch() != epoch);
  BlockPart part;
  BOOST_REQUIRE(reader.Read(&part) == ReadState::kData);
  WordParser parser(part.header, part.words.data(), part.words.size());
  RawEvent event;
  BOOST_REQUIRE(parser.Next(&event) == WordParser::Step::kEvent);
  BOOST_REQUIRE(event.attachments.size() == 1u);
  BOOST_TEST(event.attachments[0].size == kMaxAttachmentBytes);
}

BOOST_AUTO_TEST_SUITE_END()
