// Thread rule: functions are safe from any thread.
//
// The other end of server_tls.h: a connection to a daemon elsewhere, as a descriptor that speaks
// daemon/protocol/PROTOCOL.md in plain. A thread of its own carries the bytes between it and the network until one of
// both ends.
#pragma once

#include <chrono>
#include <string>

#include "daemon/protocol/remote_access.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Returns when the token was taken. The daemon's certificate is compared with the token's fingerprint before anything
// is said; kForeign when it is another one. kGone: nobody listens there, or not in time; kPermission: the token is
// wrong; kInterrupted: interrupt_fd (>= 0) became readable. The caller owns the descriptor (non-blocking,
// close-on-exec).
Result<int> ConnectTls(const std::string& address, const Token& token, std::chrono::milliseconds timeout,
                       int interrupt_fd);

}  // namespace smiley::daemon
