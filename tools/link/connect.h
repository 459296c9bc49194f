// Thread rule: the target belongs to the main thread, which sets it before it opens a connection.
//
// --connect: the daemon of another machine, reached at HOST:PORT over TLS with a token, or through
// ssh:[USER@]HOST[:SMILEY]. For the second, ssh runs `smiley daemon pipe` on that machine.
#pragma once

#include <memory>
#include <string>

#include "daemon/protocol/client.h"
#include "shm/base/status.h"

namespace smiley::tools {

// The value of --connect. Empty: the daemon of this home.
void SetTarget(std::string target);
const std::string& Target();
// " --connect TARGET" for commands in messages. Empty when no target is set.
std::string TargetWords();

// Checks the form of a target. kInvalid: the message names the forms.
Status CheckTarget(const std::string& target);
// Connects to the target; nothing of the protocol has been sent. REQUIRES a checked target that is not empty.
Result<std::unique_ptr<daemon::Client>> ConnectTarget(const daemon::Client::Options& options);

// smiley-daemon pipe: copies standard input to the daemon's socket `fd` and its answers to standard output, until the
// socket is closed.
int CarryPipe(int fd);

}  // namespace smiley::tools
