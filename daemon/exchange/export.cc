#include "daemon/exchange/export.h"

#include <algorithm>
#include <array>

namespace smiley::daemon {
namespace {

constexpr std::array kFormats = {
    ExportFormat{"smiley", MakeSmileyExport, true, "compact; smiley-import reads it"},
    ExportFormat{"jsonl", MakeJsonlExport, false, "JSON Lines, for scripts; smiley-import reads it"},
    ExportFormat{"pstats", MakePstatsExport, true, "for Python's pstats and the tools that read it"},
    ExportFormat{"chrome", MakeChromeExport, false, "for Perfetto and chrome://tracing"},
    ExportFormat{"speedscope", MakeSpeedscopeExport, false, "flame graphs, for speedscope.app"},
    ExportFormat{"collapsed", MakeCollapsedExport, false, "flame graphs, for flamegraph.pl"},
};

}  // namespace

std::span<const ExportFormat> ExportFormats() { return kFormats; }

const ExportFormat* FindExportFormat(std::string_view name) {
  const auto* const found = std::ranges::find(kFormats, name, &ExportFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

Result<std::unique_ptr<Producer>> MakeExport(Archive& archive, const std::string& run, const std::string& format) {
  if (const ExportFormat* const found = FindExportFormat(format)) return found->make(archive, run);
  std::string message = "there is no format '" + format.substr(0, 40) + "': it is one of ";
  for (const ExportFormat& known : kFormats) {
    if (&known != kFormats.begin()) message += ", ";
    message += known.name;
  }
  return Status(Code::kInvalid, message);
}

}  // namespace smiley::daemon
