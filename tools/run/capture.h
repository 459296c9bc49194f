// Thread rule: functions of the main thread of smiley-run, which has no other threads.
//
// smiley-run --capture-fd: a forwarding process between the program's output and its destination. It has a session of
// its own and blocks all signals, because children of the program may write after the program and smiley-run have
// ended. Where the destination is a terminal, the program's output is a pseudo-terminal of the same modes and size.
// Its input and its controlling terminal do not change.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "shm/ledger.h"
#include "tools/run/options.h"

namespace smiley::tools {

class Capture {
 public:
  Capture() = default;
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // Opens a pipe or pseudo-terminal for each of the descriptors 1 and 2 that is open, and creates the ledger. On
  // failure it leaves nothing behind.
  Status Prepare(const shm::Home& home, const std::string& run);
  const std::string& ledger_path() const { return path_; }
  // Starts the forwarding process. `secrets` are masked in recorded text. REQUIRES a successful Prepare().
  Status Start(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
               const RunOptions& options, std::vector<std::string> secrets);

  // In the forked child, before exec: makes the program's ends descriptors 1 and 2.
  void InstallInChild() const;
  // In smiley-run, after the fork: closes its copies of the program's ends.
  void CloseProgramEnds();

  // Gives the terminal's new size to the pseudo-terminals. True: the program needs another SIGWINCH, because the
  // first one may have come before the new size.
  bool ResizeWindow();
  // After the program's end: waits until its output is forwarded and recorded, or `interrupt_fd` is readable.
  // REQUIRES CloseProgramEnds().
  void Finish(int interrupt_fd);

 private:
  struct Channel {
    int ours = -1, theirs = -1;  // descriptors of the two ends; -1 = closed or not captured
    bool terminal = false;       // a pseudo-terminal, not a pipe
  };
  [[noreturn]] void Forward(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                            const RunOptions& options, std::vector<std::string> secrets, int control);
  bool any() const { return channels_[0].ours >= 0 || channels_[1].ours >= 0; }
  bool OpenChannel(int fd);
  void CloseChannels();
  void Drop();

  Channel channels_[2];  // standard output, standard error
  std::unique_ptr<shm::Ledger> ledger_;
  std::string path_;    // of the ledger; empty = none
  int control_ = -1;    // socket to the forwarding process; -1 = not started
  int forwarder_ = -1;  // pid of the forwarding process; -1 = not started or waited for
};

}  // namespace smiley::tools
