// Thread rule: a Link belongs to one thread at a time.
//
// How a command reaches the runs: through the daemon, which is started when none is running. Where it cannot be
// started, a reading command opens the store read-only. Both follow daemon/protocol/PROTOCOL.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "daemon/protocol/client.h"
#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::tools {

class Link {
 public:
  virtual ~Link() = default;
  // As in daemon::Client. One request at a time; a stream must be read to its end before the next request.
  virtual Result<std::string> Ask(std::string_view request) = 0;
  virtual Result<bool> NextLine(std::string* line) = 0;
  virtual Result<bool> NextFrame(std::string* bytes) = 0;
  // True when NextLine would not wait.
  virtual bool LineReady() = 0;
  // For poll(). -1: the link never waits (a store opened directly).
  virtual int fd() const = 0;
};

enum class NeedDaemon {
  kYes,  // only the daemon can carry out the command
  kNo,   // the command only reads; the store can answer it
};

// Opens a link to the daemon of --connect (connect.h), else to the daemon of this home, which is started if needed.
// Ctrl-C ends a wait with kInterrupted. REQUIRES WatchSignals().
Result<std::unique_ptr<Link>> OpenLink(NeedDaemon need);
// Connects to the daemon of this home, whatever --connect says, and starts it if needed.
Result<std::unique_ptr<daemon::Client>> OpenClient(const shm::Home& home);
// Opens the connection that OpenLink would use, as a client. Import needs it, because it also sends frames.
Result<std::unique_ptr<daemon::Client>> OpenTarget();
// Says hello to the daemon. kVersion: it speaks another protocol; the message says what to do.
Status CheckVersion(daemon::Client* client);

}  // namespace smiley::tools
