// Thread rule: plain values; functions are safe from any thread.
//
// Who may reach a home's daemon from elsewhere: a certificate and a secret, made once in the home. The token that
// people carry holds the secret and the certificate's fingerprint, so that a client knows whom it talks to before it
// says anything.
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
// kInvalid: it is none. White space around it is passed over.
Result<Token> ParseToken(std::string_view text);

struct RemoteAccess {
  std::filesystem::path certificate, key;  // PEM files, 0600
  Token token;
};
// The home's own (directory `remote`, 0700); made when there is none, whole or not at all.
Result<RemoteAccess> OpenRemoteAccess(const shm::Home& home);

// Takes as long whether they are equal or not.
bool SameSecret(std::string_view a, std::string_view b);

// The token for another machine's daemon: $SMILEY_TOKEN, else the file that SaveToken left. kNotFound says how to get
// it.
Result<Token> FindToken(const shm::Home& home, const std::string& address);
Status SaveToken(const shm::Home& home, const std::string& address, const Token& token);

// "host:port", "[::1]:4040". kInvalid.
struct Address {
  std::string host, port;
};
Result<Address> ParseAddress(std::string_view text);

}  // namespace smiley::daemon
