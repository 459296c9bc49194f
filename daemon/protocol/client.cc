#include "daemon/protocol/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/protocol/home_socket.h"
#include "daemon/protocol/json_object.h"
#include "daemon/protocol/request.h"
#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

Status MakeGone() { return Status(Code::kGone, "the daemon closed the connection: smiley-daemon status shows why"); }

std::string LengthPrefix(std::uint32_t length) {
  std::string out(4, '\0');
  for (int i = 0; i < 4; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(length >> (8 * i));
  return out;
}

}  // namespace

Status StatusOfAnswer(std::string_view line) {
  auto parsed = ParseAnswer(line);
  if (!parsed) return Status(Code::kDamaged, "the daemon's answer cannot be read: " + parsed.status().message());
  if (parsed->ok) return Status::Ok();
  return Status(CodeOfName(parsed->error_code), parsed->error_message);
}

Result<std::unique_ptr<Client>> Client::Connect(const shm::Home& home, const Options& options) {
  auto fd = ConnectToHome(home, options.connect_timeout, options.interrupt_fd);
  if (!fd) return fd.status();
  std::unique_ptr<Client> client(new Client());
  client->fd_ = *fd;
  client->options_ = options;
  return client;
}

std::unique_ptr<Client> Client::Adopt(int fd, const Options& options) {
  std::unique_ptr<Client> client(new Client());
  client->fd_ = fd;
  client->options_ = options;
  return client;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

Status Client::WaitFor(short events, SteadyClock::time_point deadline, bool has_deadline) {
  for (;;) {
    int wait_ms = -1;
    if (has_deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
      if (left <= 0) return Status(Code::kBusy, "the daemon did not answer in time");
      wait_ms = static_cast<int>(left);
    }
    pollfd fds[2] = {{fd_, events, 0}, {options_.interrupt_fd, POLLIN, 0}};
    const int ready = ::poll(fds, 2, wait_ms);
    if (ready < 0 && errno != EINTR) return Status::FromErrno("cannot wait for the daemon", errno);
    if (ready <= 0) continue;
    if (fds[1].revents != 0) return Status(Code::kInterrupted, "interrupted");
    if (fds[0].revents != 0) return Status::Ok();
  }
}

Status Client::WriteAll(const char* data, std::size_t size) {
  const bool has_deadline = options_.timeout.count() > 0;
  auto deadline = SteadyClock::now() + options_.timeout;
  while (size > 0) {
    const ssize_t written = ::send(fd_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written > 0) {
      data += written;
      size -= static_cast<std::size_t>(written);
      deadline = SteadyClock::now() + options_.timeout;
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (Status status = WaitFor(POLLOUT, deadline, has_deadline); !status) return status;
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) return MakeGone();
    return Status::FromErrno("cannot write to the daemon", errno);
  }
  return Status::Ok();
}

Status Client::Fill(bool wait) {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  } else if (at_ > (1u << 20)) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const bool has_deadline = options_.timeout.count() > 0;
  const auto deadline = SteadyClock::now() + options_.timeout;
  char bytes[64 * 1024];
  for (;;) {
    const ssize_t got = ::recv(fd_, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(got));
      return Status::Ok();
    }
    if (got == 0) return MakeGone();
    if (errno == EINTR) continue;
    if (errno == ECONNRESET) return MakeGone();
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Status::FromErrno("cannot read from the daemon", errno);
    if (!wait) return Status(Code::kBusy, "no data has arrived");
    if (Status status = WaitFor(POLLIN, deadline, has_deadline); !status) return status;
  }
}

Status Client::Send(std::string_view request) {
  SMILEY_REQUIRES(request.find('\n') == std::string_view::npos);
  std::string line(request);
  line += '\n';
  return WriteAll(line.data(), line.size());
}

Result<std::string> Client::ReadLine() {
  std::size_t looked = at_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', looked);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      return line;
    }
    const std::size_t unread = buffer_.size() - at_;
    if (Status status = Fill(true); !status) return status;
    looked = at_ + unread;
  }
}

bool Client::LineReady() {
  for (;;) {
    if (buffer_.find('\n', at_) != std::string::npos) return true;
    if (!Fill(false)) return false;
  }
}

Result<std::string> Client::Ask(std::string_view request) {
  Status sent = Send(request);
  // A daemon that closes the connection may have sent its reason before: that answer is read below.
  if (!sent && sent.code() != Code::kGone) return sent;
  auto line = ReadLine();
  if (!line) return line.status();
  if (Status status = StatusOfAnswer(*line); !status) return status;
  return line;
}

Result<bool> Client::NextLine(std::string* line) {
  auto next = ReadLine();
  if (!next) return next.status();
  *line = std::move(*next);
  if (line->rfind("{\"id\":", 0) != 0) return true;
  if (Status status = StatusOfAnswer(*line); !status) return status;
  return false;
}

Result<bool> Client::NextFrame(std::string* bytes) {
  const auto need = [this](std::size_t count) {
    while (buffer_.size() - at_ < count) {
      if (Status status = Fill(true); !status) return status;
    }
    return Status::Ok();
  };
  if (Status status = need(4); !status) return status;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(buffer_[at_ + i])) << (8 * i);
  }
  at_ += 4;
  if (length == 0 || length == 0xFFFFFFFFu) {
    auto end = ReadLine();
    if (!end) return end.status();
    *bytes = std::move(*end);
    if (Status status = StatusOfAnswer(*bytes); !status) return status;
    if (length != 0) return Status(Code::kDamaged, "the daemon ended the stream before it was complete: try again");
    return false;
  }
  if (length > kMaxFrameBytes) return Status(Code::kDamaged, "the daemon sent a frame that is too long");
  if (Status status = need(length); !status) return status;
  bytes->assign(buffer_, at_, length);
  at_ += length;
  return true;
}

Status Client::SendFrame(std::string_view bytes) {
  SMILEY_REQUIRES(!bytes.empty() && bytes.size() <= kMaxFrameBytes);
  const std::string prefix = LengthPrefix(static_cast<std::uint32_t>(bytes.size()));
  if (Status status = WriteAll(prefix.data(), prefix.size()); !status) return status;
  return WriteAll(bytes.data(), bytes.size());
}

Status Client::SendFramesEnd() {
  const std::string prefix = LengthPrefix(0);
  return WriteAll(prefix.data(), prefix.size());
}

Status Client::SendFramesAbort() {
  const std::string prefix = LengthPrefix(0xFFFFFFFFu);
  return WriteAll(prefix.data(), prefix.size());
}

}  // namespace smiley::daemon
