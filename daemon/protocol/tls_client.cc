#include "daemon/protocol/tls_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

#include "daemon/protocol/client.h"
#include "daemon/protocol/hex.h"

namespace smiley::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::size_t kMaxAnswer = 4096;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, ContextFree>;
using Ssl = std::unique_ptr<SSL, SslFree>;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Waits for data. A wait ends at the deadline, and when interrupt_fd becomes readable.
struct Waiter {
  SteadyClock::time_point deadline;
  int interrupt_fd;     // negative: none
  std::string address;  // of the daemon, for messages

  Status Wait(int fd, short events) const {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
      if (left <= 0) return Status(Code::kGone, address + " did not answer in time");
      pollfd fds[2] = {{fd, events, 0}, {interrupt_fd, POLLIN, 0}};
      const int ready = ::poll(fds, 2, static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return Status::FromErrno("cannot wait for " + address, errno);
      if (ready <= 0) continue;
      if (fds[1].revents != 0) return Status(Code::kInterrupted, "interrupted");
      if (fds[0].revents != 0) return {};
    }
  }
};

Result<int> ConnectTcp(const Address& address, const Waiter& waiter) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found); failed != 0) {
    return Status(Code::kGone, "cannot find " + address.host + ": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, ::freeaddrinfo);
  Status last(Code::kGone, "cannot find " + address.host);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Descriptor socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    if (socket.get() < 0) continue;
    int error = 0;
    if (::connect(socket.get(), at->ai_addr, at->ai_addrlen) != 0) error = errno;
    if (error == EINPROGRESS) {
      if (const Status waited = waiter.Wait(socket.get(), POLLOUT); !waited.ok()) return waited;
      socklen_t size = sizeof error;
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1, idle = 30, between = 10, unanswered_ms = 60'000;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
      return socket.Release();
    }
    const Status status = Status::FromErrno("cannot connect to " + waiter.address, error);
    last =
        Status(Code::kGone, error == ECONNREFUSED ? "nobody listens on " + waiter.address +
                                                        ": start it there with smiley-daemon start --listen HOST:PORT"
                                                  : status.message());
  }
  return last;
}

// Repeats one step of TLS until it succeeds. `step` returns the result of an SSL_* function.
template <typename Step>
Status RunTlsStep(SSL* ssl, int fd, const Waiter& waiter, Step step) {
  for (;;) {
    const int result = step();
    if (result > 0) return {};
    const int why = SSL_get_error(ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      return Status(Code::kGone, waiter.address + " closed the connection, or does not speak TLS as smiley does");
    }
    if (const Status waited = waiter.Wait(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT); !waited.ok())
      return waited;
  }
}

std::string FingerprintOf(SSL* ssl) {
  std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) return {};
  return FormatHex(digest, size);
}

Status SendToken(SSL* ssl, int fd, const Token& token, const Waiter& waiter) {
  const std::string line = "{\"op\":\"auth\",\"token\":\"" + token.secret + "\"}\n";
  const auto write = [&] { return SSL_write(ssl, line.data(), static_cast<int>(line.size())); };
  if (const Status written = RunTlsStep(ssl, fd, waiter, write); !written.ok()) return written;
  std::string answer;
  while (answer.empty() || answer.back() != '\n') {  // byte by byte: later bytes belong to the session
    char byte = 0;
    const auto read = [&] { return SSL_read(ssl, &byte, 1); };
    if (const Status got = RunTlsStep(ssl, fd, waiter, read); !got.ok()) return got;
    answer += byte;
    if (answer.size() > kMaxAnswer)
      return Status(Code::kForeign, waiter.address + " is no smiley daemon: check HOST:PORT");
  }
  answer.pop_back();
  return StatusOfAnswer(answer);
}

// Copies bytes between the network and the local end until one of them ends.
class Carrier {
 public:
  Carrier(Context context, Ssl ssl, Descriptor net, Descriptor local)
      : context_(std::move(context)), ssl_(std::move(ssl)), net_(std::move(net)), local_(std::move(local)) {}

  void Run() {
    while (!broken_ && !(local_ended_ && net_ended_ && in_.empty())) {
      const bool moved = Step();
      if (moved || broken_) continue;
      pollfd fds[2] = {{net_.get(), 0, 0}, {local_.get(), 0, 0}};
      if (!net_ended_ && in_.empty()) fds[0].events |= POLLIN;
      if (want_write_) fds[0].events |= POLLOUT;
      if (!local_ended_ && out_.empty()) fds[1].events |= POLLIN;
      if (!in_.empty()) fds[1].events |= POLLOUT;
      if (fds[0].events == 0) fds[0].fd = -1;  // else poll() reports a closed connection at once, again and again
      if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
      const bool unread = (fds[1].revents & (POLLHUP | POLLERR)) != 0;  // the local end is closed
      if (unread && (local_ended_ || fds[1].events == 0)) return;
    }
  }

 private:
  // Copies the bytes that can be copied without waiting. False: none.
  bool Step() {
    bool moved = false;
    want_write_ = false;
    if (!local_ended_ && out_.empty()) {
      char bytes[kBuffer];
      const ssize_t got = ::recv(local_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0) out_.assign(bytes, static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) local_ended_ = true;
      moved = moved || got >= 0;
    }
    if (!out_.empty()) {
      const int put = SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
      if (put > 0) {
        out_.erase(0, static_cast<std::size_t>(put));
        moved = true;
      } else {
        HandleError(put);
      }
    } else if (local_ended_ && !said_goodbye_) {
      SSL_shutdown(ssl_.get());
      said_goodbye_ = true;
    }
    if (!net_ended_ && in_.empty() && !broken_) {
      char bytes[kBuffer];
      const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
      if (got > 0) {
        in_.assign(bytes, static_cast<std::size_t>(got));
        moved = true;
      } else {
        HandleError(got);
      }
    }
    if (!in_.empty()) {
      const ssize_t put = ::send(local_.get(), in_.data(), in_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) in_.erase(0, static_cast<std::size_t>(put));
      if (put < 0 && errno != EAGAIN && errno != EINTR) broken_ = true;
      moved = moved || put > 0;
    }
    if (net_ended_ && in_.empty()) {
      ::shutdown(local_.get(), SHUT_WR);
      if (out_.empty() || local_ended_) broken_ = true;  // a daemon that has ended its answers reads no more requests
    }
    return moved;
  }
  void HandleError(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return;
      case SSL_ERROR_WANT_WRITE:
        want_write_ = true;
        return;
      default:
        net_ended_ = true;
        out_.clear();
        local_ended_ = true;
    }
  }

  Context context_;
  Ssl ssl_;
  Descriptor net_, local_;
  std::string out_, in_;  // bytes on their way to the network, and to the local end
  bool local_ended_ = false, net_ended_ = false, said_goodbye_ = false, want_write_ = false, broken_ = false;
};

}  // namespace

Result<int> ConnectTls(const std::string& address, const Token& token, std::chrono::milliseconds timeout,
                       int interrupt_fd) {
  const auto parsed = ParseAddress(address);
  if (!parsed.ok()) return parsed.status();
  // The thread below may still run while the process exits: OpenSSL must not free its state at exit.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  const Waiter waiter{SteadyClock::now() + timeout, interrupt_fd, address};
  auto connected = ConnectTcp(*parsed, waiter);
  if (!connected.ok()) return connected.status();
  Descriptor net(*connected);
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Status(Code::kIo, "cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  Ssl ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), net.get()) != 1) return Status(Code::kIo, "cannot set up TLS");
  // A write to a closed connection raises SIGPIPE in the writing thread.
  sigset_t pipe, before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const auto shake = [&] { return SSL_connect(ssl.get()); };
  Status status = RunTlsStep(ssl.get(), net.get(), waiter, shake);
  if (status.ok() && !SameSecret(FingerprintOf(ssl.get()), token.fingerprint)) {
    status = Status(Code::kForeign, "the token is for another daemon than the one on " + address +
                                        ": get its token there with smiley-daemon token. If that is the same "
                                        "token, another machine intercepts the connection");
  }
  if (status.ok()) status = SendToken(ssl.get(), net.get(), token, waiter);
  int ends[2] = {-1, -1};
  if (status.ok() && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    status = Status::FromErrno("cannot create a socket", errno);
  if (status.ok()) {
    auto carrier = std::make_unique<Carrier>(std::move(context), std::move(ssl), std::move(net), Descriptor(ends[1]));
    std::thread([carrier = std::move(carrier)] { carrier->Run(); }).detach();  // inherits the blocked SIGPIPE
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!status.ok()) return status;
  return ends[0];
}

}  // namespace smiley::daemon
