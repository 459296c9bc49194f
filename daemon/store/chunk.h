// Thread rule: free functions on plain values; safe from any thread.
//
// Chunks and their index entries as bytes (daemon/store/STORE.md, "Chunks" and "Index").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/run/piece.h"
#include "shm/base/status.h"

namespace smiley::daemon {

inline constexpr std::uint32_t kChunkMagic = 0x4b484353;  // "SCHK"
inline constexpr std::uint16_t kChunkVersion = 1;
inline constexpr std::size_t kChunkHeaderBytes = 64;  // before the state

// The piece as a chunk of the run with this key (the store's number of the run): header, state with the frames shown,
// words compressed with zstd level 1, check sum. REQUIRES piece.words.size() <= kBlockWords.
std::string EncodeChunk(const Piece& piece, std::uint32_t run_key);
// Reads a chunk, whatever its bytes are. Fills process, thread, state, time, words and flags. kDamaged, kVersion.
Status DecodeChunk(std::string_view chunk, std::uint32_t run_key, Piece* piece);

// The size in bytes of the chunk that begins with `head` (at least its first 64 bytes); 0: no chunk begins so.
std::size_t ChunkBytes(std::string_view head);
// The run key in the chunk's header. REQUIRES ChunkBytes(head) != 0.
std::uint32_t ChunkRun(std::string_view head);

// The index entry of a piece: its summary, and the size of its chunk.
std::string EncodeIndexEntry(const Piece& piece, std::uint64_t chunk_bytes);
// Fills the summary of a piece whose first_seq is set already, from the key. `chunk_bytes` may be null.
Status DecodeIndexEntry(std::string_view entry, Piece* piece, std::uint64_t* chunk_bytes);

}  // namespace smiley::daemon
