// Thread rule: a Link belongs to one thread at a time.
//
// How a command reaches the runs: through the daemon, which is started when none runs; where it cannot be started,
// through the store itself, opened read-only. Both speak daemon/protocol/PROTOCOL.md.
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
  // As in daemon::Client. One request at a time; a stream is read to its end before the next.
  virtual Result<std::string> Ask(std::string_view request) = 0;
  virtual Result<bool> NextLine(std::string* line) = 0;
  virtual Result<bool> NextFrame(std::string* bytes) = 0;
  // Whether NextLine would not wait.
  virtual bool LineReady() = 0;
  // For poll(); -1: never waits (a store opened directly).
  virtual int fd() const = 0;
};

enum class NeedDaemon {
  kYes,  // what the command does can only be done by the daemon
  kNo,   // reading: the store will do
};

// The daemon that --connect names (connect.h), else this home's, which is started where none runs. Waits end with
// kInterrupted on Ctrl-C (WatchSignals()).
Result<std::unique_ptr<Link>> OpenLink(NeedDaemon need);
// The connection to this home's own daemon, whatever --connect says. Starts the daemon too.
Result<std::unique_ptr<daemon::Client>> OpenClient(const shm::Home& home);
// The connection that OpenLink would take, for import: frames go both ways.
Result<std::unique_ptr<daemon::Client>> OpenTarget();
// Whether the daemon of this home is another version than we are; its message says what to do.
Status CheckVersion(daemon::Client* client);

}  // namespace smiley::tools
