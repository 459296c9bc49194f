// Thread rule: a WebDoor belongs to one thread at a time (the server's io thread). It reads and writes small files.
//
// Who may come in by HTTP (daemon/server/WEB.md): one-time codes that a browser exchanges for the home's token, the
// files that hand the codes over, and the port that is kept so that open pages find a daemon that was started again.
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

// What an owner needs to open the page once.
struct WebInvitation {
  std::string url;   // with the code behind its '#', where no server and no list of processes sees it
  std::string file;  // an owner-only page that leads to `url`; removed when the code is used or too old
  std::chrono::seconds lifetime{0};
};

class WebDoor {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kCodeLifetime{30};
  static constexpr std::size_t kMaxCodes = 64;  // codes at once; the oldest gives way

  // Removes the files that a daemon before this one left.
  explicit WebDoor(const shm::Home& home);
  // Removes its own.
  ~WebDoor();

  // The port that this home's page had last; 0: none. A home that never had a page does not listen by itself.
  std::uint16_t SavedPort() const { return saved_port_; }
  // The port that is listened on from now on. A token is good for one port only: what listens on another one day may
  // be somebody else's, and would be told the token by the pages that are still open there.
  Status Open(const std::string& host, std::uint16_t port);

  // A new code, and the page that carries it. `path` is the part of the page to show ("run/k7p3x9aa"), of plain
  // letters, digits and "/:-_.~". REQUIRES Open().
  Result<WebInvitation> Invite(std::string_view path, Clock::time_point now);
  // The token when the code is good; it is not good twice.
  Result<std::string> Exchange(std::string_view code, Clock::time_point now);
  // Whether this is the token; takes as long whatever is wrong with it.
  bool Knows(std::string_view token) const;
  // Removes codes (and their files) that are too old. The time of the next one to go; max() when there is none.
  Clock::time_point Tidy(Clock::time_point now);

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }
  // "127.0.0.1:4711", as browsers write it.
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
