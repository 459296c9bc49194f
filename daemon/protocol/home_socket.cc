#include "daemon/protocol/home_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "shm/base/identity.h"

namespace smiley::daemon {
namespace {

// Owns a descriptor until Release().
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Set(int fd) { fd_ = fd; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

// Fills `address` for the home's socket; opens the directory when the path is too long for it.
Status MakeAddress(const shm::Home& home, Descriptor* directory, sockaddr_un* address) {
  std::memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  std::string path = home.SocketPath().string();
  if (path.size() > 100) {
    const int fd = ::open(home.dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return Status::FromErrno("cannot open " + home.dir.string(), errno);
    directory->Set(fd);
    path = "/proc/self/fd/" + std::to_string(fd) + "/" + home.SocketPath().filename().string();
  }
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  return Status::Ok();
}

Result<ucred> PeerOf(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Status::FromErrno("cannot find the user at the other end of the socket", errno);
  }
  return peer;
}

// The socket of a killed daemon accepts connections until the daemon's last thread has ended.
bool IsDying(int fd) {
  const auto peer = PeerOf(fd);
  return peer && peer->pid > 0 && !shm::StartTimeOf(peer->pid);
}

}  // namespace

Result<int> ListenOnHome(const shm::Home& home) {
  Descriptor directory;
  sockaddr_un address;
  if (Status status = MakeAddress(home, &directory, &address); !status) return status;
  const std::string path = home.SocketPath().string();
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return Status::FromErrno("cannot create a socket", errno);
  // bind() gives the socket file the descriptor's mode: no other user can connect before chmod() below.
  if (::fchmod(socket.get(), 0600) != 0) return Status::FromErrno("cannot set the mode of " + path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return Status::FromErrno("cannot remove the old " + path, errno);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Status::FromErrno("cannot create " + path, errno);
  }
  if (::chmod(path.c_str(), 0600) != 0) return Status::FromErrno("cannot set the mode of " + path, errno);
  if (::listen(socket.get(), 1024) != 0) return Status::FromErrno("cannot listen on " + path, errno);
  return socket.Release();
}

SocketFile SocketFile::Find(const shm::Home& home) {
  struct stat info {};
  if (::stat(home.SocketPath().c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino};
}

Result<int> ConnectToHome(const shm::Home& home, std::chrono::milliseconds timeout, int interrupt_fd) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Descriptor directory;
  sockaddr_un address;
  if (Status status = MakeAddress(home, &directory, &address); !status) return status;
  const Status no_daemon(Code::kGone, "no daemon runs for " + home.dir.string() + " (smiley-daemon start starts it)");
  for (;;) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return Status::FromErrno("cannot create a socket", errno);
    const bool connected = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    const int error = connected ? ECONNREFUSED : errno;
    if (connected && !IsDying(socket.get())) {
      if (Status status = CheckPeer(socket.get()); !status) return status;
      return socket.Release();
    }
    if (error != ENOENT && error != ECONNREFUSED && error != EAGAIN && error != EINTR) {
      return Status::FromErrno("cannot connect to " + home.SocketPath().string(), error);
    }
    if ((error == ENOENT || error == ECONNREFUSED) && !shm::DaemonHoldsLock(home)) return no_daemon;
    if (std::chrono::steady_clock::now() >= deadline) {
      if (error == EAGAIN) return Status(Code::kBusy, "the daemon accepts no connections: smiley-daemon restart");
      return no_daemon;
    }
    // A daemon holds the lock but does not listen (it starts or ends), or its queue is full: try again in 5 ms.
    pollfd interrupt{interrupt_fd, POLLIN, 0};
    if (::poll(&interrupt, 1, 5) > 0) return Status(Code::kInterrupted, "interrupted");
  }
}

Status CheckPeer(int fd) {
  const auto peer = PeerOf(fd);
  if (!peer) return peer.status();
  if (peer->uid != ::geteuid()) {
    return Status(Code::kForeign, "the other end of the socket belongs to user " + std::to_string(peer->uid));
  }
  return Status::Ok();
}

}  // namespace smiley::daemon
