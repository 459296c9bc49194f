// Thread rule: Run has a thread of its own; every other function may be called by another thread.
//
// One captured stream in the forwarding process. Bytes are forwarded unchanged from the program's pipe or
// pseudo-terminal to their destination, and then recorded.
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
  // `stream`: 1 or 2. `in`: the reading end of the pipe, or the master of the pseudo-terminal (`terminal`); Run
  // closes it. `out`: the destination. `news`: an eventfd that is raised when idle() or over() becomes true.
  CaptureStream(int stream, int in, int out, bool terminal, const shm::Ledger* ledger, CaptureRecord* record,
                int news);
  // Forwards until every writer has closed its end, or the reader of the destination has gone.
  void Run();
  // The program has ended: idle() becomes true when no more bytes come.
  void EndProgram();
  void ResizeWindow() const;
  bool idle() const { return idle_.load(); }
  bool over() const { return over_.load(); }  // Run has finished

 private:
  void Take(std::string_view bytes);
  bool Forward(std::string_view bytes);
  bool IsBroken() const;
  void FollowModes();
  bool AddsReturns() const { return terminal_ && (modes_.c_oflag & OPOST) != 0 && (modes_.c_oflag & ONLCR) != 0; }

  // Sets a flag and raises news_.
  void Announce(std::atomic<bool>* flag);

  int stream_, in_, out_, news_;
  bool terminal_;
  CaptureRecord* record_;
  CaptureSorter sorter_;
  int wake_ = -1;
  std::atomic<bool> ended_{false}, idle_{false}, over_{false};
  termios modes_{};        // the modes of both terminals
  bool returned_ = false;  // the last byte was a carriage return; the next byte shows whether the terminal added it
};

}  // namespace smiley::tools
