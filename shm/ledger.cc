#include "shm/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "shm/base/requires.h"

namespace smiley::shm {
namespace {

constexpr std::size_t kBytes = sizeof(LedgerHeader) + kLedgerEntries * sizeof(LedgerEntry);
enum LedgerState : std::uint64_t { kAnnounced = 1, kSettled = 2, kChanging = 3 };

LedgerHeader* Map(int fd) {
  void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return at == MAP_FAILED ? nullptr : static_cast<LedgerHeader*>(at);
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::Create(const std::filesystem::path& path, const LedgerStream (&streams)[2]) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Status::FromErrno(path.string(), errno);
  // Allocate the pages now. Otherwise a write to a page that does not fit on a full disk would kill the writer.
  int failed = posix_fallocate(fd, 0, kBytes);
  LedgerHeader* header = failed == 0 ? Map(fd) : nullptr;
  if (failed == 0 && header == nullptr) failed = errno;
  close(fd);
  if (failed != 0) {
    unlink(path.c_str());
    return Status::FromErrno(path.string(), failed);
  }
  header->entries = kLedgerEntries;
  header->streams[0] = streams[0];
  header->streams[1] = streams[1];
  header->next.store(1, std::memory_order_relaxed);
  header->magic = kLedgerMagic;
  return std::unique_ptr<Ledger>(new Ledger(header));
}

std::unique_ptr<Ledger> Ledger::Open(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return nullptr;
  struct stat status;
  const bool fits = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                    (status.st_mode & 077) == 0 && static_cast<std::size_t>(status.st_size) == kBytes;
  LedgerHeader* header = fits ? Map(fd) : nullptr;
  close(fd);
  if (header == nullptr) return nullptr;
  if (header->magic != kLedgerMagic || header->entries != kLedgerEntries) {
    munmap(header, kBytes);
    return nullptr;
  }
  return std::unique_ptr<Ledger>(new Ledger(header));
}

Ledger::~Ledger() { munmap(header_, kBytes); }

LedgerStream Ledger::StreamOf(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

bool Ledger::Covers(int fd) const {
  SMILEY_REQUIRES(fd == 1 || fd == 2);
  const LedgerStream& stream = header_->streams[fd - 1];
  if (stream.inode == 0) return false;
  const LedgerStream now = StreamOf(fd);
  return now.device == stream.device && now.inode == stream.inode;
}

std::uint64_t Ledger::Announce(int fd, std::string_view bytes) {
  SMILEY_REQUIRES(fd == 1 || fd == 2);
  const std::uint64_t ticket = header_->next.fetch_add(1, std::memory_order_acq_rel);
  LedgerEntry& entry = At(ticket);
  entry.turn.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  const auto who = static_cast<std::uint64_t>(getpid()) << 34 | static_cast<std::uint64_t>(fd) << 32;
  entry.what.store(who | static_cast<std::uint32_t>(bytes.size()), std::memory_order_relaxed);
  entry.prefix.store(PrefixOf(bytes), std::memory_order_relaxed);
  entry.hash.store(HashOf(bytes), std::memory_order_relaxed);
  entry.turn.store(ticket << 2 | kAnnounced, std::memory_order_release);
  return ticket;
}

void Ledger::Settle(std::uint64_t ticket, std::string_view bytes, std::size_t written) {
  LedgerEntry& entry = At(ticket);
  if (entry.turn.load(std::memory_order_relaxed) != (ticket << 2 | kAnnounced))
    return;  // a later write has reused the entry
  if (written < bytes.size()) {
    const std::string_view done = bytes.substr(0, written);
    entry.turn.store(ticket << 2 | kChanging, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    const std::uint64_t who = entry.what.load(std::memory_order_relaxed) >> 32 << 32;
    entry.what.store(who | static_cast<std::uint32_t>(written), std::memory_order_relaxed);
    entry.prefix.store(PrefixOf(done), std::memory_order_relaxed);
    entry.hash.store(HashOf(done), std::memory_order_relaxed);
  }
  entry.turn.store(ticket << 2 | kSettled, std::memory_order_release);
}

Ledger::Found Ledger::Read(std::uint64_t ticket, Write* out) const {
  const LedgerEntry& entry = At(ticket);
  const std::uint64_t turn = entry.turn.load(std::memory_order_acquire);
  if (turn >> 2 > ticket) return Found::kGone;
  if (turn >> 2 < ticket || (turn & 3) == kChanging) return Found::kNotYet;
  const std::uint64_t what = entry.what.load(std::memory_order_relaxed);
  out->ticket = ticket;
  out->pid = static_cast<std::uint32_t>(what >> 34);
  out->stream = static_cast<int>(what >> 32 & 3);
  out->length = static_cast<std::uint32_t>(what);
  out->prefix = entry.prefix.load(std::memory_order_relaxed);
  out->hash = entry.hash.load(std::memory_order_relaxed);
  out->settled = (turn & 3) == kSettled;
  std::atomic_thread_fence(std::memory_order_acquire);
  return entry.turn.load(std::memory_order_relaxed) == turn ? Found::kWrite : Found::kNotYet;
}

std::uint64_t Ledger::PrefixOf(std::string_view bytes) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, bytes.data(), std::min<std::size_t>(bytes.size(), sizeof prefix));
  return prefix;
}

std::uint64_t Ledger::HashOf(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace smiley::shm
