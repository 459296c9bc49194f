// Thread rule: any thread; calls take turns.
//
// Refuses writes before the disk is full: Debian's RocksDB aborts the process when the disk fills during a log
// append. Writes are admitted only while a reserve stays free. When other programs fill the disk, a ballast file is
// removed, so that memory can still be flushed and runs can be deleted. The file is created again when there is room.
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
  // Ok: so many bytes may be written now. kNoSpace: they may not, with the message to show; the ballast is removed.
  Status Admit(std::uint64_t bytes);
  // Likewise for writes that free space (deleting runs): only a quarter of the reserve has to stay free.
  Status AdmitDeletion();
  // Called about once a second: creates the ballast, or removes it.
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
