// Thread rule: functions of the main thread of smiley-run, which has no other threads.
//
// smiley-run --capture-fd: a process that stands between the program's standard output and error and where they lead.
// It is a process of its own, outside the program's session and with all signals blocked, since what the program
// leaves running may write on after both have ended. Where there was a terminal, the program gets a pseudo-terminal
// of the same modes and size for its output; its input and its controlling terminal stay what they were.
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

  // Makes pipes or terminals for those of descriptors 1 and 2 that are open, and the ledger. Nothing is left behind
  // on failure.
  Status Prepare(const shm::Home& home, const std::string& run);
  const std::string& ledger_path() const { return path_; }
  // Starts the forwarding process. `secrets` are masked in what is recorded. REQUIRES Prepare().
  Status Start(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
               const RunOptions& options, std::vector<std::string> secrets);

  // In the forked child, before exec: puts what was made in the places of 1 and 2.
  void TakePlaces() const;
  // In smiley-run: the program has its ends now, ours are closed.
  void ProgramHasThem();

  // The terminal's size has changed. True when the program has to be told once more, because its terminal has it only
  // now.
  bool WindowChanged();
  // The program has ended: waits until what it wrote has been forwarded and recorded. `interrupt_fd`: readable when
  // somebody wants to go. REQUIRES ProgramHasThem().
  void Finish(int interrupt_fd);

 private:
  struct Place {
    int ours = -1, theirs = -1;
    bool terminal = false;
  };
  [[noreturn]] void Forward(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                            const RunOptions& options, std::vector<std::string> secrets, int control);
  bool any() const { return places_[0].ours >= 0 || places_[1].ours >= 0; }
  bool MakePlace(int fd);
  void ClosePlaces();
  void Drop();

  Place places_[2];
  std::unique_ptr<shm::Ledger> ledger_;
  std::string path_;
  int control_ = -1;
  int forwarder_ = -1;
};

}  // namespace smiley::tools
