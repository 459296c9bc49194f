// Thread rule: an Importer is used by one thread at a time (calls may come from different threads, one after the
// other).
//
// Takes in an export (daemon/exchange/EXPORT.md) in the formats that can be read back, or a Chrome trace, piece by
// piece as the bytes arrive. Until Finish() has succeeded nothing can be seen of the run; what is not complete is
// removed. A run that is there already is compared byte by byte: equal is fine, different is refused.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/run/archive.h"
#include "daemon/store/store.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// One format's reader: gets bytes in any portions, tells what to store.
class ImportFormat {
 public:
  virtual ~ImportFormat() = default;
  virtual Status Feed(std::string_view bytes) = 0;
  // All bytes were fed: checks that the stream is whole and makes the run visible.
  virtual Result<RunInfo> Finish() = 0;
  // The run was there before, equal. REQUIRES that Finish has succeeded.
  virtual bool already() const { return false; }
};

class Importer {
 public:
  // Both outlive the importer. `spool_folder` is where temporary files may be created.
  Importer(Archive& archive, Store& store, std::filesystem::path spool_folder);
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // kForeign: not an export; kVersion: of a newer smiley; kDamaged; kBusy: this run is being imported by someone
  // else; kInvalid: another run has this id; kNoSpace. After an error only the destructor is useful.
  Status Feed(std::string_view bytes);
  struct Outcome {
    RunInfo run;
    bool already = false;  // it was there before, equal
  };
  Result<Outcome> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
