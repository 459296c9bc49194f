// Thread rule: a Producer is used by one thread at a time.
//
// A stored (or still growing) run as one stream of bytes, in the formats of daemon/exchange/EXPORT.md. The same run
// gives the same bytes, whoever exports it.
#pragma once

#include <memory>
#include <string>

#include "daemon/query/answer.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// `format`: "smiley", "jsonl", "pstats", "chrome", "speedscope" or "collapsed". kInvalid for others, naming these.
Result<std::unique_ptr<Producer>> MakeExport(Archive& archive, const std::string& run, const std::string& format);
Result<std::unique_ptr<Producer>> MakeJsonlExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeSmileyExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakePstatsExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeChromeExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeSpeedscopeExport(Archive& archive, const std::string& run);
Result<std::unique_ptr<Producer>> MakeCollapsedExport(Archive& archive, const std::string& run);

}  // namespace smiley::daemon
