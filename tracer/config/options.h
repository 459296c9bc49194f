// Thread rule: written once before recording starts, read-only afterwards.
//
// The options of the recorder, with defaults applied.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shm/format.h"
#include "shm/redact.h"

namespace smiley::tracer {

enum class Detail { kCalls = 1, kLines = 2, kValues = 3, kArguments = 4 };

// Capture limits for each value (design: "Limits"). A cut value gives the amount that was left out.
struct Limits {
  int depth = 3;      // containers within containers
  int items = 64;     // per container
  int chars = 256;    // per string; bytes per bytes object
  int nodes = 512;    // per value
  int bytes = 4096;   // encoded, per value; at most shm::kMaxAttachmentBytes
  bool deep = false;  // compare nested parts at every touch, not only at calls, returns and exceptions
};

struct Options {
  Detail detail = Detail::kValues;
  shm::OnFull on_full = shm::OnFull::kBlock;
  std::uint64_t block_timeout_ns = 10'000'000'000;  // 0 = never wait
  std::size_t first_ring_bytes = 4u << 20;
  std::size_t ring_bytes = 256u << 10;
  std::size_t largest_ring_bytes = 1u << 20;  // for further threads that keep filling their ring
  std::vector<std::string> include, exclude;  // PACKAGE or GLOB
  bool include_stdlib = false;
  bool no_site_packages = false;
  bool follow = true;
  std::string where;                 // record-time expression, empty = none
  std::uint32_t max_frames = 0;      // recorded frames within frames, 0 = no limit
  std::string start_at, stop_after;  // see control.h, empty = none
  std::string explain;               // file to which the filters append their decisions, empty = none
  bool gc = false, imports = false, logs = false, c_calls = false;  // on request: see extras.h
  Limits limits;
  shm::Redactor redactor;
};

}  // namespace smiley::tracer
