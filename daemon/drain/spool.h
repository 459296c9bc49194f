// Thread rule: belongs to the drainer's thread.
//
// The spool folder: smiley-run leaves the end of a run there when no daemon answers. The next daemon reads it, and
// removes each file when its contents are stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/drain/outbox.h"
#include "daemon/drain/run_book.h"
#include "daemon/live/live_archive.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"
#include "shm/base/home.h"

namespace smiley::daemon {

class Spool {
 public:
  using Log = std::function<void(const std::string&)>;
  // All outlive it.
  Spool(const shm::Home& home, Store& store, LiveArchive& archive, const RunBook& runs, Outbox& outbox, Log log)
      : home_(home), store_(store), archive_(archive), runs_(runs), outbox_(outbox), log_(std::move(log)) {}

  // Reports the ends in the folder to the registry. The files read, for Read's caller to give to Remove.
  std::vector<std::filesystem::path> Read(RunRegistry& registry);
  // Removes the files when the batch that is collected now is stored. REQUIRES that the registry has carried out what
  // Read reported.
  void RemoveWhenStored(std::vector<std::filesystem::path> files);
  // `stored`: the latest stored batch.
  void RemoveStored(std::uint64_t stored);

 private:
  std::vector<std::filesystem::path> List() const;
  void ReadEnd(const std::filesystem::path& path, RunRegistry& registry) const;

  const shm::Home& home_;
  Store& store_;
  LiveArchive& archive_;
  const RunBook& runs_;
  Outbox& outbox_;
  const Log log_;
  std::vector<std::pair<std::uint64_t, std::vector<std::filesystem::path>>> removals_;  // (batch, files)
};

}  // namespace smiley::daemon
