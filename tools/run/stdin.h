// Thread rule: a StdinSource belongs to the main thread.
//
// A program from standard input: its text is saved for the run, and the interpreter still reads the same bytes. A
// file is read without moving its offset. A pipe is read to its end, and its bytes are passed on through another
// pipe.
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

  // Reads standard input and writes its text to a file under the home. Does nothing when standard input is a terminal
  // or closed. Waits until the writer of a pipe closes its end, as Python does.
  Status Take(const shm::Home& home, const std::string& run);

  const std::string& file() const { return file_; }  // path of the saved text; empty = none
  int child_fd() const { return child_fd_; }         // descriptor 0 of the program; -1 = unchanged
  int feed_fd() const { return feed_fd_; }           // wait until it is writable and call Feed; -1 = all is written
  void Feed();           // writes as much as fits; closes feed_fd when all is written or the reader has gone
  void CloseChildEnd();  // after the fork: closes the copy of the program's end
  void Remove();         // removes the file, if the tracer did not

 private:
  std::string file_, text_;
  std::size_t fed_ = 0;
  int child_fd_ = -1, feed_fd_ = -1;
};

}  // namespace smiley::tools
