// Thread rule: any thread; the sending is done by a thread of its own. Callers never wait for the network.
//
// Runs that belong on another machine (smiley-run --remote): recorded and stored here as any other, sent over there
// when they have ended, removed here when the daemon over there has said that they are stored. What is still to be
// sent is told by files in the home, so it outlives this process. Sending the same run twice leaves one (imports are
// idempotent).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/protocol/remote_access.h"
#include "daemon/run/archive.h"
#include "daemon/run/registry.h"
#include "shm/base/home.h"
#include "shm/base/mutex.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class Forwarder {
 public:
  struct Options {
    std::chrono::milliseconds first_pause{500};  // after a failure; doubles with each that follows
    std::chrono::milliseconds longest_pause{30'000};
    std::chrono::milliseconds patience{120'000};  // how long the other end may say nothing
    std::function<void(const std::string&)> log;  // a line when something changes; may be empty
  };
  // Takes up what the home says. All outlive it.
  Forwarder(const shm::Home& home, Archive& archive, RunRegistry& runs, Options options);
  // Breaks off what is being sent; the next one begins it again.
  ~Forwarder();

  // From here on the run is to be sent to `address`; written down when ok. kInvalid: no run id, address or token.
  Status Add(const std::string& run, const std::string& address, const std::string& token);
  // The run is not to be sent (it never began).
  void Forget(const std::string& run);
  // Still to be sent.
  bool Holds(const std::string& run) const;
  std::vector<ForwardStatus> Snapshot() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string address;
    Token token;
    ForwardStatus::State state = ForwardStatus::State::kRecording;
    std::string error;
    std::uint64_t sent_bytes = 0;
    Clock::time_point next_try{};
    Clock::time_point known{};  // when the run was last there
    std::chrono::milliseconds pause{0};
  };
  void Load();
  void Loop();
  // Looks at one job; true when there may be more to do at once.
  void Look(const std::string& run);
  Status Send(const std::string& run, const Job& job);
  void Done(const std::string& run, const std::string& what);
  void Say(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  const std::filesystem::path dir_;
  Archive& archive_;
  RunRegistry& runs_;
  const Options options_;
  int stop_fd_ = -1;
  mutable shm::Mutex mutex_;
  shm::Condition wake_;
  std::map<std::string, Job> jobs_ SMILEY_GUARDED_BY(mutex_);
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace smiley::daemon
