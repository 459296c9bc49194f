// Thread rule: a WebSession and its WebHost belong to the io thread.
//
// One HTTP connection. It answers requests, and becomes a WebSocket on an allowed upgrade. A pair of sockets connects
// a WebSocket with an ordinary Session. So the same code serves the page and scripts, and a slow browser delays no
// other client.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <optional>
#include <unordered_set>

#include "daemon/server/session.h"
#include "daemon/server/web_request.h"

namespace smiley::daemon {

class WebSession;

struct WebHost {
  WebHost(std::shared_ptr<SessionHost> sessions_in, const shm::Home& home)
      : sessions(std::move(sessions_in)), door(home) {}
  std::shared_ptr<SessionHost> sessions;
  WebDoor door;
  std::unordered_set<std::shared_ptr<WebSession>> open;
  bool stopping = false;
};

class WebSession : public std::enable_shared_from_this<WebSession> {
 public:
  WebSession(std::shared_ptr<WebHost> host, boost::asio::ip::tcp::socket socket);
  // Serves until the browser closes the connection, or until Close(). Then leaves the host.
  void Start();
  void Close();

 private:
  using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
  template <typename T>
  using Awaitable = boost::asio::awaitable<T>;

  Awaitable<void> Run();
  // False: the connection has to be closed.
  Awaitable<bool> Answer(const HttpRequest& request);
  Awaitable<bool> Send(const HttpRequest& request, const WebAnswer& answer);
  Awaitable<void> Bridge(const HttpRequest& request);
  Awaitable<void> FromBrowser();
  Awaitable<void> ToBrowser();

  std::shared_ptr<WebHost> host_;
  std::optional<boost::beast::tcp_stream> stream_;  // nullopt after the upgrade
  std::optional<boost::beast::websocket::stream<boost::beast::tcp_stream>> socket_;
  boost::asio::local::stream_protocol::socket pipe_;  // to the Session
  boost::beast::flat_buffer buffer_;
  bool closed_ = false;
};

}  // namespace smiley::daemon
