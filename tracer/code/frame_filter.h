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
  // Parses --where. Fails when it cannot be parsed or asks for a field that is unknown when a frame begins. The
  // error's message is a line for the user.
  Status Parse(const std::string& expression);
  // Sets --max-depth: a frame that has `depth` recorded callers is left out. 0: no limit.
  void LimitDepth(std::size_t depth) { max_depth_ = depth; }
  // Whether a frame that has `depth` recorded callers is within the limit.
  bool Reaches(std::size_t depth) const { return max_depth_ == 0 || depth < max_depth_; }
  // Whether there is a limit or an expression.
  bool active() const { return max_depth_ != 0 || expression_.has_value(); }
  // Whether to record a frame that begins: it is within the limit, and --where holds for its present values.
  // `thread`: the thread's number. `depth`: the number of the frame's recorded callers.
  bool Accepts(const SmileyFrame& frame, const CodeInfo& code, std::uint32_t thread, std::size_t depth,
               CaptureContext* context) const;

 private:
  std::optional<shm::Expression> expression_;
  std::size_t max_depth_ = 0;
};

}  // namespace smiley::tracer
