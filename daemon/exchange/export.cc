#include "daemon/exchange/export.h"

namespace smiley::daemon {

Result<std::unique_ptr<Producer>> MakeExport(Archive& archive, const std::string& run, const std::string& format) {
  if (format == "smiley") return MakeSmileyExport(archive, run);
  if (format == "jsonl") return MakeJsonlExport(archive, run);
  if (format == "pstats") return MakePstatsExport(archive, run);
  if (format == "chrome") return MakeChromeExport(archive, run);
  if (format == "speedscope") return MakeSpeedscopeExport(archive, run);
  if (format == "collapsed") return MakeCollapsedExport(archive, run);
  return Status(Code::kInvalid, "there is no format '" + format.substr(0, 40) +
                                    "': it is one of smiley, jsonl, pstats, chrome, speedscope, collapsed");
}

}  // namespace smiley::daemon
