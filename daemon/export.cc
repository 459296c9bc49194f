#include "daemon/export.h"

namespace smiley::daemon {

Result<std::unique_ptr<Producer>> MakeExport(Archive& archive, const std::string& run,
                                             const std::string& format) {
  if (format == "smiley") return MakeSmileyExport(archive, run);
  if (format == "jsonl") return MakeJsonlExport(archive, run);
  return Status(Code::kInvalid, "there is no format '" + format.substr(0, 40) + "': it is one of smiley, jsonl");
}

}  // namespace smiley::daemon
