// Thread rule: call with the GIL held. Never runs the program's code.
//
// --where and --max-depth at record time. They decide for each frame when it begins, from the values that it has
// then.
#pragma once

#include <Python.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shm/expression/expression.h"
#include "tracer/code/code_info.h"
#include "tracer/interp/interp.h"
#include "tracer/values/capture_context.h"

namespace smiley::tracer {

class FrameFilter {
 public:
  // Parses --where. Fails with a line for the user: a parse error, or a field that is unknown when a frame begins.
  Status Parse(const std::string& expression);
  // Sets --max-depth: a frame with `depth` recorded frames below it is left out. 0: no limit.
  void LimitDepth(std::size_t depth) { max_depth_ = depth; }
  // Whether a frame with `depth` recorded frames below it is within the limit.
  bool Reaches(std::size_t depth) const { return max_depth_ == 0 || depth < max_depth_; }
  bool active() const { return max_depth_ != 0 || expression_.has_value(); }
  bool Accepts(const SmileyFrame& frame, const CodeInfo& code, std::uint32_t thread, std::size_t depth,
               CaptureContext* context) const;

 private:
  std::optional<shm::Expression> expression_;
  std::size_t max_depth_ = 0;
};

}  // namespace smiley::tracer
