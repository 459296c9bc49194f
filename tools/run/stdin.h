// Thread rule: an object belongs to the main thread.
//
// A program that comes through standard input: its text is kept for the run, and the program reads it as if nobody
// had looked. A file is read without moving its offset; a pipe is read to its end and given on through another pipe.
#pragma once

#include <string>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::tools {

class StdinSource {
 public:
  StdinSource() = default;
  ~StdinSource();
  StdinSource(const StdinSource&) = delete;
  StdinSource& operator=(const StdinSource&) = delete;

  // Reads standard input, unless it is a terminal or closed (then nothing happens), and writes the text to a file of
  // its own under the home. Waits for the writing end of a pipe, as Python does.
  Status Take(const shm::Home& home, const std::string& run);

  const std::string& file() const { return file_; }  // empty: nothing was taken
  int child_fd() const { return child_fd_; }         // what the program gets as descriptor 0; -1: as it is
  int feed_fd() const { return feed_fd_; }           // to be written when writable; -1: nothing (more) to feed
  void Feed();        // writes what fits now; closes when all is written or nobody reads
  void ChildHasIt();  // the program was started: closes our copy of its end
  void Remove();      // the tracer may have taken the file already

 private:
  std::string file_, text_;
  std::size_t fed_ = 0;
  int child_fd_ = -1, feed_fd_ = -1;
};

}  // namespace smiley::tools
