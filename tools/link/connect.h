// Thread rule: the target belongs to the main thread and is set before anything is opened.
//
// Another machine's daemon instead of this home's: HOST:PORT over TLS with a token, or ssh:[USER@]HOST[:SMILEY],
// where ssh runs `smiley daemon pipe` over there.
#pragma once

#include <memory>
#include <string>

#include "daemon/protocol/client.h"
#include "shm/base/status.h"

namespace smiley::tools {

// What --connect said; empty: this home's daemon.
void SetTarget(std::string target);
const std::string& Target();
// For messages and next commands: " --connect HOST:PORT", or nothing.
std::string TargetWords();

// Whether `target` has a form that can be tried; kInvalid says what the forms are.
Status CheckTarget(const std::string& target);
// A connection to the target, before any word of the protocol. REQUIRES a checked target that is not empty.
Result<std::unique_ptr<daemon::Client>> ConnectTarget(const daemon::Client::Options& options);

// smiley-daemon pipe: standard input to the daemon's socket `fd`, what it says to standard output; until it closes.
int CarryPipe(int fd);

}  // namespace smiley::tools
