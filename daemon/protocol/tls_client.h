// Thread rule: functions are safe from any thread.
//
// The client's end of daemon/server/tls_listener.h: a TLS connection to a daemon on another machine, as a descriptor
// that carries daemon/protocol/PROTOCOL.md unencrypted. A thread per connection copies the bytes between the
// descriptor and the network until one of them ends.
#pragma once

#include <chrono>
#include <string>

#include "daemon/protocol/remote_access.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Returns when the daemon has accepted the token. The daemon's certificate is compared with the token's fingerprint
// before any data is sent. kForeign: it is another certificate. kGone: no daemon answers there within `timeout`.
// kPermission: the token is wrong. kInterrupted: interrupt_fd (>= 0) became readable. The caller owns the descriptor
// (non-blocking, close-on-exec).
Result<int> ConnectTls(const std::string& address, const Token& token, std::chrono::milliseconds timeout,
                       int interrupt_fd);

}  // namespace smiley::daemon
