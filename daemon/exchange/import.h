// Thread rule: an Importer is used by one thread at a time (calls may come from different threads, one after the
// other).
//
// Imports an export (daemon/exchange/EXPORT.md) in a format that can be read back, or a Chrome trace, as its bytes
// arrive. The run is invisible until Finish() has succeeded, and removed when the import fails. When the store has
// the run already, the import compares it byte by byte: an equal run is accepted, a different one refused.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/run/archive.h"
#include "daemon/store/store.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Reads one format from bytes in any portions, and stores the run.
class ImportFormat {
 public:
  virtual ~ImportFormat() = default;
  virtual Status Feed(std::string_view bytes) = 0;
  // Checks that the stream is complete, and makes the run visible. Call after the last Feed.
  virtual Result<RunInfo> Finish() = 0;
  // Whether the store had an equal run before. REQUIRES that Finish has succeeded.
  virtual bool already() const { return false; }
};

class Importer {
 public:
  // Both outlive the importer. `spool_folder` is where temporary files may be created.
  Importer(Archive& archive, Store& store, std::filesystem::path spool_folder);
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // kForeign: the bytes are no export. kVersion: a newer smiley wrote them. kDamaged. kBusy: another import of this
  // run is active. kInvalid: another run has this id. kNoSpace. After an error only the destructor may be called.
  Status Feed(std::string_view bytes);
  struct Outcome {
    RunInfo run;
    bool already = false;  // the store had an equal run before
  };
  Result<Outcome> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
