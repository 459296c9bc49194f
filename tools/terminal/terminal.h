// Thread rule: everything here belongs to the main thread, except what is said to be safe in signal handlers.
//
// The program's two outputs: standard output through a buffer that dies quietly when its reader goes away, and
// smiley's own words on standard error. Colours, width, Ctrl-C.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitNo = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitPipe = 141;  // what a shell shows for a program that SIGPIPE ended

// "smiley: " + message + newline on standard error. The message is made clean of control characters.
void Say(std::string_view message);
// Says the status and gives the exit code for it: kExitInterrupted for kInterrupted (saying nothing), else kExitNo.
int Fail(const Status& status);

// Standard output. Write collects; Flush, a full buffer and the end of the program write. When the reader has gone
// (EPIPE), the process ends at once with kExitPipe and without a word; any other failure is said and gives kExitNo.
class Output {
 public:
  static Output& Get();
  void Write(std::string_view text);
  void Flush();

 private:
  std::string buffer_;
};

enum class ColorChoice { kAuto, kAlways, kNever };
// kAuto: a terminal on `fd` that is not dumb, and no NO_COLOR in the environment.
bool UseColor(ColorChoice choice, int fd);
bool IsTerminal(int fd);
// True when the locale's characters are UTF-8 (then lines, arrows and dots may be used).
bool UnicodeLocale();
// Columns of the terminal on `fd` now; COLUMNS, else 0 when it is none.
std::size_t TerminalWidth(int fd);

// Ctrl-C, SIGTERM and SIGHUP make InterruptFd() readable from here on (nothing else happens by itself); SIGWINCH
// makes ResizeFd() readable; SIGPIPE is ignored. Called once by commands that wait for the daemon.
void WatchSignals();
int InterruptFd();  // -1 before WatchSignals()
bool Interrupted();
// The number of the terminal's size changes seen so far.
unsigned ResizeCount();
int ResizeFd();  // readable after a size change; DrainResize() empties it
void DrainResize();

// A line on standard error that is rewritten in place while something long goes on; nothing when that is no terminal.
class Progress {
 public:
  Progress();
  ~Progress();                         // clears the line
  void Show(const std::string& text);  // at most ten times a second reaches the terminal
  void Clear();

 private:
  bool terminal_;
  bool shown_ = false;
  long long last_ns_ = 0;
};

// SGR codes. Every style ends with kReset.
namespace sgr {
inline constexpr std::string_view kReset = "\x1b[0m";
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kGreen = "\x1b[32m";
inline constexpr std::string_view kYellow = "\x1b[33m";
inline constexpr std::string_view kBlue = "\x1b[34m";
inline constexpr std::string_view kMagenta = "\x1b[35m";
inline constexpr std::string_view kCyan = "\x1b[36m";
inline constexpr std::string_view kBoldRed = "\x1b[1;31m";
inline constexpr std::string_view kBoldGreen = "\x1b[1;32m";
inline constexpr std::string_view kBoldCyan = "\x1b[1;36m";
inline constexpr std::string_view kAlarm = "\x1b[1;30;43m";
}  // namespace sgr

// `text` in `style` when `color`, else as it is.
std::string Paint(bool color, std::string_view style, std::string_view text);

}  // namespace smiley::tools
