#include "daemon/core.h"

#include <utility>

#include "shm/base/test_point.h"

namespace smiley::daemon {

Result<std::unique_ptr<DaemonCore>> DaemonCore::Start(const shm::Home& home, Options options) {
  std::unique_ptr<DaemonCore> core(new DaemonCore);
  core->home_ = home;
  Store::Options store;
  store.dir = StoreDir(home, options.settings);
  store.reserve_bytes = options.reserve_bytes;
  auto opened = Store::Open(store);
  if (!opened.ok()) return opened.status();
  core->store_ = std::move(*opened);
  SMILEY_TEST_POINT("daemon.opened");
  core->archive_ = std::make_unique<LiveArchive>(*core->store_);
  core->feed_ = std::make_unique<LiveFeed>(options.feed_bytes);
  core->live_ = std::make_unique<LiveView>(*core->archive_, *core->feed_);
  const auto log = options.drainer.log;
  auto drainer =
      Drainer::Start(core->home_, *core->store_, *core->archive_, *core->feed_, std::move(options.drainer));
  if (!drainer.ok()) return drainer.status();
  core->drainer_ = std::move(*drainer);
  Forwarder::Options forward;
  forward.log = log;
  core->forwarder_ = std::make_unique<Forwarder>(core->home_, *core->archive_, *core->drainer_, std::move(forward));
  core->quota_bytes_ = options.settings.quota_bytes;
  if (core->quota_bytes_ != 0) {
    Caretaker::Options care;
    care.quota_bytes = core->quota_bytes_;
    care.log = log;
    care.holds = [forwarder = core->forwarder_.get()](const std::string& run) { return forwarder->Holds(run); };
    core->caretaker_ = std::make_unique<Caretaker>(*core->store_, *core->archive_, *core->drainer_, std::move(care));
  }
  core->snapshots_ = std::make_unique<SnapshotKeeper>(
      *core->store_, SnapshotKeeper::Watch{[drainer = core->drainer_.get()] { return drainer->drained(); },
                                           [archive = core->archive_.get()] { return archive->DerivedAsked(); }});
  return core;
}

DaemonCore::~DaemonCore() {
  caretaker_.reset();
  forwarder_.reset();
  snapshots_.reset();
  if (drainer_) drainer_->Stop();
}

Services DaemonCore::services() {
  return {home_, *archive_, *live_, *drainer_, *store_, quota_bytes_, {}, forwarder_.get()};
}

}  // namespace smiley::daemon
