// Thread rule: any thread; a thread of its own sends. Callers never wait for the network.
//
// Sends runs to the machine where they belong (smiley-run --remote). Such a run is recorded and stored here like any
// other. When it has ended, it is sent; when the other daemon has stored it, it is deleted here. Each job is a file
// in the home, so that the next daemon continues it. Imports are idempotent: the other daemon stores a run that is
// sent twice only once.
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
    std::chrono::milliseconds first_pause{500};  // after a failure; doubles with each further one
    std::chrono::milliseconds longest_pause{30'000};
    std::chrono::milliseconds patience{120'000};  // longest silence of the other end
    std::function<void(const std::string&)> log;  // takes a line when something changes; may be empty
  };
  // Reads the jobs in the home and continues them. All references must outlive the forwarder.
  Forwarder(const shm::Home& home, Archive& archive, RunRegistry& runs, Options options);
  // Aborts a transfer; the next forwarder of the home begins it again.
  ~Forwarder();

  // Adds the job to send the run to `address`. Ok: the job is on disk. kInvalid: no valid run id, address or token.
  Status Add(const std::string& run, const std::string& address, const std::string& token);
  // Removes the job of a run that never began.
  void Forget(const std::string& run);
  // True when the run has a job: it is not on the other machine yet.
  bool Holds(const std::string& run) const;
  std::vector<ForwardStatus> ReadStatus() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string address;
    Token token;
    ForwardStatus::State state = ForwardStatus::State::kRecording;
    std::string error;
    std::uint64_t sent_bytes = 0;
    Clock::time_point next_try{};
    Clock::time_point known{};  // when the archive last had the run, or when the job was added or read
    std::chrono::milliseconds pause{0};
  };
  void Load();
  void Loop();
  // Carries one job as far as is possible now.
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
