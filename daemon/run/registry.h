// Thread rule: every function may be called from any thread and returns without waiting for the disk or a program,
// except where it says so. Callbacks come from the drainer's thread: they must only post.
//
// The server's interface to the runs that are going on: begin, finish, wait until drained, delete, status.
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
  std::string run;  // id, chosen by the client (shm/base/run_id.h)
  std::vector<std::string> command;
  std::string cwd, name, detail;
  std::int64_t start_ns = 0;  // 0 = now
  // The process that will call Finish. If it dies before, the run ends with its last process. nullopt: none.
  std::optional<shm::ProcessIdentity> launcher;
};

struct Drained {
  bool drained = false;  // false: the time is up, or the run does not exist
  RunInfo run;
  std::vector<std::uint32_t> alive;  // pids of the run's processes that still record
};

struct RingStatus {
  std::string run;
  std::uint32_t process = 0, pid = 0, thread = 0;  // thread: 0 = no thread writes to the ring
  std::uint64_t bytes = 0;                         // size
  double fill = 0;                                 // 0 to 1: the part that is published and not freed
  bool dropping = false, in_file = false;
  std::string on_full;  // "block" | "drop" | "overwrite"
};
struct RunStatus {
  RunInfo run;
  double events_per_second = 0, bytes_per_second = 0;  // of ring words, over the last second or so
  std::uint32_t live_processes = 0;
};
// A run that is sent to another machine (daemon/background/forwarder.h).
struct ForwardStatus {
  enum class State { kRecording, kWaiting, kSending };
  std::string run, to;  // HOST:PORT
  State state = State::kRecording;
  std::string error;  // of the last try; empty = it did not fail, or there was none
  std::uint64_t sent_bytes = 0;
};
struct DaemonStatus {
  std::uint32_t pid = 0;
  std::string version, home;
  std::string store;  // directory; the server fills it in
  std::int64_t start_ns = 0;
  std::vector<RunStatus> runs;  // the ones that are going on
  std::vector<RingStatus> rings;
  std::uint64_t runs_stored = 0, store_bytes = 0, free_bytes = 0, memory_bytes = 0, in_flight_bytes = 0;
  std::uint64_t quota_bytes = 0;  // of the store; 0 = no limit
  std::string listen;             // HOST:PORT; empty = only the UNIX socket
  std::uint64_t lost = 0;         // events of the runs that are going on
  std::uint32_t watchers = 0;     // clients of tail; the server fills it in
  std::vector<ForwardStatus> forwarding;
  std::string bottleneck;  // "none" | "drain" | "store" | "disk"
  std::string problem;     // one line: the problem and the next step; empty = none
};

class RunRegistry {
 public:
  virtual ~RunRegistry() = default;
  // From here on Archive::FindRun and the live feed show the run. kInvalid: a bad id, or one that is taken.
  virtual Status Begin(const BeginRun& begin) = 0;
  // Records how the first process ended: exactly one of exit_code and signal. kInvalid, kNotFound.
  virtual Status Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) = 0;
  // Stores the words that are in the rings of a run that is held back (--dump-on). kNotFound: it is not going on.
  virtual Status Dump(const std::string& run) = 0;
  // Calls `done` once: when the first process of the run has ended and everything that it recorded is stored, or
  // after `timeout`. A program that was never traced counts as drained when the segments have been listed.
  virtual void WhenDrained(const std::string& run, std::chrono::milliseconds timeout,
                           std::function<void(Drained)> done) = 0;
  // Likewise, but waits for the answer.
  virtual Drained WaitDrained(const std::string& run, std::chrono::milliseconds timeout) = 0;
  // kBusy: the run is going on. May wait some milliseconds for the disk.
  virtual Status Delete(const std::string& run) = 0;
  virtual DaemonStatus ReadStatus() = 0;
};

}  // namespace smiley::daemon
