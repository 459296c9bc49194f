// Thread rule: any thread; plain functions.
//
// The process record of a catalogue (shm/FORMAT.md, "Catalogue").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::daemon {

// Members that the record does not have are empty or 0.
struct ProcessRecord {
  std::vector<std::string> command;
  std::string python, kind, cwd, detail, run_name;
  std::uint64_t started_mono_ns = 0;
  std::uint64_t parent_token = 0;
  bool hold = false;  // the rings are drained only when the run is dumped, or when the process has ended
};
// Reads as many members as are sound: the payload is hostile.
ProcessRecord ReadProcessRecord(std::string_view payload);

}  // namespace smiley::daemon
