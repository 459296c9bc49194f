// Thread rule: a function of the main thread.
//
// smiley-show --at: a thread as it stood at one event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/link/link.h"
#include "tools/link/run_view.h"
#include "tools/terminal/screen.h"

namespace smiley::tools {

struct StateOptions {
  std::string at;  // a place, as daemon/find/position.h reads it
  std::optional<std::uint64_t> thread;
  std::vector<std::string> steps;  // from there, one after the other: "next", "over", …
  bool json = false;
};
// The exit code.
int ShowState(Link* link, const RunView& run, const StateOptions& options, const Screen& screen);

}  // namespace smiley::tools
