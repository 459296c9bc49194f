// Thread rule: Start and Stop on a thread that holds the GIL; the hooks themselves run on every Python thread.
//
// Where events come from. A hook source translates what one of the interpreter's mechanisms reports into calls on
// ThreadRecorder; everything else of the tracer does not know which mechanism it is.
#pragma once

#include <memory>
#include <string>

namespace smiley::tracer {

class HookSource {
 public:
  virtual ~HookSource() = default;
  // False: nothing was changed, *error says why in one line.
  virtual bool Start(std::string* error) = 0;
  virtual void Stop() = 0;
  // Recording goes on after events were left unrecorded: what was told not to come again comes again, and frames that
  // run already are watched. REQUIRES to be started; may be called from within a hook.
  virtual void Watch() = 0;
};

// What this CPython has best: the C trace function on 3.11 (the C profile function when only calls are wanted),
// sys.monitoring from 3.12 on.
//
// `c_calls`: calls of functions written in C as well.
std::unique_ptr<HookSource> MakeHooks(bool calls_only, bool c_calls);

}  // namespace smiley::tracer
