#include "daemon/run/archive.h"

#include <algorithm>

namespace smiley::daemon {

Result<ThreadInfo> Archive::FindThread(const std::string& run, std::uint32_t thread) {
  auto threads = Threads(run);
  if (!threads.ok()) return threads.status();
  const auto found =
      std::find_if(threads->begin(), threads->end(), [&](const ThreadInfo& info) { return info.thread == thread; });
  if (found != threads->end()) return std::move(*found);
  return Status(Code::kNotFound,
                "run " + run + " has no thread " + std::to_string(thread) + " (smiley-threads shows them)");
}

}  // namespace smiley::daemon
