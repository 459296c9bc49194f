// Thread rule: functions of the main thread; a NameKeeper belongs to one thread.
//
// Loads the source texts and thread names of a run into a renderer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "shm/base/status.h"
#include "tools/link/event_view.h"
#include "tools/link/link.h"
#include "tools/view/render.h"

namespace smiley::tools {

// Loads all sources and thread names of a stored run.
Status LoadNames(Link* link, const std::string& run, Renderer* renderer);

// Loads the names of a run while it is recorded. When an event has an unknown source or thread, it asks the daemon
// over a connection of its own. When the answer does not have the name, it waits longer before the next request.
class NameKeeper {
 public:
  explicit NameKeeper(Renderer* renderer) : renderer_(renderer) {}
  // Follows another run and forgets the names of the previous one.
  void Follow(const std::string& run);
  // Loads names if the renderer lacks the source or thread of `event`. `now_ns`: monotonic time.
  void Need(const EventView& event, std::int64_t now_ns);
  // The current record of the run.
  Result<RunView> AskRunAgain();

 private:
  Status Connect();
  Renderer* renderer_;
  std::unique_ptr<Link> link_;
  std::string run_;
  std::int64_t not_before_ns_ = 0;  // monotonic time of the next request, at the earliest
  std::int64_t pause_ns_ = 0;       // the last pause between two requests; 0 = none
};

}  // namespace smiley::tools
