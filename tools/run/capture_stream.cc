#include "tools/run/capture_stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

namespace smiley::tools {

namespace {

constexpr int kQuietMs = 200;  // after this time pending text is not part of a write of Python
constexpr int kIdleMs = 100;   // a quiet time after the program's end

bool Same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
         std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

// Replaces each "\r\n" by "\n".
std::string WithoutReturns(std::string_view bytes) {
  std::string plain;
  plain.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n') plain += bytes[i];
  }
  return plain;
}

}  // namespace

CaptureStream::CaptureStream(int stream, int in, int out, bool terminal, const shm::Ledger* ledger,
                             CaptureRecord* record, int news)
    : stream_(stream),
      in_(in),
      out_(out),
      news_(news),
      terminal_(terminal),
      record_(record),
      sorter_(ledger, stream),
      wake_(eventfd(0, EFD_CLOEXEC)) {
  if (terminal_) tcgetattr(in_, &modes_);
}

void CaptureStream::Run() {
  std::vector<char> buffer(64 * 1024);
  bool held = false;  // text is pending until the stream is quiet
  while (true) {
    std::array<pollfd, 3> waits{pollfd{in_, POLLIN, 0}, pollfd{out_, 0, 0}, pollfd{wake_, POLLIN, 0}};
    const bool ended = ended_.load();
    if (ended) waits[2].fd = -1;
    const int ready = poll(waits.data(), waits.size(), held ? kQuietMs : ended && !idle_.load() ? kIdleMs : -1);
    if (ready < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (ready == 0) {
      const std::string text = sorter_.Take(true);
      if (!text.empty()) record_->Add(stream_, text);
      record_->Flush(stream_);
      held = false;
      if (ended) Announce(&idle_);
      continue;
    }
    if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
      if ((waits[1].revents & (POLLERR | POLLHUP)) != 0) break;
      continue;
    }
    const ssize_t got = read(in_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;  // a pseudo-terminal without a writer fails with EIO
    idle_.store(false);
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (terminal_) FollowModes();
    const bool forwarded = Forward(bytes);
    Take(bytes);
    held = true;
    if (!forwarded || IsBroken()) break;
  }
  // From here on the program's writes fail, as they would without smiley.
  close(in_);
  std::string text = sorter_.Take(true);
  if (returned_) text += '\r';
  if (!text.empty()) record_->Add(stream_, text);
  record_->Flush(stream_);
  idle_.store(true);
  Announce(&over_);
}

void CaptureStream::Announce(std::atomic<bool>* flag) {
  flag->store(true);
  const std::uint64_t one = 1;
  if (write(news_, &one, sizeof one) < 0) return;  // the counter is full, so it is raised already
}

// The pseudo-terminal may write "\r\n" for "\n". The destination would add a second "\r", and the recorded text must
// equal the text that the program wrote.
bool CaptureStream::Forward(std::string_view bytes) {
  std::string plain;
  if (AddsReturns() && bytes.find('\r') != std::string_view::npos) {
    plain = WithoutReturns(bytes);
    bytes = plain;
  }
  while (!bytes.empty()) {
    const ssize_t done = write(out_, bytes.data(), bytes.size());
    if (done >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno == EAGAIN) {
      pollfd wait{out_, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void CaptureStream::Take(std::string_view bytes) {
  std::string plain;
  if (returned_) plain += '\r';
  returned_ = false;
  plain += bytes;
  if (AddsReturns()) {
    plain = WithoutReturns(plain);
    if (plain.ends_with('\r')) {
      returned_ = true;
      plain.pop_back();
    }
  }
  sorter_.Add(plain);
  if (const std::string text = sorter_.Take(false); !text.empty()) record_->Add(stream_, text);
}

bool CaptureStream::IsBroken() const {
  pollfd wait{out_, 0, 0};
  return poll(&wait, 1, 0) > 0 && (wait.revents & (POLLERR | POLLHUP)) != 0;
}

// Copies modes between the two terminals: those that the program set through its output, and those that it set on the
// destination through its input.
void CaptureStream::FollowModes() {
  termios inner, outer;
  if (tcgetattr(in_, &inner) != 0 || tcgetattr(out_, &outer) != 0) return;
  if (!Same(inner, modes_)) {
    tcsetattr(out_, TCSANOW, &inner);
    modes_ = inner;
  } else if (!Same(outer, modes_)) {
    tcsetattr(in_, TCSANOW, &outer);
    modes_ = outer;
  }
}

void CaptureStream::ResizeWindow() const {
  winsize size;
  if (terminal_ && ioctl(out_, TIOCGWINSZ, &size) == 0) ioctl(in_, TIOCSWINSZ, &size);
}

void CaptureStream::EndProgram() {
  ended_.store(true);
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0) return;  // the counter is full, so the thread is awake
}

}  // namespace smiley::tools
