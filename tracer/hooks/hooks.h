// Thread rule: Start and Stop on a thread that holds the GIL; the hooks themselves run on every Python thread.
//
// The source of events. A hook source translates the reports of one mechanism of the interpreter into calls of
// ThreadRecorder. The rest of the tracer does not depend on the mechanism.
#pragma once

#include <memory>
#include <string>

namespace smiley::tracer {

class HookSource {
 public:
  virtual ~HookSource() = default;
  // Registers the hooks. False: nothing was changed, and *error holds the reason in one line.
  virtual bool Start(std::string* error) = 0;
  virtual void Stop() = 0;
  // Called when recording begins or continues. Enables events that were disabled before, and watches frames that run
  // already. REQUIRES a started source. May be called from within a hook.
  virtual void Watch() = 0;
};

// The hook source for this CPython: the C trace function on 3.11 (with `calls_only` the C profile function),
// sys.monitoring from 3.12 on. `c_calls`: calls of C functions are recorded, too.
std::unique_ptr<HookSource> MakeHooks(bool calls_only, bool c_calls);

}  // namespace smiley::tracer
