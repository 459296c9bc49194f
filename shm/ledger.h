// Thread rule: all functions are safe from any thread of any process that has the ledger open.
//
// The writes of Python's own layers to captured descriptors (smiley-run --capture-fd). The hooks have recorded these
// writes already, so the reader of the other end must recognize them. A writer announces each write before it happens
// and settles it afterwards, in a shared file of fixed-size entries. An entry holds the length of the bytes, their
// hash and the first eight of them. Entries are reused after kLedgerEntries writes. A reader that is further behind
// treats the missed writes as another program's.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::shm {

inline constexpr std::uint64_t kLedgerMagic = 0x3152474c594c4d53;  // "SMLYLGR1"
inline constexpr std::uint64_t kLedgerEntries = 1u << 17;          // a full pipe of single bytes fits

// The file or terminal that descriptor 1 (2) of the program leads to.
struct LedgerStream {
  std::uint64_t device = 0, inode = 0;  // both 0: not captured
};

struct LedgerEntry {
  std::atomic<std::uint64_t> turn;    // ticket * 4 + LedgerState
  std::atomic<std::uint64_t> what;    // pid << 34 | stream << 32 | length
  std::atomic<std::uint64_t> prefix;  // the first eight bytes of the write, padded with zeros
  std::atomic<std::uint64_t> hash;    // XXH3-64 of the write's bytes
};
static_assert(sizeof(LedgerEntry) == 32);

struct LedgerHeader {
  std::uint64_t magic;
  std::uint64_t entries;
  LedgerStream streams[2];
  alignas(64) std::atomic<std::uint64_t> next;  // ticket of the next announcement, from 1
  std::atomic<std::uint32_t> attached;          // 1: a process of the run is being recorded
};
static_assert(sizeof(LedgerHeader) == 128);

class Ledger {
 public:
  // Creates the file (0600, exclusively). `streams[0]` is standard output, `streams[1]` standard error.
  static Result<std::unique_ptr<Ledger>> Create(const std::filesystem::path& path, const LedgerStream (&streams)[2]);
  // Null: there is no such file, or the file is not a ledger. Keeps no descriptor open.
  static std::unique_ptr<Ledger> Open(const std::filesystem::path& path);
  // The file that an open descriptor leads to; both members 0 when the descriptor is not open.
  static LedgerStream StreamOf(int fd);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void Attach() { header_->attached.store(1, std::memory_order_release); }
  bool attached() const { return header_->attached.load(std::memory_order_acquire) != 0; }

  // Whether writes to `fd` (1 or 2) go to the captured file now. Makes a system call. REQUIRES fd 1 or 2.
  bool Covers(int fd) const;
  // Announces a write of `bytes` and returns its ticket. REQUIRES fd 1 or 2, for which Covers is true.
  std::uint64_t Announce(int fd, std::string_view bytes);
  // Settles a write: `written` bytes of `bytes` were written, 0 when it failed.
  void Settle(std::uint64_t ticket, std::string_view bytes, std::size_t written);

  struct Write {
    std::uint64_t ticket = 0, prefix = 0, hash = 0;
    int stream = 0;         // 1 or 2
    std::uint32_t pid = 0;  // the writer's pid
    std::size_t length = 0;
    bool settled = false;
  };
  enum class Found { kWrite, kNotYet, kGone };
  // The write with that ticket: kNotYet while its announcement is not complete, kGone when its entry was reused.
  Found Read(std::uint64_t ticket, Write* out) const;
  std::uint64_t next() const { return header_->next.load(std::memory_order_acquire); }

  static std::uint64_t PrefixOf(std::string_view bytes);
  static std::uint64_t HashOf(std::string_view bytes);

 private:
  explicit Ledger(LedgerHeader* header) : header_(header), entries_(reinterpret_cast<LedgerEntry*>(header + 1)) {}
  LedgerEntry& At(std::uint64_t ticket) const { return entries_[ticket % kLedgerEntries]; }
  LedgerHeader* header_;
  LedgerEntry* entries_;
};

}  // namespace smiley::shm
