// Thread rule: as Importer.
//
// The readers of the formats. Private to daemon/exchange/import*.cc.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/exchange/import.h"
#include "daemon/exchange/import_sink.h"

namespace smiley::daemon {

std::unique_ptr<ImportFormat> MakeSmileyImport(Archive& archive, Store& store);
std::unique_ptr<ImportFormat> MakeJsonlImport(Archive& archive, Store& store);
std::unique_ptr<ImportFormat> MakeChromeImport(Archive& archive, Store& store, std::filesystem::path spool_folder);
// The id of the run in a stream that begins with `head`; nullopt: more bytes are needed.
Result<std::optional<std::string>> PeekSmileyRun(std::string_view head);
Result<std::optional<std::string>> PeekJsonlRun(std::string_view head);
// Whether a stream that begins with `head` is a Chrome trace; nullopt: more bytes are needed.
std::optional<bool> PeekChrome(std::string_view head);

}  // namespace smiley::daemon
