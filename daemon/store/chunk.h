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

// The piece as stored: header, state with its shown frames only, words compressed with zstd-1, check sum.
// REQUIRES piece.words.size() <= kBlockWords.
std::string EncodeChunk(const Piece& piece, std::uint32_t run_key);
// The other way; hostile-safe. Fills process, thread, state, time, words and flags. kDamaged, kVersion.
Status DecodeChunk(std::string_view chunk, std::uint32_t run_key, Piece* piece);

// How many bytes the chunk has that begins with `head` (its first 64 bytes at least); 0: none begins there.
std::size_t ChunkBytes(std::string_view head);
// The numbers that its header gives. REQUIRES ChunkBytes(head) != 0.
std::uint32_t ChunkRun(std::string_view head);

// The summary of a piece with its chunk's size.
std::string EncodeIndexEntry(const Piece& piece, std::uint64_t chunk_bytes);
// Fills the summary fields (first_seq comes from the key). `chunk_bytes` may be null.
Status DecodeIndexEntry(std::string_view entry, Piece* piece, std::uint64_t* chunk_bytes);

}  // namespace smiley::daemon
