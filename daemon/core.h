// Thread rule: Start and the destructor belong to one thread; each part has a thread rule of its own.
//
// The daemon without its process and its server: the store, archive, feed, drainer and background threads of one
// home, wired together. Tests start it as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "daemon/background/caretaker.h"
#include "daemon/background/forwarder.h"
#include "daemon/background/snapshot_maker.h"
#include "daemon/drain/drainer.h"
#include "daemon/live/live_archive.h"
#include "daemon/live/live_feed.h"
#include "daemon/live/live_view.h"
#include "daemon/query/services.h"
#include "daemon/settings.h"
#include "daemon/store/store.h"
#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class DaemonCore {
 public:
  struct Options {
    Settings settings;
    std::uint64_t reserve_bytes = 64u << 20;  // disk space that stays free; 0 = any may be used
    std::size_t feed_bytes = 32u << 20;       // memory of the live feed
    Drainer::Options drainer;
  };
  // REQUIRES that the process holds the home's daemon lock (tests: a home of their own).
  static Result<std::unique_ptr<DaemonCore>> Start(const shm::Home& home, Options options);
  // Drains and stores the words that are in the rings.
  ~DaemonCore();
  Services services();
  Store& store() { return *store_; }
  LiveArchive& archive() { return *archive_; }
  LiveFeed& feed() { return *feed_; }
  LiveView& live() { return *live_; }
  Drainer& drainer() { return *drainer_; }

 private:
  DaemonCore() = default;
  shm::Home home_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LiveArchive> archive_;
  std::unique_ptr<LiveFeed> feed_;
  std::unique_ptr<LiveView> live_;
  std::unique_ptr<Drainer> drainer_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<Caretaker> caretaker_;
  std::uint64_t quota_bytes_ = 0;
  std::unique_ptr<SnapshotKeeper> snapshots_;
};

}  // namespace smiley::daemon
