#include "tools/terminal/terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "shm/clock.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

// Writes all bytes. Returns 0 or the errno.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{fd, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    } else if (Interrupted()) {
      ::_exit(kExitInterrupted);
    }
  }
  return 0;
}

int g_interrupt_pipe[2] = {-1, -1};
int g_resize_pipe[2] = {-1, -1};
std::atomic<int> g_interrupts{0};
std::atomic<unsigned> g_resizes{0};

void OnInterrupt(int) {
  const int saved = errno;
  // A second Ctrl-C ends the process at once.
  if (g_interrupts.fetch_add(1) >= 1) ::_exit(kExitInterrupted);
  const ssize_t written = ::write(g_interrupt_pipe[1], "i", 1);
  static_cast<void>(written);
  errno = saved;
}

void OnResize(int) {
  const int saved = errno;
  g_resizes.fetch_add(1);
  const ssize_t written = ::write(g_resize_pipe[1], "r", 1);
  static_cast<void>(written);
  errno = saved;
}

void Handle(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

void Say(std::string_view message) {
  const std::string line = "smiley: " + Clean(message) + "\n";
  WriteAll(STDERR_FILENO, line);
}

int Fail(const Status& status) {
  if (status.code() == Code::kInterrupted || Interrupted()) return kExitInterrupted;
  Say(status.message());
  return kExitNo;
}

Output& Output::Get() {
  static Output output;
  return output;
}

void Output::Write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= 64 * 1024) Flush();
}

void Output::Flush() {
  if (buffer_.empty()) return;
  std::string bytes;
  bytes.swap(buffer_);
  const int failure = WriteAll(STDOUT_FILENO, bytes);
  if (failure == 0) return;
  if (failure == EPIPE) ::_exit(kExitPipe);
  Say(std::string("cannot write the output: ") + std::strerror(failure));
  ::_exit(kExitNo);
}

bool IsTerminal(int fd) { return ::isatty(fd) == 1; }

bool UseColor(ColorChoice choice, int fd) {
  if (choice != ColorChoice::kAuto) return choice == ColorChoice::kAlways;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return IsTerminal(fd) && term != nullptr && std::strcmp(term, "dumb") != 0;
}

bool UnicodeLocale() {
  static const bool unicode = [] {
    setlocale(LC_CTYPE, "");
    const bool utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    setlocale(LC_CTYPE, "C");
    return utf8;
  }();
  return unicode;
}

std::size_t TerminalWidth(int fd) {
  winsize size{};
  if (IsTerminal(fd) && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS")) {
    const long n = std::strtol(columns, nullptr, 10);
    if (n >= 20 && n <= 10'000) return static_cast<std::size_t>(n);
  }
  return IsTerminal(fd) ? 80 : 0;
}

void WatchSignals() {
  if (g_interrupt_pipe[0] >= 0) return;
  if (::pipe2(g_interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
  if (::pipe2(g_resize_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
  Handle(SIGPIPE, SIG_IGN);
  Handle(SIGINT, OnInterrupt);
  Handle(SIGTERM, OnInterrupt);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) Handle(SIGHUP, OnInterrupt);  // nohup has SIGHUP ignored
  Handle(SIGWINCH, OnResize);
}

int InterruptFd() { return g_interrupt_pipe[0]; }
bool Interrupted() { return g_interrupts.load() > 0; }
unsigned ResizeCount() { return g_resizes.load(); }
int ResizeFd() { return g_resize_pipe[0]; }
void DrainResize() {
  char bytes[64];
  while (::read(g_resize_pipe[0], bytes, sizeof bytes) > 0) {
  }
}

Progress::Progress() : terminal_(IsTerminal(STDERR_FILENO)) {}
Progress::~Progress() { Clear(); }

void Progress::Show(const std::string& text) {
  if (!terminal_) return;
  const auto now = static_cast<long long>(shm::MonotonicNs());
  if (shown_ && now - last_ns_ < 100'000'000) return;
  last_ns_ = now;
  shown_ = true;
  const std::size_t width = TerminalWidth(STDERR_FILENO);
  WriteAll(STDERR_FILENO, "\r\x1b[K" + Cut(Clean("smiley: " + text), width > 1 ? width - 1 : 1, UnicodeLocale()));
}

void Progress::Clear() {
  if (!shown_) return;
  WriteAll(STDERR_FILENO, "\r\x1b[K");
  shown_ = false;
}

std::string Paint(bool color, std::string_view style, std::string_view text) {
  if (!color || text.empty() || style.empty()) return std::string(text);
  std::string out(style);
  out += text;
  out += sgr::kReset;
  return out;
}

}  // namespace smiley::tools
