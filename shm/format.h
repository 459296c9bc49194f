// Thread rule: constants and plain layouts only; the two atomics structs say which side writes which field.
//
// The binary format of rings and catalogues in shared memory. The prose, the drawing, the state machine
// and a worked hex dump are in shm/FORMAT.md; change both together. Little-endian machines only.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace smiley::shm {

static_assert(std::endian::native == std::endian::little, "smiley's format is little-endian");

inline constexpr std::uint32_t kFormatVersion = 0;
inline constexpr std::uint64_t kSegmentMagic = 0x31474553594c4d53;  // "SMLYSEG1"
inline constexpr std::uint32_t kBlockMagic = 0x4b4c4253;            // "SBLK"

inline constexpr std::size_t kWordBytes = 8;
inline constexpr std::size_t kBlockBytes = 64 * 1024;
inline constexpr std::size_t kBlockWords = kBlockBytes / kWordBytes;
inline constexpr std::size_t kSegmentHeaderBytes = 4096;  // data (blocks or records) begins here
inline constexpr std::size_t kMinRingBlocks = 2;
inline constexpr std::size_t kMaxRingBlocks = 1u << 16;
inline constexpr std::size_t kBlockHeaderWords = 64;
inline constexpr std::size_t kBlockPayloadWords = kBlockWords - kBlockHeaderWords;
inline constexpr std::size_t kShownFrames = 24;
// One attachment's payload never exceeds this many bytes; the tracer cuts values to fit.
inline constexpr std::size_t kMaxAttachmentBytes = 32 * 1024;
// Numbers of events and counts from here on are damage.
inline constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 62;
// A thread writes an anchor (its monotonic time) at least this often while it makes events.
inline constexpr std::uint64_t kAnchorIntervalNs = 100'000'000;

// ---- words --------------------------------------------------------------------------------------
//
//   bit 63            32 31               8 7    6 5      0
//      +----------------+------------------+------+--------+
//      | delta (32)     | id (24)          | flags| kind   |   event word, kind 1..31
//      +----------------+------------------+------+--------+
//      | inline CBOR or length (32) | id   | flags| kind   |   attachment word, kind 32..63
//      +----------------+------------------+------+--------+
//
// An event word is followed by its attachments: words of kind >= 32, each followed by its payload words.

enum class Kind : std::uint8_t {
  kPad = 0,  // the rest of the block is unused
  // Events. delta = units since the previous event of the thread (low 32 bits; kTime holds the rest).
  kCall = 1,          // id = code id
  kLine = 2,          // id = line number
  kReturn = 3,        // id = line number (the last line run); attachment kValue
  kYield = 4,         // id = line number; attachment kValue
  kResume = 5,        // id = code id; attachment kFrame; kValue = value sent
  kThrow = 6,         // id = code id; attachments kFrame, kException
  kRaise = 7,         // id = line number; attachment kException; kFlagPropagated
  kHandled = 8,       // id = line number; attachment kException
  kUnwind = 9,        // id = line number; attachment kException
  kCCall = 10,        // id = catalogue string (name of the C function)
  kCReturn = 11,      // id = as of its kCCall
  kCRaise = 12,       // id = as of its kCCall
  kStdout = 13,       // attachment kText
  kStderr = 14,       // attachment kText
  kThreadStart = 15,  // id = 0; the thread's name and native id are in the catalogue
  kThreadEnd = 16,
  kTask = 17,   // id = task id of the catalogue, 0 = no task
  kMark = 18,   // id = catalogue string; attachments kSet
  kGc = 19,     // a collection has ended; attachment kValue = what gc.callbacks are given: a dict of counts
  kFork = 20,   // attachment kValue = pid of the child
  kChild = 21,  // first in a forked child; attachment kValue = pid of the parent
  kLost = 22,   // not counted in seq by itself: attachment kLoss holds first seq, count, times
  kEnd = 23,    // recording ended in this thread on purpose (stop, self-switch-off)
  kMore = 31,   // not an event: continues the attachments of the event before (block boundary)
  // Attachments.
  kTime = 32,       // payload 1 word: the delta's bits 32 and up
  kAnchor = 33,     // payload 1 word: CLOCK_MONOTONIC ns at this event
  kFrame = 34,      // payload 1 word: frame id (of a call: when it is not last_frame + 1)
  kSet = 35,        // id = catalogue string (variable); CBOR value: the full value
  kPatch = 36,      // id = catalogue string (variable); CBOR patch list (FORMAT.md)
  kUnset = 37,      // id = catalogue string (variable); now unbound
  kValue = 38,      // CBOR value returned, yielded, sent, thrown
  kException = 39,  // CBOR array [type, message]
  kText = 40,       // text written, CBOR text or bytes
  kLoss = 41,       // payload 4 words: first seq, count, first time, last time (units, absolute)
  kCode = 42,       // id = code id: on handled/raise after a loss
};

inline constexpr std::uint8_t kFirstAttachment = 32;

enum WordFlags : std::uint8_t {
  kFlagMore = 1,        // event or kMore word: attachments go on in a kMore word in the next block
  kFlagPropagated = 2,  // raise: the exception came from a callee
  kFlagInline = 1,      // attachment: CBOR of at most 4 bytes stands in bits 32..63; no payload words
  kFlagStale = 2,       // kSet: deep part may be older than this event
};

inline constexpr std::uint32_t kMaxId = (1u << 24) - 1;

constexpr std::uint64_t EventWord(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint32_t delta) {
  return static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(flags & 3) << 6) |
         (static_cast<std::uint64_t>(id & kMaxId) << 8) | (static_cast<std::uint64_t>(delta) << 32);
}
// `bytes` <= kMaxAttachmentBytes: payload length in bytes, padded with zeros to whole words.
constexpr std::uint64_t AttachmentWord(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint32_t bytes) {
  return EventWord(kind, flags & 2u, id, bytes);
}
// `cbor4`: the CBOR item's bytes, first byte in bits 32..39, unused bytes zero.
constexpr std::uint64_t InlineWord(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint32_t cbor4) {
  return EventWord(kind, flags | kFlagInline, id, cbor4);
}
constexpr Kind WordKind(std::uint64_t w) { return static_cast<Kind>(w & 63); }
constexpr std::uint32_t WordFlagBits(std::uint64_t w) { return static_cast<std::uint32_t>(w >> 6) & 3; }
constexpr std::uint32_t WordId(std::uint64_t w) { return static_cast<std::uint32_t>(w >> 8) & kMaxId; }
constexpr std::uint32_t WordHigh(std::uint64_t w) { return static_cast<std::uint32_t>(w >> 32); }
constexpr bool IsEvent(Kind k) { return static_cast<std::uint8_t>(k) >= 1 && static_cast<std::uint8_t>(k) <= 30; }
constexpr bool IsAttachment(Kind k) { return static_cast<std::uint8_t>(k) >= kFirstAttachment; }
// Attachments whose payload is CBOR, which may stand inline.
constexpr bool IsCborKind(Kind k) {
  return k == Kind::kSet || k == Kind::kPatch || k == Kind::kValue || k == Kind::kException || k == Kind::kText;
}
constexpr std::size_t PayloadWords(std::size_t bytes) { return (bytes + 7) / 8; }

// ---- blocks -------------------------------------------------------------------------------------

struct OpenFrame {
  std::uint64_t frame;  // id within the process
  std::uint32_t code;   // catalogue id
  std::uint32_t line;   // last line event in it, 0 = none yet
};
static_assert(sizeof(OpenFrame) == 16);

// Where a thread stands before the first word of a block (or of a stored piece). Written by the producer
// before the block's first word is published; never changed afterwards.
struct BlockHeader {
  std::uint32_t magic;           // kBlockMagic
  std::uint16_t version;         // kFormatVersion
  std::uint16_t flags;           // 0
  std::uint64_t block;           // absolute number: word position / kBlockWords
  std::uint32_t thread;          // number within the process, from 1
  std::uint32_t depth;           // open recorded frames
  std::uint64_t first_seq;       // seq of the next event
  std::uint64_t base_units;      // time of the previous event (or of the block's opening), units
  std::uint64_t anchor_units;    // an instant in units ...
  std::uint64_t anchor_mono_ns;  // ... and the same in CLOCK_MONOTONIC
  std::uint64_t last_frame;      // frame id of this thread's latest call event, 0 = none
  std::uint64_t lost;            // events of this thread lost so far
  std::uint32_t shown;           // valid entries in frames: min(depth, kShownFrames)
  std::uint32_t reserved0;
  std::uint64_t reserved[6];
  OpenFrame frames[kShownFrames];  // innermost first
};
static_assert(sizeof(BlockHeader) == kBlockHeaderWords * kWordBytes);
static_assert(offsetof(BlockHeader, first_seq) == 24 && offsetof(BlockHeader, frames) == 128);

// ---- segments -----------------------------------------------------------------------------------

enum class SegmentKind : std::uint32_t { kRing = 1, kCatalogue = 2 };
enum class SegmentState : std::uint32_t { kMaking = 0, kLive = 1, kClosed = 2 };
enum class OnFull : std::uint32_t { kBlock = 0, kDrop = 1, kOverwrite = 2 };
enum class ClockSource : std::uint32_t { kTsc = 1, kMonotonic = 2 };

// The first 4096 bytes of every segment. Written once by the owner before state becomes kLive, except
// the atomics, whose writer is named.
struct alignas(128) SegmentHeader {
  std::uint64_t magic;
  std::uint32_t version;
  SegmentKind kind;
  std::uint64_t bytes;  // whole segment
  char run[16];         // run id, NUL padded
  char home[16];        // home id, NUL padded
  unsigned char boot_id[16];
  std::uint32_t pid;
  std::uint32_t uid;
  std::uint64_t pid_start;      // field 22 of /proc/PID/stat
  std::uint64_t process_token;  // random; one traced process image (pid reuse and exec-safe)
  std::uint32_t index;          // ring: creation order; catalogue: place in the chain; from 0
  ClockSource clock;
  std::uint32_t unit_shift;   // unit = 2^shift ticks (TSC cycles, or ns of CLOCK_MONOTONIC)
  std::uint32_t block_count;  // ring: power of two
  OnFull on_full;             // ring
  std::uint32_t reserved0;
  std::int64_t wall_minus_mono_ns;  // of the run: CLOCK_REALTIME - CLOCK_MONOTONIC at the run's start
  std::uint64_t ticks_per_second;   // owner's estimate; readers may know better
  std::uint64_t reserved1[7];
  std::atomic<SegmentState> state;  // owner
  // -- ring: producer's line (offset 256)
  alignas(128) std::atomic<std::uint64_t> write_pos;  // words published; producer
  std::atomic<std::uint64_t> intent_pos;  // overwrite: words below this minus ring size are gone; producer
  std::atomic<std::uint32_t> thread;      // number of the thread that owns the ring, 0 = idle; producer
  std::atomic<std::uint32_t> dropping;    // 1 while events are being lost; producer
  std::atomic<std::uint64_t> lost_first;  // pending loss (not yet in a kLost event); producer
  std::atomic<std::uint64_t> lost_count;
  std::atomic<std::uint64_t> lost_first_units;
  std::atomic<std::uint64_t> lost_last_units;
  // -- ring: consumer's line (offset 384)
  alignas(128) std::atomic<std::uint64_t> read_pos;  // words freed (block boundary); consumer
  std::atomic<std::uint64_t> heartbeat_mono_ns;      // consumer's last visit; consumer
  // -- catalogue: producer's line (offset 512)
  alignas(128) std::atomic<std::uint64_t> committed;  // bytes of records published, from data start; producer
  std::atomic<std::uint32_t> sealed;                  // 1: no more records here, next segment follows; producer
  std::atomic<std::uint32_t> unrecorded_threads;      // threads that got no ring; producer
  std::atomic<std::uint64_t> unrecorded_events;       // their events; producer
  // -- catalogue: consumer's line (offset 640)
  alignas(128) std::atomic<std::uint64_t> stored;  // bytes of records that the store holds; consumer
};
static_assert(sizeof(std::atomic<std::uint64_t>) == 8 && std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<SegmentState>) == 4);
static_assert(offsetof(SegmentHeader, write_pos) == 256);
static_assert(offsetof(SegmentHeader, read_pos) == 384);
static_assert(offsetof(SegmentHeader, committed) == 512);
static_assert(offsetof(SegmentHeader, stored) == 640);
static_assert(sizeof(SegmentHeader) <= kSegmentHeaderBytes);

// ---- catalogue records ----------------------------------------------------------------------------

enum class RecordType : std::uint16_t {
  kProcess = 1,  // id 0: CBOR map, first record of a process
  kString = 2,   // id from 1: UTF-8, surrogates passed through (WTF-8); no terminator
  kCode = 3,     // id from 1: CBOR array
  kSource = 4,   // id from 1: CBOR array [file, text]
  kThread = 5,   // id = thread number: CBOR array [native id, name]; a later record renames
  kTask = 6,     // id from 1: CBOR array [name]
  kNote = 7,     // id from 0: CBOR array [kind, text]: what people must be told ("incomplete", …)
};

struct RecordHeader {
  std::uint32_t bytes;  // payload, without padding; the next record begins at the next multiple of 8
  RecordType type;
  std::uint16_t zero;
  std::uint32_t id;
  std::uint32_t check;  // low 32 bits of XXH3-64 over type, id (8 bytes: u16 type, u16 0, u32 id) and the payload
};
static_assert(sizeof(RecordHeader) == 16);

inline constexpr std::size_t kMaxRecordBytes = 64u << 20;

}  // namespace smiley::shm
