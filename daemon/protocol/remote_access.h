// Thread rule: plain values; functions are safe from any thread.
//
// Access to a home's daemon from other machines: a certificate and a secret, created once per home. The token that
// users copy holds the secret and the certificate's fingerprint. A client therefore checks the daemon before it sends
// data.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

struct Token {
  std::string secret;       // 32 hex digits
  std::string fingerprint;  // SHA-256 of the certificate, 64 hex digits
};
// "smiley1_" secret "_" fingerprint.
std::string FormatToken(const Token& token);
// kInvalid: the text is no token. White space around it is ignored.
Result<Token> ParseToken(std::string_view text);

struct RemoteAccess {
  std::filesystem::path certificate, key;  // PEM files, 0600
  Token token;
};
// The home's access (directory `remote`, 0700). Creates it when it is missing, completely or not at all.
Result<RemoteAccess> OpenRemoteAccess(const shm::Home& home);

// Whether two secrets are equal; the time of the comparison does not depend on the answer.
bool SameSecret(std::string_view a, std::string_view b);

// The token for another machine's daemon: $SMILEY_TOKEN, else the file that SaveToken wrote. The message of kNotFound
// explains how to get it.
Result<Token> FindToken(const shm::Home& home, const std::string& address);
Status SaveToken(const shm::Home& home, const std::string& address, const Token& token);

// A parsed "host:port" or "[::1]:4040".
struct Address {
  std::string host, port;
};
// kInvalid: the text is no address.
Result<Address> ParseAddress(std::string_view text);

}  // namespace smiley::daemon
