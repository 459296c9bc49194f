// Thread rule: each object belongs to one thread at a time.
//
// Helpers of the ring tests: a temporary home, rings in it, events whose contents follow from their seq, and a reader
// that reads all parts of a ring in order.
#pragma once

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "shm/ring_reader.h"
#include "shm/ring_writer.h"
#include "shm/segment.h"

namespace smiley::shm::testing {

// A home under the temporary directory. The destructor removes it and all its segments.
class TemporaryHome {
 public:
  TemporaryHome() {
    std::string dir = (std::filesystem::temp_directory_path() / "smiley-test-XXXXXX").string();
    if (!mkdtemp(dir.data())) throw std::runtime_error("mkdtemp");
    dir_ = dir;
    auto home = Home::OpenAt(dir_);
    if (!home.ok()) throw std::runtime_error(home.status().message());
    home_ = *home;
  }
  ~TemporaryHome() {
    for (const auto& found : Segment::List(home_)) static_cast<void>(Segment::Remove(home_, found));
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  TemporaryHome(const TemporaryHome&) = delete;
  TemporaryHome& operator=(const TemporaryHome&) = delete;
  const Home& operator*() const { return home_; }
  const Home* operator->() const { return &home_; }

 private:
  std::filesystem::path dir_;
  Home home_;
};

inline SegmentOwner OwnerIn(const Home& home) {
  SegmentOwner owner;
  owner.home = home;
  owner.run = "testrun1";
  owner.identity = SelfIdentity();
  owner.process_token = 0x1122334455667788;
  owner.clock = Clock::Monotonic();
  return owner;
}

inline std::unique_ptr<Segment> MakeRing(const Home& home, std::size_t blocks, OnFull on_full,
                                         std::uint32_t index = 0) {
  SegmentOptions options;
  options.kind = SegmentKind::kRing;
  options.index = index;
  options.data_bytes = blocks * kBlockBytes;
  options.on_full = on_full;
  auto made = Segment::Create(OwnerIn(home), options);
  if (!made.ok()) throw std::runtime_error(made.status().message());
  return std::move(*made);
}

// Maps the same ring a second time, like the daemon.
inline std::shared_ptr<Segment> OpenAgain(const Home& home, const Segment::Found& found) {
  auto opened = Segment::Open(home, found);
  if (!opened.ok()) throw std::runtime_error(opened.status().message());
  return std::shared_ptr<Segment>(std::move(*opened));
}

// The contents of a pattern event follow from its seq. It is a line event with id seq mod 2^24. Some have a kSet
// attachment, whose size and bytes follow from the seq, too.
inline std::size_t PatternSize(std::uint64_t seq) {
  if (seq % 1009 == 0) return 20'000 + seq % 5'000;
  if (seq % 7 == 0) return 5 + seq % 90;
  return seq % 3 == 0 ? 1 + seq % 4 : 0;
}
inline unsigned char PatternByte(std::uint64_t seq, std::size_t i) {
  return static_cast<unsigned char>(seq * 31 + i * 7 + 1);
}
inline bool WritePattern(RingWriter& writer, std::uint64_t units) {
  const std::uint64_t seq = writer.last_seq() + 1;
  if (!writer.Begin(Kind::kLine, 0, static_cast<std::uint32_t>(seq), units)) return false;
  if (const std::size_t size = PatternSize(seq)) {
    unsigned char bytes[32 * 1024];
    for (std::size_t i = 0; i < size; ++i) bytes[i] = PatternByte(seq, i);
    writer.Attach(Kind::kSet, 0, static_cast<std::uint32_t>(seq % 1000), bytes, size);
  }
  writer.Commit();
  return true;
}

// Reads all words of a ring, part by part, and checks the pattern of each event.
class PatternReader {
 public:
  explicit PatternReader(std::shared_ptr<Segment> segment, std::uint64_t position = 0)
      : reader(std::move(segment), position) {}

  // Reads one part, and checks and counts its events. Returns the result of RingReader::Read.
  ReadState Step() {
    BlockPart part;
    const ReadState state = reader.Read(&part);
    if (state == ReadState::kOverrun || state == ReadState::kDamagedBlock) {
      open_event_ = false;
      if (state == ReadState::kDamagedBlock) ++damaged;
    }
    if (state == ReadState::kData) Walk(part);
    return state;
  }
  // Reads until the ring is empty, and frees the blocks that were read.
  void DrainAll() {
    for (;;) {
      const ReadState state = Step();
      reader.Free(reader.position());
      if (state == ReadState::kEmpty) return;
    }
  }

  RingReader reader;
  std::uint64_t next_seq = 1;
  std::uint64_t events = 0;   // number of pattern events
  std::uint64_t lost = 0;     // number of events in kLost events
  std::uint64_t missing = 0;  // number of seqs in gaps that no kLost event covers
  std::uint64_t bad = 0;      // number of events with contents of another seq, and of parts with unreadable words
  std::uint64_t cut = 0;      // number of events without their tail
  std::uint64_t damaged = 0;  // number of damaged blocks
  std::uint64_t losses = 0;   // number of kLost events
  std::uint64_t last_units = 0;
  std::uint64_t backwards = 0;  // number of events with a lower time than the previous one
  std::uint32_t thread = 0;

 private:
  void Walk(const BlockPart& part) {
    BlockHeader state = part.header;
    if (part.from % kBlockWords == kBlockHeaderWords) {
      if (thread == 0) thread = state.thread;
      if (state.thread != thread) {
        thread = state.thread;
        next_seq = state.first_seq;
        last_units = 0;
        open_event_ = false;
      }
      if (state.first_seq < next_seq) {
        ++bad;
      } else {
        missing += state.first_seq - next_seq;
      }
    } else {
      state.first_seq = next_seq;
      state.base_units = units_;
    }
    WordParser parser(state, part.words.data(), part.words.size());
    RawEvent event;
    for (;;) {
      const WordParser::Step step = parser.Next(&event);
      if (step == WordParser::Step::kEnd) break;
      if (step == WordParser::Step::kDamaged) {
        ++bad;
        break;
      }
      if (step == WordParser::Step::kMore) {
        if (open_event_) Check(open_seq_, event);
        open_event_ = event.flags & kFlagMore;
        continue;
      }
      if (open_event_) ++cut;
      open_event_ = false;
      if (event.units < last_units) ++backwards;
      last_units = event.units;
      if (event.kind == Kind::kLost) {
        std::uint64_t loss[4];
        std::memcpy(loss, event.attachments.at(0).bytes, sizeof loss);
        lost += loss[1];
        ++losses;
        continue;
      }
      if (event.kind != Kind::kLine) continue;
      ++events;
      if (event.id != (event.seq & kMaxId)) ++bad;
      if (event.flags & kFlagMore) {
        open_event_ = true;
        open_seq_ = event.seq;
        if (!event.attachments.empty()) ++bad;
      } else {
        Check(event.seq, event);
      }
    }
    next_seq = parser.next_seq();
    units_ = parser.units();
  }
  void Check(std::uint64_t seq, const RawEvent& event) {
    const std::size_t size = PatternSize(seq);
    if (event.attachments.size() != (size ? 1 : 0)) {
      ++bad;
      return;
    }
    if (!size) return;
    const RawAttachment& attachment = event.attachments[0];
    if (attachment.kind != Kind::kSet || attachment.id != seq % 1000 || attachment.size < size ||
        (size > 4 && attachment.size != size)) {
      ++bad;
      return;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (attachment.bytes[i] != PatternByte(seq, i)) {
        ++bad;
        return;
      }
    }
  }

  std::uint64_t units_ = 0;
  bool open_event_ = false;
  std::uint64_t open_seq_ = 0;
};

// A time limit for loops that wait for another thread or process.
class Deadline {
 public:
  explicit Deadline(std::chrono::seconds time = std::chrono::seconds(60))
      : end_(std::chrono::steady_clock::now() + time) {}
  bool left() const { return std::chrono::steady_clock::now() < end_; }
  // Lets other threads run for at most a millisecond.
  static void Breathe() { poll(nullptr, 0, 1); }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace smiley::shm::testing
