// A fuzz target: reads hostile bytes as a ring, a block, a catalogue or a whole segment. With Clang and
// -fsanitize=fuzzer,address it searches; with replay.cc it runs over the corpus in every build.
//
// The first byte of an input chooses the meaning of the rest:
//   0  a whole segment file
//   1  the words of a ring's first block, behind a sound header
//   2  the producer's and consumer's lines of the segment header (offsets 256 to 512), then blocks with their headers
//   3  the records of a catalogue
//   4  words for the parser alone
//   5  the segment header's first 256 bytes over a sound ring, then words of the first block
#include "shm/segment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "shm/catalogue.h"
#include "shm/ring_reader.h"

using namespace smiley;
using namespace smiley::shm;

namespace {

constexpr std::size_t kBlocks = 2;
constexpr std::size_t kRingBytes = kSegmentHeaderBytes + kBlocks * kBlockBytes;

[[noreturn]] void Violated(const char* what) {
  std::fprintf(stderr, "violated: %s\n", what);
  abort();
}

// A home for this process, with one file that gets the bytes of each input.
struct Stage {
  Home home;
  Segment::Found found;
  std::string path;
  Stage() {
    char dir[] = "/tmp/smiley-fuzz-XXXXXX";
    if (!mkdtemp(dir)) Violated("a temporary directory");
    auto opened = Home::OpenAt(dir);
    if (!opened.ok()) Violated("a home");
    home = *opened;
    found = {"smiley." + home.id + ".fuzzing0.1.r0.00000000", true};
    std::filesystem::create_directories(home.SegmentDir());
    path = (home.SegmentDir() / found.name).string();
  }
  ~Stage() {
    std::error_code ignored;
    std::filesystem::remove_all(home.dir, ignored);
  }
  // Puts the bytes into the file and opens it as the daemon would.
  Result<std::unique_ptr<Segment>> Open(const std::vector<unsigned char>& bytes) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) Violated("a file");
    close(fd);
    return Segment::Open(home, found);
  }
};

Stage& TheStage() {
  static Stage stage;
  return stage;
}

void ParseWords(const BlockHeader& state, const std::vector<std::uint64_t>& words) {
  WordParser parser(state, words.data(), words.size());
  RawEvent event;
  const auto* begin = reinterpret_cast<const unsigned char*>(words.data());
  const auto* end = reinterpret_cast<const unsigned char*>(words.data() + words.size());
  std::uint64_t seq = state.first_seq, units = state.base_units;
  unsigned sum = 0;
  for (std::size_t steps = 0;; ++steps) {
    if (steps > words.size() + 1) Violated("the parser ends");
    const WordParser::Step step = parser.Next(&event);
    if (step == WordParser::Step::kEnd) break;
    if (step == WordParser::Step::kDamaged) continue;
    if (step == WordParser::Step::kEvent) {
      if (event.seq != seq || event.units < units || !IsEvent(event.kind)) Violated("events follow each other");
      seq = parser.next_seq();
      units = event.units;
      if (seq <= event.seq) Violated("numbers grow");
    } else if (event.kind != Kind::kMore) {
      Violated("only kMore continues");
    }
    for (const RawAttachment& attachment : event.attachments) {
      if (attachment.bytes < begin || attachment.size > kMaxAttachmentBytes ||
          static_cast<std::size_t>(end - attachment.bytes) < attachment.size) {
        Violated("attachments lie within the words");
      }
      for (std::uint32_t i = 0; i < attachment.size; ++i) sum += attachment.bytes[i];
    }
  }
  if (sum == 0xffffffff) std::fputc('\n', stderr);  // so that the bytes are read
}

void ReadRing(const std::shared_ptr<Segment>& segment) {
  for (const std::uint64_t start : {std::uint64_t{0}, kBlockWords + 100, std::uint64_t{1} << 40}) {
    RingReader reader(segment, start);
    BlockPart part;
    std::uint64_t position = start;
    for (int steps = 0;; ++steps) {
      if (steps > 16) Violated("a ring that does not change is read to its end");
      const ReadState state = reader.Read(&part);
      if (state == ReadState::kEmpty) break;
      if (reader.position() <= position) Violated("every read moves on");
      position = reader.position();
      if (state == ReadState::kData) {
        if (part.to - part.from != part.words.size() || part.words.empty() ||
            part.words.size() > kBlockPayloadWords) {
          Violated("a part holds its words");
        }
        if (part.header.shown > kShownFrames) Violated("frames fit");
        ParseWords(part.header, part.words);
      }
      reader.Free(position);
      if (reader.Backlog() > kMaxRingBlocks * kBlockWords) Violated("the backlog is bounded");
      static_cast<void>(reader.Pending());
    }
  }
}

void ReadCatalogue(const std::shared_ptr<Segment>& segment) {
  CatalogueReader reader(segment, 0);
  CatalogueReader::Record record;
  for (std::size_t steps = 0;; ++steps) {
    if (steps > segment->data_bytes() / sizeof(RecordHeader) + 1) Violated("a catalogue ends");
    const auto step = reader.Next(&record);
    if (step == CatalogueReader::Step::kEmpty || step == CatalogueReader::Step::kSealed) return;
    if (reader.position() > segment->data_bytes()) Violated("the position stays inside");
  }
}

void FillSound(SegmentKind kind, std::size_t bytes, SegmentHeader& header) {
  header.magic = kSegmentMagic;
  header.version = kFormatVersion;
  header.kind = kind;
  header.bytes = bytes;
  std::memcpy(header.run, "fuzzing0", 8);
  std::memcpy(header.home, TheStage().home.id.data(), TheStage().home.id.size());
  header.uid = geteuid();
  header.clock = ClockSource::kMonotonic;
  header.unit_shift = 2;
  header.block_count = kind == SegmentKind::kRing ? kBlocks : 0;
  header.ticks_per_second = 1'000'000'000;
  header.state = SegmentState::kLive;
}

BlockHeader SoundBlock() {
  BlockHeader block{};
  block.magic = kBlockMagic;
  block.version = kFormatVersion;
  block.thread = 1;
  block.first_seq = 1;
  return block;
}

void Put(std::vector<unsigned char>& file, std::size_t at, const void* bytes, std::size_t size) {
  if (at < file.size()) std::memcpy(file.data() + at, bytes, std::min(size, file.size() - at));
}

void ReadFile(const std::vector<unsigned char>& file) {
  auto opened = TheStage().Open(file);
  if (!opened.ok()) return;
  const std::shared_ptr<Segment> segment(std::move(*opened));
  if (segment->header().kind == SegmentKind::kRing) {
    ReadRing(segment);
  } else {
    ReadCatalogue(segment);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned char mode = data[0] % 6;
  ++data;
  --size;
  if (mode == 4) {
    std::vector<std::uint64_t> words(size / kWordBytes);
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * kWordBytes);
    ParseWords(SoundBlock(), words);
    return 0;
  }
  if (mode == 0) {
    std::vector<unsigned char> file(data, data + size);
    const std::uint32_t uid = geteuid();  // owner and home, which no search would guess
    Put(file, offsetof(SegmentHeader, uid), &uid, sizeof uid);
    Put(file, offsetof(SegmentHeader, home), TheStage().home.id.c_str(), TheStage().home.id.size() + 1);
    ReadFile(file);
    return 0;
  }
  if (mode == 3) {
    std::vector<unsigned char> file(kSegmentHeaderBytes + (size + 7) / 8 * 8);
    SegmentHeader header{};
    FillSound(SegmentKind::kCatalogue, file.size(), header);
    header.committed = file.size() - kSegmentHeaderBytes;
    Put(file, 0, &header, sizeof header);
    Put(file, kSegmentHeaderBytes, data, size);
    ReadFile(file);
    return 0;
  }
  std::vector<unsigned char> file(kRingBytes);
  SegmentHeader header{};
  FillSound(SegmentKind::kRing, file.size(), header);
  const BlockHeader block = SoundBlock();
  const std::size_t lines = mode == 2 ? std::min<std::size_t>(size, 256) : 0;
  const std::size_t top = mode == 5 ? std::min<std::size_t>(size, 256) : 0;
  const std::size_t rest = size - lines - top;
  if (mode != 2) header.write_pos = kBlockHeaderWords + std::min(rest / kWordBytes, kBlockPayloadWords);
  Put(file, 0, &header, sizeof header);
  Put(file, 0, data, top);
  Put(file, 256, data, lines);
  if (mode != 2) Put(file, kSegmentHeaderBytes, &block, sizeof block);
  Put(file, kSegmentHeaderBytes + (mode == 2 ? 0 : sizeof block), data + lines + top, rest);
  ReadFile(file);
  return 0;
}
