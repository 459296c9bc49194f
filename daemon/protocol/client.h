// Thread rule: a Client belongs to one thread at a time.
//
// One connection to a home's daemon: request lines out, answer lines and binary frames in
// (daemon/protocol/PROTOCOL.md). Every wait ends: by data, by the deadline, by the daemon going away, or by
// interrupt_fd becoming readable.
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
    // How long connecting may take (a daemon that has just been started may not listen yet).
    std::chrono::milliseconds connect_timeout{2000};
    // Default deadline of one wait for data from the daemon, and of one write to it; zero = no limit.
    std::chrono::milliseconds timeout{0};
    // When >= 0 and readable (a signalfd, the read end of a pipe), a wait ends with kInterrupted. Not owned, not
    // read.
    int interrupt_fd = -1;
  };
  // kGone: no daemon listens there ("smiley-daemon start" starts one); kForeign: the socket or its listener is
  // somebody else's. Never starts a daemon: the tools do that.
  static Result<std::unique_ptr<Client>> Connect(const shm::Home& home, const Options& options);
  static Result<std::unique_ptr<Client>> Connect(const shm::Home& home) { return Connect(home, Options()); }
  // Over a descriptor that speaks the protocol already (an ssh, a TLS connection); takes it over.
  static std::unique_ptr<Client> Over(int fd, const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one request; adds the newline. REQUIRES no newline within `request`.
  Status Send(std::string_view request);
  // The next line without its newline. kGone: "the daemon went away"; kInterrupted; kBusy: nothing came in time.
  Result<std::string> ReadLine();
  // Whether a whole line can be had without waiting (what has arrived is read first, never waiting).
  bool LineReady();

  // Sends a request and reads its answer line; an answer with "ok":false becomes its Status. For streams this is the
  // head line: then call NextLine or NextFrame until they say that the stream has ended.
  Result<std::string> Ask(std::string_view request);
  // The next object of a stream of lines. False: the stream has ended; *line then holds the end line. An end line
  // with an error becomes its Status.
  Result<bool> NextLine(std::string* line);
  // The next frame of a binary stream. False: the stream has ended; *bytes then holds the end line. An end line with
  // an error becomes its Status.
  Result<bool> NextFrame(std::string* bytes);

  // Import: frames to the daemon. REQUIRES 0 < bytes.size() <= kMaxFrameBytes. kGone also when the daemon refused the
  // rest: read its answer line then, it says why.
  Status SendFrame(std::string_view bytes);
  Status SendFramesEnd();
  // The source of the frames broke: the daemon drops what it got.
  Status SendFramesAbort();

  int fd() const { return fd_; }

  static constexpr std::size_t kMaxFrameBytes = 1u << 20;

 private:
  Client() = default;
  Status WriteAll(const char* data, std::size_t size);
  Status Fill(bool wait);  // reads what is there into buffer_
  Status WaitFor(short events, std::chrono::steady_clock::time_point deadline, bool has_deadline);

  int fd_ = -1;
  Options options_;
  std::string buffer_;
  std::size_t at_ = 0;
};

// Reads an answer line: ok, or the Status that its "error" names. kDamaged when it is no answer.
Status StatusOfAnswer(std::string_view line);

}  // namespace smiley::daemon
