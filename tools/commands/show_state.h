// Thread rule: a function of the main thread.
//
// smiley-show --at: prints the state of a thread at one event.
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
  std::string at;  // a place (daemon/find/position.h)
  std::optional<std::uint64_t> thread;
  std::vector<std::string> steps;  // steps from that place, in order: "next", "over", …
  bool json = false;
};
// Returns the exit code. Says every message itself.
int ShowState(Link* link, const RunView& run, const StateOptions& options, const Screen& screen);

}  // namespace smiley::tools
