// Thread rule: a bundle of references; each says itself who may call it. All outlive the server.
//
// What the daemon's core offers to the server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "daemon/live/live_view.h"
#include "daemon/run/archive.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"
#include "shm/base/home.h"

namespace smiley::daemon {

class Forwarder;

struct Services {
  const shm::Home& home;
  Archive& archive;  // store and in-memory tail as one
  LiveView& live;
  RunRegistry& runs;
  Store& store;                        // import and check; Commit and DeleteRun lock, so any thread may call them
  std::function<void()> request_stop;  // returns at once; the daemon then stops the server and itself
  std::uint64_t quota_bytes = 0;       // what the store may take, 0 = no limit
  std::string listen;                  // HOST:PORT that the server listens on, empty = none
  Forwarder* forwarder = nullptr;      // sends runs to other machines; null where there is no daemon
};

}  // namespace smiley::daemon
