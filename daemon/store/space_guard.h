// Thread rule: any thread; calls take turns.
//
// Keeps the store away from a full disk: Debian's RocksDB aborts the process when the disk fills during a log append.
// Writes are admitted only while a reserve stays free. A ballast file is given up when the disk fills from elsewhere,
// so that what is in memory can still be flushed and runs can be deleted; it is laid down again when there is room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "shm/base/mutex.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class SpaceGuard {
 public:
  // `reserve_bytes` 0: admits everything.
  SpaceGuard(std::filesystem::path dir, std::uint64_t reserve_bytes);
  // May `bytes` be written now? kNoSpace with the message to show when not; the ballast is given up on the way.
  Status Admit(std::uint64_t bytes);
  // As Admit, for writes that free space (deleting runs): only a quarter of the reserve has to stay.
  Status AdmitDeletion();
  // Called about once a second: lays the ballast down, or gives it up.
  void Tick();
  std::uint64_t FreeBytes() const;
  static constexpr const char* kBallastName = "ballast";

 private:
  void LayBallast() SMILEY_REQUIRES_LOCK(mutex_);
  bool DropBallast() SMILEY_REQUIRES_LOCK(mutex_);
  const std::filesystem::path dir_;
  const std::uint64_t reserve_;
  const std::uint64_t ballast_bytes_;
  shm::Mutex mutex_;
  bool ballast_ SMILEY_GUARDED_BY(mutex_) = false;
};

}  // namespace smiley::daemon
