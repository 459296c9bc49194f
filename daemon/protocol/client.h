// Thread rule: a Client belongs to one thread at a time.
//
// The client's end of a connection to a daemon: it sends request lines and reads answer lines and binary frames
// (daemon/protocol/PROTOCOL.md). Every wait ends: with data, at the deadline, when the daemon closes the connection,
// or when interrupt_fd becomes readable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class Client {
 public:
  struct Options {
    // How long connecting may take: a daemon that has just been started may not listen yet.
    std::chrono::milliseconds connect_timeout{2000};
    // Limit of one wait for data from the daemon, and of one wait to write to it; zero: no limit.
    std::chrono::milliseconds timeout{0};
    // A wait ends with kInterrupted when this descriptor (a signalfd, the read end of a pipe) becomes readable. The
    // client neither owns nor reads it. Negative: none.
    int interrupt_fd = -1;
  };
  // Connects to the home's daemon; never starts one. kGone: no daemon listens there. kForeign: the socket or its
  // listener belongs to another user.
  static Result<std::unique_ptr<Client>> Connect(const shm::Home& home, const Options& options);
  static Result<std::unique_ptr<Client>> Connect(const shm::Home& home) { return Connect(home, Options()); }
  // Uses a descriptor whose other end speaks the protocol already (through ssh or TLS). The client owns it from now
  // on.
  static std::unique_ptr<Client> Adopt(int fd, const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one request; adds the newline. REQUIRES no newline within `request`.
  Status Send(std::string_view request);
  // The next line without its newline. kGone: the daemon closed the connection. kBusy: no data before the deadline.
  // kInterrupted.
  Result<std::string> ReadLine();
  // Whether ReadLine would return at once. Reads the bytes that have arrived; never waits.
  bool LineReady();

  // Sends a request and reads its answer line. An answer with "ok":false becomes its Status. When a stream follows,
  // call NextLine or NextFrame until it returns false.
  Result<std::string> Ask(std::string_view request);
  // The next object of a stream of lines. False: the stream has ended; *line then holds the end line. An end line
  // with an error becomes its Status.
  Result<bool> NextLine(std::string* line);
  // The next frame of a binary stream. False: the stream has ended; *bytes then holds the end line. An end line with
  // an error becomes its Status.
  Result<bool> NextFrame(std::string* bytes);

  // Sends one frame of an import. REQUIRES 0 < bytes.size() <= kMaxFrameBytes. kGone may mean that the daemon refused
  // the import: its answer line then holds the reason.
  Status SendFrame(std::string_view bytes);
  // Ends the frames of an import.
  Status SendFramesEnd();
  // Reports that the source of the frames failed: the daemon then drops the import.
  Status SendFramesAbort();

  int fd() const { return fd_; }

  static constexpr std::size_t kMaxFrameBytes = 1u << 20;

 private:
  Client() = default;
  Status WriteAll(const char* data, std::size_t size);
  // Appends the bytes that have arrived to buffer_. Without `wait`: kBusy when there are none.
  Status Fill(bool wait);
  Status WaitFor(short events, std::chrono::steady_clock::time_point deadline, bool has_deadline);

  int fd_ = -1;
  Options options_;
  std::string buffer_;  // received bytes
  std::size_t at_ = 0;  // offset of the first unread byte in buffer_
};

// The Status of an answer line: ok, or its "error". kDamaged: the line is no answer.
Status StatusOfAnswer(std::string_view line);

}  // namespace smiley::daemon
