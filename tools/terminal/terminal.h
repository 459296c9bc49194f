// Thread rule: functions and objects belong to the main thread.
//
// The two outputs of a command, its exit codes, colours, the terminal's width, and signals.
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
inline constexpr int kExitPipe = 141;  // 128 + SIGPIPE, as shells report it

// Writes "smiley: ", the message without control characters, and a newline to standard error.
void Say(std::string_view message);
// Says the status and returns its exit code, kExitNo. For kInterrupted it says nothing and returns kExitInterrupted.
int Fail(const Status& status);

// Standard output, buffered. Flush and a full buffer write. When the reader has closed the pipe (EPIPE), the process
// exits at once with kExitPipe and without a message. After any other failure it says so and exits with kExitNo.
class Output {
 public:
  static Output& Get();
  void Write(std::string_view text);
  void Flush();

 private:
  std::string buffer_;
};

enum class ColorChoice { kAuto, kAlways, kNever };
// For kAuto: true when `fd` is a terminal that is not dumb, and NO_COLOR is not set.
bool UseColor(ColorChoice choice, int fd);
bool IsTerminal(int fd);
// True when the locale's encoding is UTF-8.
bool UnicodeLocale();
// The current columns of the terminal on `fd`. For other files: COLUMNS, or 0 when it is not set.
std::size_t TerminalWidth(int fd);

// Catches signals from here on: SIGINT, SIGTERM and SIGHUP make InterruptFd() readable, SIGWINCH makes ResizeFd()
// readable, SIGPIPE is ignored. A second SIGINT ends the process. Commands that wait for the daemon call it once.
void WatchSignals();
int InterruptFd();  // -1 before WatchSignals()
bool Interrupted();
// Number of size changes of the terminal so far.
unsigned ResizeCount();
int ResizeFd();  // readable after a size change, until DrainResize()
void DrainResize();

// A progress line on standard error, rewritten in place. Nothing is shown when standard error is not a terminal.
class Progress {
 public:
  Progress();
  ~Progress();                         // clears the line
  void Show(const std::string& text);  // writes at most ten times a second
  void Clear();

 private:
  bool terminal_;
  bool shown_ = false;
  long long last_ns_ = 0;  // monotonic time of the last write
};

// ANSI codes of styles. Each styled text ends with kReset.
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

// `text` with `style` around it when `color` is true, else `text`.
std::string Paint(bool color, std::string_view style, std::string_view text);

}  // namespace smiley::tools
