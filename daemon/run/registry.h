// Thread rule: every function may be called from any thread and returns without waiting for the disk or a program,
// except where it says so. Callbacks come from the drainer's thread: they must only post.
//
// The runs that are going on, as the server sees them: begin, finish, wait until drained, delete, status.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "shm/base/identity.h"
#include "shm/base/status.h"

namespace smiley::daemon {

struct BeginRun {
  std::string run;  // id, made by the client (shm::NewRunId)
  std::vector<std::string> command;
  std::string cwd, name, detail;
  std::int64_t start_ns = 0;  // 0 = now
  // Who will call Finish. When it dies without doing so, the run ends with its last process.
  std::optional<shm::ProcessIdentity> launcher;
};

struct Drained {
  bool drained = false;  // false: time ran out, or the run does not exist any more
  RunInfo run;
  std::vector<std::uint32_t> alive;  // pids of the run that still record
};

struct RingStatus {
  std::string run;
  std::uint32_t process = 0, pid = 0, thread = 0;  // thread 0 = idle ring
  std::uint64_t bytes = 0;                         // size
  double fill = 0;                                 // 0..1: published and not yet freed
  bool dropping = false, in_file = false;
  std::string on_full;  // "block" | "drop" | "overwrite"
};
struct RunStatus {
  RunInfo run;
  double events_per_second = 0, bytes_per_second = 0;  // of ring words, over the last second or so
  std::uint32_t live_processes = 0;
};
// A run that is to be sent to another machine (forwarder.h).
struct ForwardStatus {
  enum class State { kRecording, kWaiting, kSending };
  std::string run, to;  // HOST:PORT
  State state = State::kRecording;
  std::string error;  // of the last try, empty = none failed
  std::uint64_t sent_bytes = 0;
};
struct DaemonStatus {
  std::uint32_t pid = 0;
  std::string version, home;
  std::string store;  // filled in by who knows it
  std::int64_t start_ns = 0;
  std::vector<RunStatus> runs;  // those going on
  std::vector<RingStatus> rings;
  std::uint64_t runs_stored = 0, store_bytes = 0, free_bytes = 0, memory_bytes = 0, in_flight_bytes = 0;
  std::uint64_t quota_bytes = 0;  // of the store; 0 = none
  std::string listen;             // HOST:PORT; empty = the UNIX socket only
  std::uint64_t lost = 0;         // of the runs going on
  std::uint32_t watchers = 0;     // clients of tail: the server fills it in
  std::vector<ForwardStatus> forwarding;
  std::string bottleneck;  // "none" | "drain" | "store" | "disk"
  std::string problem;     // what is wrong and what to do, empty = nothing
};

class RunRegistry {
 public:
  virtual ~RunRegistry() = default;
  // The run is known from here on (Archive::FindRun, feed). kInvalid: bad id or known already.
  virtual Status Begin(const BeginRun& begin) = 0;
  // How the first process ended. Exactly one of exit_code and signal. kNotFound.
  virtual Status Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) = 0;
  // A run that is held back (--dump-on): what is in its rings now is stored. kNotFound.
  virtual Status Dump(const std::string& run) = 0;
  // Calls `done` once: when the first process of the run has ended and all that it recorded is stored, or after
  // `timeout`. A program that was never traced counts as drained as soon as the segments were looked through.
  virtual void WhenDrained(const std::string& run, std::chrono::milliseconds timeout,
                           std::function<void(Drained)> done) = 0;
  // The same, waiting.
  virtual Drained WaitDrained(const std::string& run, std::chrono::milliseconds timeout) = 0;
  // kBusy while it is going on. May wait for the disk for some milliseconds.
  virtual Status Delete(const std::string& run) = 0;
  virtual DaemonStatus Snapshot() = 0;
};

}  // namespace smiley::daemon
