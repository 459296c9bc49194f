// Thread rule: constants and plain layouts only; SegmentHeader names the one writer of each atomic.
//
// The binary format of rings and catalogues in shared memory. shm/FORMAT.md describes it with drawings, state
// machines and a worked hex dump. Change both together. Little-endian machines only.
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
inline constexpr std::size_t kSegmentHeaderBytes = 4096;  // the data (blocks or records) begins at this offset
inline constexpr std::size_t kMinRingBlocks = 2;
inline constexpr std::size_t kMaxRingBlocks = 1u << 16;
inline constexpr std::size_t kBlockHeaderWords = 64;
inline constexpr std::size_t kBlockPayloadWords = kBlockWords - kBlockHeaderWords;
inline constexpr std::size_t kShownFrames = 24;  // maximum number of open frames in a block header
// Maximum payload of one attachment. The tracer cuts values to fit.
inline constexpr std::size_t kMaxAttachmentBytes = 32 * 1024;
// Exclusive maximum of seqs and of counts of events. A larger number is damage.
inline constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 62;
// Maximum time between two anchors (CLOCK_MONOTONIC readings) of a thread while it records events.
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
// The attachments of an event follow its word. Each is a word of kind >= 32 and its payload words.

enum class Kind : std::uint8_t {
  kPad = 0,  // the rest of the block is unused
  // Events. delta = low 32 bits of the units since the thread's previous event. kTime holds the other bits.
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
  kCReturn = 11,      // id = the id of its kCCall
  kCRaise = 12,       // id = the id of its kCCall
  kStdout = 13,       // attachment kText
  kStderr = 14,       // attachment kText
  kThreadStart = 15,  // id = 0; the thread's name and native id are in the catalogue
  kThreadEnd = 16,
  kTask = 17,   // id = task id of the catalogue, 0 = no task
  kMark = 18,   // id = catalogue string; attachments kSet
  kGc = 19,     // a collection has ended; attachment kValue = the dict of counts that gc.callbacks receive
  kFork = 20,   // attachment kValue = pid of the child
  kChild = 21,  // first event in a forked child; attachment kValue = pid of the parent
  kLost = 22,   // takes the seqs of the lost events, none for itself; attachment kLoss
  kEnd = 23,    // the tracer ended recording in this thread on purpose (stop, self-switch-off)
  kMore = 31,   // not an event: continues the previous event's attachments in the next block
  // Attachments.
  kTime = 32,       // payload 1 word: the bits of the delta from 32 on
  kAnchor = 33,     // payload 1 word: CLOCK_MONOTONIC ns at this event
  kFrame = 34,      // payload 1 word: frame id; a call has it only when the id is not last_frame + 1
  kSet = 35,        // id = catalogue string (variable); CBOR value: the full value
  kPatch = 36,      // id = catalogue string (variable); CBOR patch list (FORMAT.md)
  kUnset = 37,      // id = catalogue string (variable): the variable is unbound now
  kValue = 38,      // CBOR value that was returned, yielded, sent or thrown
  kException = 39,  // CBOR array [type, message]
  kText = 40,       // written text, as CBOR text or bytes
  kLoss = 41,       // payload 4 words: first seq, count, first time, last time (units, absolute)
  kCode = 42,       // id = code id; on kHandled and kRaise after a loss
};

inline constexpr std::uint8_t kFirstAttachment = 32;

enum WordFlags : std::uint8_t {
  kFlagMore = 1,        // event or kMore word: a kMore word in the next block continues the attachments
  kFlagPropagated = 2,  // raise: the exception came from a callee
  kFlagInline = 1,      // attachment: bits 32..63 hold CBOR of at most 4 bytes; there are no payload words
  kFlagStale = 2,       // kSet: the value below its first level may be older than this event
};

// The last kind of an event. A new kind gets the next number up to 30; stored chunks hold numbers, so none is reused.
inline constexpr Kind kLastEvent = Kind::kEnd;

inline constexpr std::uint32_t kMaxId = (1u << 24) - 1;

constexpr std::uint64_t EventWord(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint32_t delta) {
  return static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(flags & 3) << 6) |
         (static_cast<std::uint64_t>(id & kMaxId) << 8) | (static_cast<std::uint64_t>(delta) << 32);
}
// `bytes`: payload length, at most kMaxAttachmentBytes. Zeros pad the payload to whole words.
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
// True for attachments whose payload is CBOR and may be inline.
constexpr bool IsCborKind(Kind k) {
  return k == Kind::kSet || k == Kind::kPatch || k == Kind::kValue || k == Kind::kException || k == Kind::kText;
}
constexpr std::size_t PayloadWords(std::size_t bytes) { return (bytes + 7) / 8; }

// ---- blocks -------------------------------------------------------------------------------------

struct OpenFrame {
  std::uint64_t frame;  // id within the process
  std::uint32_t code;   // catalogue id
  std::uint32_t line;   // line number of the frame's last line event, 0 = none yet
};
static_assert(sizeof(OpenFrame) == 16);

// A thread's state before the first word of a block (or of a stored piece). The producer writes it before it
// publishes the block's first word, and never changes it afterwards.
struct BlockHeader {
  std::uint32_t magic;           // kBlockMagic
  std::uint16_t version;         // kFormatVersion
  std::uint16_t flags;           // 0
  std::uint64_t block;           // absolute number: word position / kBlockWords
  std::uint32_t thread;          // thread number within the process, from 1
  std::uint32_t depth;           // number of open recorded frames
  std::uint64_t first_seq;       // seq of the next event
  std::uint64_t base_units;      // time in units: of the previous event, or of the block's opening
  std::uint64_t anchor_units;    // an instant in units
  std::uint64_t anchor_mono_ns;  // the same instant in ns of CLOCK_MONOTONIC
  std::uint64_t last_frame;      // frame id of this thread's latest call event, 0 = none
  std::uint64_t lost;            // number of this thread's lost events in earlier kLost events
  std::uint32_t shown;           // number of valid entries in frames: min(depth, kShownFrames)
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

// The first 4096 bytes of every segment. The owner writes the plain members once, before `state` becomes kLive. The
// comment of each atomic names its writer.
struct alignas(128) SegmentHeader {
  std::uint64_t magic;
  std::uint32_t version;
  SegmentKind kind;
  std::uint64_t bytes;  // size of the whole segment
  char run[16];         // run id, padded with NUL
  char home[16];        // home id, padded with NUL
  unsigned char boot_id[16];
  std::uint32_t pid;
  std::uint32_t uid;
  std::uint64_t pid_start;      // start time of pid: field 22 of /proc/PID/stat, in clock ticks since boot
  std::uint64_t process_token;  // random; identifies one process image, also after an exec or a reuse of the pid
  std::uint32_t index;          // from 0; ring: order of creation; catalogue: place in the chain
  ClockSource clock;
  std::uint32_t unit_shift;   // unit = 2^shift ticks (TSC cycles, or ns of CLOCK_MONOTONIC)
  std::uint32_t block_count;  // ring: number of blocks, a power of two
  OnFull on_full;             // ring: policy for a full ring
  std::uint32_t reserved0;
  std::int64_t wall_minus_mono_ns;  // CLOCK_REALTIME - CLOCK_MONOTONIC at the run's start
  std::uint64_t ticks_per_second;   // the owner's estimate; a reader may have a better one
  std::uint64_t reserved1[7];
  std::atomic<SegmentState> state;  // owner
  // -- ring: the producer's cache lines (offset 256)
  alignas(128) std::atomic<std::uint64_t> write_pos;  // position after the last published word; producer
  std::atomic<std::uint64_t> intent_pos;  // overwrite: words below intent_pos - ring size are gone; producer
  std::atomic<std::uint32_t> thread;      // number of the thread that writes the ring, 0 = idle; producer
  std::atomic<std::uint32_t> dropping;    // 1 while events are being lost; producer
  // The pending loss, which no kLost event holds yet; producer.
  std::atomic<std::uint64_t> lost_first;        // seq of the first lost event
  std::atomic<std::uint64_t> lost_count;        // number of lost events, 0 = no pending loss
  std::atomic<std::uint64_t> lost_first_units;  // time of the first lost event
  std::atomic<std::uint64_t> lost_last_units;   // time of the last lost event
  // -- ring: the consumer's cache lines (offset 384)
  alignas(128) std::atomic<std::uint64_t> read_pos;  // blocks below this position are free; a block's start; consumer
  std::atomic<std::uint64_t> heartbeat_mono_ns;      // time of the consumer's last visit; consumer
  // -- catalogue: the producer's cache lines (offset 512)
  alignas(128) std::atomic<std::uint64_t> committed;  // bytes of published records, from the data's start; producer
  std::atomic<std::uint32_t> sealed;                  // 1: complete, and the next segment exists; producer
  std::atomic<std::uint32_t> unrecorded_threads;      // number of threads that got no ring; producer
  std::atomic<std::uint64_t> unrecorded_events;       // number of events in those threads; producer
  // -- catalogue: the consumer's cache lines (offset 640)
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
  kString = 2,   // id from 1: UTF-8, also with lone surrogates (WTF-8); no terminator
  kCode = 3,     // id from 1: CBOR array
  kSource = 4,   // id from 1: CBOR array [file, text]
  kThread = 5,   // id = thread number: CBOR array [native id, name]; a later record of the thread renames it
  kTask = 6,     // id from 1: CBOR array [name]
  kNote = 7,     // id from 0: CBOR array [kind, text], a message to the user ("incomplete", …)
};

struct RecordHeader {
  std::uint32_t bytes;  // size of the payload without padding; the next record begins at the next multiple of 8
  RecordType type;
  std::uint16_t zero;
  std::uint32_t id;
  std::uint32_t check;  // low 32 bits of XXH3-64 over 8 bytes (u16 type, u16 0, u32 id) and the payload
};
static_assert(sizeof(RecordHeader) == 16);

inline constexpr std::size_t kMaxRecordBytes = 64u << 20;

}  // namespace smiley::shm
