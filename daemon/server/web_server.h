// Thread rule: everything here belongs to the io thread, ParseWebAddress aside. Stop() is called before that thread
// ends.
//
// The daemon's HTTP server: the page, and the same requests as on the UNIX socket over a WebSocket
// (daemon/server/WEB.md). On the loopback only. Connections belong to the io thread of the sessions, and every
// WebSocket is one more client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/server/session.h"
#include "daemon/server/web_door.h"

namespace smiley::daemon {

// Where the page is served.
struct WebAddress {
  bool off = false;      // never: `web` is refused
  bool at_once = false;  // listen when the daemon starts; else when the page is first asked for, or was before
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the one before, where it is free, else any
};
// "off", "HOST:PORT", "PORT"; empty: the default. kInvalid says what is wrong: HOST is the loopback.
Result<WebAddress> ParseWebAddress(std::string_view text);

class WebServer {
 public:
  WebServer(const std::shared_ptr<SessionHost>& host, WebAddress address);
  ~WebServer();
  // Listens where the address says so, or where this home's page was used before.
  Status Start();
  // An address that opens the page once; listens from now on.
  Result<WebInvitation> Invite(std::string_view path);
  // Closes everything.
  void Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
