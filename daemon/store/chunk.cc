#include "daemon/store/chunk.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "daemon/run/coding.h"

namespace smiley::daemon {
namespace {

constexpr std::uint16_t kBeginsInside = 1;
constexpr std::uint16_t kDamagedBefore = 2;
constexpr std::size_t kStateBytes = offsetof(shm::BlockHeader, frames);
constexpr std::size_t kCheckBytes = 8;
constexpr std::uint8_t kIndexVersion = 1;

struct ChunkHeader {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t flags;
  std::uint32_t run_key;
  std::uint32_t process;
  std::uint32_t thread;
  std::uint32_t words;
  std::uint32_t compressed_bytes;
  std::uint32_t frames;
  std::uint64_t anchor_units;
  std::int64_t anchor_ns;
  std::int64_t wall_minus_mono_ns;
  double ns_per_unit;
};
static_assert(sizeof(ChunkHeader) == kChunkHeaderBytes);
static_assert(kStateBytes == 128);

// One context for each thread: creating one costs more than compressing a small piece.
ZSTD_CCtx* Compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                     ZSTD_freeCCtx);
  return context.get();
}

ZSTD_DCtx* Decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                     ZSTD_freeDCtx);
  return context.get();
}

// A buffer for each thread, large enough for the worst case; the chunk itself is allocated with its real size.
char* CompressedRoom(std::size_t bytes) {
  thread_local std::vector<char> room;
  if (room.size() < bytes) room.resize(bytes);
  return room.data();
}

Status Damaged(const char* what) { return {Code::kDamaged, std::string("damaged chunk: ") + what}; }

}  // namespace

std::string EncodeChunk(const Piece& piece, std::uint32_t run_key) {
  const std::uint32_t frames = std::min<std::uint32_t>(piece.state.shown, shm::kShownFrames);
  const std::size_t raw_bytes = piece.words.size() * shm::kWordBytes;
  const std::size_t prefix = kChunkHeaderBytes + kStateBytes + frames * sizeof(shm::OpenFrame);
  const std::size_t bound = ZSTD_compressBound(raw_bytes);
  char* const room = CompressedRoom(bound);
  const std::size_t packed = ZSTD_compressCCtx(Compressor(), room, bound, piece.words.data(), raw_bytes, 1);
  if (ZSTD_isError(packed))
    throw std::bad_alloc();  // only memory can be missing: the output has room for the worst case
  ChunkHeader header{};
  header.magic = kChunkMagic;
  header.version = kChunkVersion;
  header.flags = static_cast<std::uint16_t>((piece.begins_inside ? kBeginsInside : 0) |
                                            (piece.damaged_before ? kDamagedBefore : 0));
  header.run_key = run_key;
  header.process = piece.process;
  header.thread = piece.thread;
  header.words = static_cast<std::uint32_t>(piece.words.size());
  header.compressed_bytes = static_cast<std::uint32_t>(packed);
  header.frames = frames;
  header.anchor_units = piece.time.anchor_units;
  header.anchor_ns = piece.time.anchor_ns;
  header.wall_minus_mono_ns = piece.time.wall_minus_mono_ns;
  header.ns_per_unit = piece.time.ns_per_unit;
  std::string chunk;
  chunk.reserve(prefix + packed + kCheckBytes);
  chunk.append(reinterpret_cast<const char*>(&header), sizeof header);
  chunk.append(reinterpret_cast<const char*>(&piece.state), kStateBytes);
  chunk.append(reinterpret_cast<const char*>(piece.state.frames), frames * sizeof(shm::OpenFrame));
  chunk.append(room, packed);
  const std::uint64_t check = XXH3_64bits(chunk.data(), chunk.size());
  chunk.append(reinterpret_cast<const char*>(&check), kCheckBytes);
  return chunk;
}

Status DecodeChunk(std::string_view chunk, std::uint32_t run_key, Piece* piece) {
  if (chunk.size() < kChunkHeaderBytes + kStateBytes + kCheckBytes) return Damaged("too short");
  ChunkHeader header;
  std::memcpy(&header, chunk.data(), sizeof header);
  if (header.magic != kChunkMagic) return Damaged("no chunk");
  if (header.version > kChunkVersion) {
    return {Code::kVersion, "a chunk was written by a newer smiley: use that version to read it"};
  }
  const std::size_t body = chunk.size() - kCheckBytes;
  std::uint64_t check;
  std::memcpy(&check, chunk.data() + body, kCheckBytes);
  if (check != XXH3_64bits(chunk.data(), body)) return Damaged("wrong check sum");
  if (header.run_key != run_key) return Damaged("belongs to another run");
  if (header.frames > shm::kShownFrames || header.words > shm::kBlockWords) return Damaged("sizes out of bounds");
  const std::size_t prefix = kChunkHeaderBytes + kStateBytes + header.frames * sizeof(shm::OpenFrame);
  if (prefix + header.compressed_bytes != body) return Damaged("sizes do not add up");
  piece->process = header.process;
  piece->thread = header.thread;
  piece->begins_inside = (header.flags & kBeginsInside) != 0;
  piece->damaged_before = (header.flags & kDamagedBefore) != 0;
  piece->time = {header.anchor_units, header.anchor_ns, header.wall_minus_mono_ns, header.ns_per_unit};
  piece->state = {};
  std::memcpy(&piece->state, chunk.data() + kChunkHeaderBytes, kStateBytes);
  piece->state.shown = header.frames;
  std::memcpy(piece->state.frames, chunk.data() + kChunkHeaderBytes + kStateBytes,
              header.frames * sizeof(shm::OpenFrame));
  piece->words.resize(header.words);
  const std::size_t raw_bytes = header.words * shm::kWordBytes;
  const std::size_t got = ZSTD_decompressDCtx(Decompressor(), piece->words.data(), raw_bytes, chunk.data() + prefix,
                                              header.compressed_bytes);
  if (ZSTD_isError(got) || got != raw_bytes) return Damaged("does not decompress");
  return {};
}

std::size_t ChunkBytes(std::string_view head) {
  if (head.size() < kChunkHeaderBytes) return 0;
  ChunkHeader header;
  std::memcpy(&header, head.data(), sizeof header);
  if (header.magic != kChunkMagic || header.version > kChunkVersion || header.frames > shm::kShownFrames ||
      header.words > shm::kBlockWords || header.compressed_bytes > ZSTD_compressBound(shm::kBlockBytes)) {
    return 0;
  }
  return kChunkHeaderBytes + kStateBytes + header.frames * sizeof(shm::OpenFrame) + header.compressed_bytes +
         kCheckBytes;
}

std::uint32_t ChunkRun(std::string_view head) {
  ChunkHeader header;
  std::memcpy(&header, head.data(), sizeof header);
  return header.run_key;
}

std::string EncodeIndexEntry(const Piece& piece, std::uint64_t chunk_bytes) {
  FieldWriter out;
  out.Unsigned(kIndexVersion);
  out.Unsigned(piece.process);
  out.Unsigned(chunk_bytes);
  out.Unsigned(piece.last_seq + 1 -
               piece.first_seq);  // last_seq is first_seq - 1 when the piece accounts for no event
  out.Unsigned(piece.events);
  out.Unsigned(piece.lost);
  out.Signed(piece.first_ns);
  out.Signed(piece.last_ns - piece.first_ns);
  out.Unsigned(piece.min_line);
  out.Unsigned(piece.max_line);
  out.Unsigned(piece.exceptions);
  out.Unsigned(piece.kinds);
  out.Ascending(piece.codes);
  out.Ascending(piece.variables);
  return out.Take();
}

Status DecodeIndexEntry(std::string_view entry, Piece* piece, std::uint64_t* chunk_bytes) {
  FieldReader in(entry);
  if (const auto version = in.Unsigned(); version > kIndexVersion) {
    return {Code::kVersion, "an index entry was written by a newer smiley: use that version to read it"};
  }
  piece->process = in.Unsigned32();
  const std::uint64_t bytes = in.Unsigned();
  if (chunk_bytes != nullptr) *chunk_bytes = bytes;
  piece->last_seq = piece->first_seq + in.Unsigned() - 1;
  piece->events = in.Unsigned();
  piece->lost = in.Unsigned();
  piece->first_ns = in.Signed();
  piece->last_ns = piece->first_ns + in.Signed();
  piece->min_line = in.Unsigned32();
  piece->max_line = in.Unsigned32();
  piece->exceptions = in.Unsigned32();
  piece->kinds = in.Unsigned32();
  piece->codes = in.Ascending();
  piece->variables = in.Ascending();
  if (!in.ok()) return {Code::kDamaged, "damaged index entry"};
  return {};
}

}  // namespace smiley::daemon
