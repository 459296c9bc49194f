// Thread rule: a WebServer belongs to the io thread; Stop() is called before that thread ends. ParseWebAddress is
// safe from any thread.
//
// The daemon's HTTP server (daemon/server/WEB.md). On the loopback, it serves the page, and the requests of the UNIX
// socket over WebSockets. Its connections belong to the io thread of the sessions, and every WebSocket is one client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/server/session.h"
#include "daemon/server/web_door.h"

namespace smiley::daemon {

// The address of the page.
struct WebAddress {
  bool off = false;  // the page is never served: the request "web" is refused
  bool at_once =
      false;  // listen when the daemon starts; else at the first "web", or at once when the home had a page
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the previous port of the home when it is free, else any free one
};
// "off", "HOST:PORT" or "PORT"; empty: the default. kInvalid: it is none of these, or HOST is not the loopback.
Result<WebAddress> ParseWebAddress(std::string_view text);

class WebServer {
 public:
  WebServer(const std::shared_ptr<SessionHost>& host, WebAddress address);
  ~WebServer();
  // Listens when the address is `at_once`, or when the home had a page before.
  Status Start();
  // Makes an address that opens the page once. The server listens from now on.
  Result<WebInvitation> Invite(std::string_view path);
  // Closes the listener and all connections.
  void Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
