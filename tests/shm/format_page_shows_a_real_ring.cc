#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

struct OneFrame : OpenFrames {
  std::uint32_t depth = 0;
  std::uint32_t Snapshot(OpenFrame* out) const override {
    if (depth) out[0] = {1, 7, 12};
    return depth;
  }
};

struct Line {
  std::size_t offset;
  std::vector<unsigned char> bytes;
};

// The lines "0x1000: 53 42 …  ; meaning" between the page's dump marks.
std::vector<Line> DumpOnThePage() {
  std::ifstream page(std::string(SMILEY_SOURCE_DIR) + "/shm/FORMAT.md");
  BOOST_REQUIRE(page.good());
  std::vector<Line> lines;
  bool inside = false;
  for (std::string text; std::getline(page, text);) {
    if (text == "<!-- dump -->") inside = true;
    if (text == "<!-- end of dump -->") inside = false;
    if (!inside || !text.starts_with("0x")) continue;
    std::istringstream words(text.substr(0, text.find(';')));
    Line line{};
    std::string word;
    words >> word;
    line.offset = std::stoul(word, nullptr, 16);
    while (words >> word) line.bytes.push_back(static_cast<unsigned char>(std::stoul(word, nullptr, 16)));
    lines.push_back(line);
  }
  return lines;
}

std::string Shown(const unsigned char* at, std::size_t size) {
  std::string text;
  char digits[4];
  for (std::size_t i = 0; i < size; ++i) {
    std::snprintf(digits, sizeof digits, " %02x", at[i]);
    text += digits;
  }
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(format_page_shows_a_real_ring)

BOOST_AUTO_TEST_CASE(the_worked_dump_is_what_the_writer_writes) {
  TemporaryHome home;
  OneFrame frames;
  RingWriter::Options options;
  options.frames = &frames;
  RingWriter writer(MakeRing(*home, 2, OnFull::kBlock), Clock::Monotonic(), options);
  // The page's example: def greet(times): name = "smiley"; return None, called with 3.
  writer.StartThread(1, 1);
  BOOST_REQUIRE(writer.Begin(Kind::kThreadStart, 0, 0, 1000));
  writer.Commit();
  writer.NoteCallFrame(1);
  BOOST_REQUIRE(writer.Begin(Kind::kCall, 0, 7, 1025));
  frames.depth = 1;
  writer.Attach(Kind::kSet, 0, 9, "\x03", 1);
  writer.Commit();
  BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 12, 1050));
  writer.Commit();
  BOOST_REQUIRE(writer.Begin(Kind::kLine, 0, 13, 1100));
  writer.Attach(Kind::kSet, 0, 10, "\x66smiley", 7);
  writer.Commit();
  BOOST_REQUIRE(writer.Begin(Kind::kReturn, 0, 13, 1125));
  writer.Attach(Kind::kValue, 0, 0, "\xf6", 1);
  frames.depth = 0;
  writer.Commit();

  const auto* bytes = reinterpret_cast<const unsigned char*>(&writer.segment().header());
  std::set<std::size_t> shown;
  const auto lines = DumpOnThePage();
  for (const Line& line : lines) {
    BOOST_REQUIRE(!line.bytes.empty());
    BOOST_TEST(Shown(line.bytes.data(), line.bytes.size()) == Shown(bytes + line.offset, line.bytes.size()),
               "at " << line.offset << " the ring holds" << Shown(bytes + line.offset, line.bytes.size()));
    for (std::size_t i = 0; i < line.bytes.size(); ++i) shown.insert(line.offset + i);
  }
  // The page lists every byte that is not zero, in the ring's part of the header and in all blocks.
  for (std::size_t at = 256; at < kSegmentHeaderBytes + 2 * kBlockBytes; ++at) {
    BOOST_REQUIRE_MESSAGE(bytes[at] == 0 || shown.count(at),
                          "missing on the page: " << at - at % 8 << ":" << Shown(bytes + at - at % 8, 8));
  }
}

BOOST_AUTO_TEST_SUITE_END()
