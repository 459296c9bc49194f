// Thread rule: a WebDoor belongs to one thread at a time (the server's io thread). It reads and writes small files.
//
// Access over HTTP (daemon/server/WEB.md). A browser exchanges a one-time code for the home's token; a file passes
// the code to the browser. Open pages find a restarted daemon on the saved port.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// An address that opens the page once.
struct WebInvitation {
  std::string url;   // the code follows its '#', which browsers send to no server
  std::string file;  // path of an owner-only page that redirects to `url`; removed when the code is used or expires
  std::chrono::seconds lifetime{0};
};

class WebDoor {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kCodeLifetime{30};
  static constexpr std::size_t kMaxCodes = 64;  // valid codes at once; a further one evicts the oldest

  // Removes the files that an earlier daemon left.
  explicit WebDoor(const shm::Home& home);
  // Removes this door's files.
  ~WebDoor();

  // The port on which this home's page was last served; 0: never.
  std::uint16_t SavedPort() const { return saved_port_; }
  // Sets the address that the server listens on, and saves the port. A token is valid for one port only: another
  // user's server may listen on the old port one day, and open pages would send it the token.
  Status Open(const std::string& host, std::uint16_t port);

  // Makes a code, and the file that redirects to it. `path` is the part of the page to show ("run/k7p3x9aa"):
  // letters, digits and "/:-_.~". REQUIRES that Open() has succeeded.
  Result<WebInvitation> Invite(std::string_view path, Clock::time_point now);
  // The token, when the code is valid; afterwards it is not. kPermission: it is not.
  Result<std::string> Exchange(std::string_view code, Clock::time_point now);
  // Whether this is the token. The time of the comparison does not depend on the difference.
  bool IsToken(std::string_view token) const;
  // Removes expired codes and their files. Returns the time at which the next one expires; max(): there is none.
  Clock::time_point Tidy(Clock::time_point now);

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }
  // "127.0.0.1:4711", as browsers write it in Host.
  std::string Authority() const;

 private:
  struct Code {
    Clock::time_point end;
    std::filesystem::path file;
  };
  std::filesystem::path SavedPath() const;
  std::filesystem::path FolderPath() const;

  const shm::Home home_;
  std::uint16_t saved_port_ = 0;
  std::string token_;  // 64 hex digits
  std::string host_;
  std::uint16_t port_ = 0;
  std::map<std::string, Code, std::less<>> codes_;
};

}  // namespace smiley::daemon
