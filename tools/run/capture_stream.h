// Thread rule: Run on one thread of its own; Ended, WindowChanged and the questions from any other.
//
// One captured stream in the forwarding process: bytes go from the program's pipe or pseudo-terminal to where they
// would have gone, unchanged, and are then handed on to be recorded.
#pragma once

#include <termios.h>

#include <atomic>
#include <string>
#include <string_view>

#include "shm/ledger.h"
#include "tools/run/capture_record.h"
#include "tools/run/capture_sorter.h"

namespace smiley::tools {

class CaptureStream {
 public:
  // `stream`: 1 or 2. `in`: our end of the pipe, or the pseudo-terminal's master side (`terminal`); closed at the
  // end. `out`: where the bytes go. `news`: an eventfd that is raised when idle() or over() has become true.
  CaptureStream(int stream, int in, int out, bool terminal, const shm::Ledger* ledger, CaptureRecord* record,
                int news);
  // Until nobody has the other end any more, or nobody reads what is written.
  void Run();
  // The program has ended: idle() is true as soon as nothing more has come.
  void Ended();
  void WindowChanged() const;
  bool idle() const { return idle_.load(); }
  bool over() const { return over_.load(); }  // Run has nothing more to do

 private:
  void Take(std::string_view bytes);
  bool Forward(std::string_view bytes);
  bool Broken() const;
  void FollowModes();
  bool AddsReturns() const { return terminal_ && (modes_.c_oflag & OPOST) != 0 && (modes_.c_oflag & ONLCR) != 0; }

  void Tell(std::atomic<bool>* what);

  int stream_, in_, out_, news_;
  bool terminal_;
  CaptureRecord* record_;
  CaptureSorter sorter_;
  int wake_ = -1;
  std::atomic<bool> ended_{false}, idle_{false}, over_{false};
  termios modes_{};        // of both terminals
  bool returned_ = false;  // the last byte was a carriage return that the next one may show to be the terminal's own
};

}  // namespace smiley::tools
