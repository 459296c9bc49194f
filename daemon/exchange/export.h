// Thread rule: a Producer is used by one thread at a time.
//
// Writes a run as one stream of bytes, in the formats of daemon/exchange/EXPORT.md. The same run gives the same bytes
// on every machine. A running run is exported up to its present end.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/protocol/producer.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// One row of the table of formats. Help, messages and the choices of smiley-export come from it.
struct ExportFormat {
  std::string_view name;
  Result<std::unique_ptr<Producer>> (*make)(Archive& archive, const std::string& run);
  bool binary;                   // a terminal cannot show it
  std::string_view description;  // what it is for, as --help says it
};
// All formats, the default first.
std::span<const ExportFormat> ExportFormats();
// Null: no format has this name.
const ExportFormat* FindExportFormat(std::string_view name);

// kInvalid: `format` is not in the table; the message lists the formats that are.
Result<std::unique_ptr<Producer>> MakeExport(Archive& archive, const std::string& run, const std::string& format);

Result<std::unique_ptr<Producer>> MakeJsonlExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeSmileyExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakePstatsExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeChromeExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeSpeedscopeExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeCollapsedExport(Archive& archive, const std::string& run);

}  // namespace smiley::daemon
