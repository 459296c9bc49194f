// Thread rule: plain references; the thread rule of each is in its own header. All outlive the server.
//
// The parts of the daemon that the handlers of requests need.
#pragma once

#include <cstdint>
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
  Archive& archive;                // the store and the events that are not stored yet, as one
  LiveView& live;                  // for "tail"
  RunRegistry& runs;               // the runs that are being recorded
  Store& store;                    // for requests that check or change stored runs
  std::uint64_t quota_bytes = 0;   // the store's quota in bytes; 0: no quota
  std::string listen;              // HOST:PORT where clients of other machines connect; empty: nowhere
  Forwarder* forwarder = nullptr;  // sends runs to other machines; null when the store is read without a daemon
};

}  // namespace smiley::daemon
