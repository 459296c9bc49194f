// Thread rule: plain functions; NameKeeper belongs to one thread.
//
// What a renderer must know of a run besides its events: source texts and thread names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "shm/base/status.h"
#include "tools/link/event_view.h"
#include "tools/link/link.h"
#include "tools/view/render.h"

namespace smiley::tools {

// Reads all of them once.
Status LoadNames(Link* link, const std::string& run, Renderer* renderer);

// For a run that is going on: asks again, over a connection of its own, when an event names a source or a thread that
// is not known yet, and seldom when asking did not help.
class NameKeeper {
 public:
  explicit NameKeeper(Renderer* renderer) : renderer_(renderer) {}
  void Follow(const std::string& run);  // forgets the run before
  void Need(const EventView& event, std::int64_t now_ns);
  // The run as it is known now.
  Result<RunView> AskRunAgain();

 private:
  Status Connect();
  Renderer* renderer_;
  std::unique_ptr<Link> link_;
  std::string run_;
  std::int64_t not_before_ns_ = 0;
  std::int64_t pause_ns_ = 0;
};

}  // namespace smiley::tools
