// Thread rule: call with the GIL held. Never runs the program's code.
//
// --where and --max-depth at record time: decide for each frame when it begins, over what is known then.
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
  // Fails with the line to show: a parse error, or what the expression asks that no frame knows when it begins.
  Status Parse(const std::string& expression);
  // Frames with so many recorded ones below them are left out; 0: none.
  void LimitDepth(std::size_t depth) { max_depth_ = depth; }
  // Whether a frame with `depth` recorded ones below it is within the limit.
  bool Reaches(std::size_t depth) const { return max_depth_ == 0 || depth < max_depth_; }
  bool active() const { return max_depth_ != 0 || expression_.has_value(); }
  bool Accepts(const SmileyFrame& frame, const CodeInfo& code, std::uint32_t thread, std::size_t depth,
               CaptureContext* context) const;

 private:
  std::optional<shm::Expression> expression_;
  std::size_t max_depth_ = 0;
};

}  // namespace smiley::tracer
