#include "daemon/server/web_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "daemon/server/web_session.h"

namespace smiley::daemon {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kMaxConnections = 256;  // further ones are closed at once
constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

struct WebServer::State : std::enable_shared_from_this<WebServer::State> {
  State(const std::shared_ptr<SessionHost>& sessions, WebAddress where)
      : host(std::make_shared<WebHost>(sessions, sessions->services.home)),
        address(std::move(where)),
        acceptor(sessions->io),
        pause(sessions->io),
        tidy(sessions->io) {}

  Status Listen();
  Status ListenOn(std::uint16_t port, bool* taken);
  asio::awaitable<void> Accept();
  void TidyLater();

  std::shared_ptr<WebHost> host;
  const WebAddress address;
  Tcp::acceptor acceptor;
  asio::steady_timer pause, tidy;
};

Result<WebAddress> ParseWebAddress(std::string_view text) {
  WebAddress address;
  if (text.empty()) return address;
  if (text == "off") {
    address.off = true;
    return address;
  }
  const Status wrong(Code::kInvalid, "--web is HOST:PORT, a port, or off; not '" + std::string(text) + "'");
  address.at_once = true;
  const std::size_t colon = text.rfind(':');
  std::string_view port = text;
  if (colon != std::string_view::npos) {
    std::string_view name = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
    if (name == "localhost") name = "127.0.0.1";
    boost::system::error_code error;
    const auto host = asio::ip::make_address(std::string(name), error);
    if (error) return wrong;
    if (!host.is_loopback()) {
      return Status(Code::kInvalid,
                    "the page is served on this machine only (127.0.0.1): from another machine, use ssh -L");
    }
    address.host = host.to_string();
  }
  const char* end = port.data() + port.size();
  const auto read = std::from_chars(port.data(), end, address.port);
  if (read.ec != std::errc() || read.ptr != end) return wrong;
  return address;
}

Status WebServer::State::ListenOn(std::uint16_t port, bool* taken) {
  boost::system::error_code error;
  const Tcp::endpoint endpoint(asio::ip::make_address(address.host, error), port);
  Tcp::acceptor fresh(host->sessions->io);
  if (!error) fresh.open(endpoint.protocol(), error);
  // SO_REUSEADDR lets no other process listen on the port at the same time: only the daemon answers a page.
  if (!error) fresh.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) fresh.bind(endpoint, error);
  if (!error) fresh.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    *taken = error == asio::error::address_in_use || error == asio::error::access_denied;
    return Status(Code::kIo, "cannot serve the page on " + address.host + ":" + std::to_string(port) + ": " +
                                 error.message() + " (smiley-daemon restart --web HOST:PORT uses another)");
  }
  acceptor = std::move(fresh);
  return Status::Ok();
}

Status WebServer::State::Listen() {
  if (acceptor.is_open()) return Status::Ok();
  bool taken = false;
  const std::uint16_t wanted = address.port != 0 ? address.port : host->door.SavedPort();
  Status listening = ListenOn(wanted, &taken);
  if (!listening && taken && address.port == 0 && wanted != 0) listening = ListenOn(0, &taken);
  if (!listening) return listening;
  boost::system::error_code error;
  const std::uint16_t port = acceptor.local_endpoint(error).port();
  if (Status opened = host->door.Open(address.host, port); !opened) {
    acceptor.close(error);
    return opened;
  }
  asio::co_spawn(
      host->sessions->io, [self = shared_from_this()] { return self->Accept(); }, asio::detached);
  return Status::Ok();
}

asio::awaitable<void> WebServer::State::Accept() {
  while (!host->stopping) {
    Tcp::socket socket(host->sessions->io);
    boost::system::error_code error;
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (host->stopping) break;
    if (error) {  // out of descriptors or memory
      pause.expires_after(kPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (host->open.size() >= kMaxConnections) continue;
    socket.set_option(Tcp::no_delay(true), error);
    auto session = std::make_shared<WebSession>(host, std::move(socket));
    host->open.insert(session);
    session->Start();
  }
}

// Removes codes and their files when they expire, also without further requests.
void WebServer::State::TidyLater() {
  const auto next = host->door.Tidy(WebDoor::Clock::now());
  if (next == WebDoor::Clock::time_point::max() || host->stopping) return;
  tidy.expires_at(next);
  tidy.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->TidyLater();
  });
}

WebServer::WebServer(const std::shared_ptr<SessionHost>& host, WebAddress address)
    : state_(std::make_shared<State>(host, std::move(address))) {}

WebServer::~WebServer() = default;

Status WebServer::Start() {
  if (state_->address.off) return Status::Ok();
  if (state_->address.at_once) return state_->Listen();
  // Pages of the previous daemon may be open. When the server cannot listen, the next smiley-web reports why.
  if (state_->host->door.SavedPort() != 0) static_cast<void>(state_->Listen().ok());
  return Status::Ok();
}

Result<WebInvitation> WebServer::Invite(std::string_view path) {
  if (state_->address.off) {
    return Status(Code::kPermission, "the daemon was started with --web off: smiley-daemon restart serves the page");
  }
  if (Status listening = state_->Listen(); !listening) return listening;
  auto invitation = state_->host->door.Invite(path, WebDoor::Clock::now());
  state_->TidyLater();
  return invitation;
}

void WebServer::Stop() {
  state_->host->stopping = true;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
  state_->tidy.cancel();
  const auto open = state_->host->open;
  for (const auto& session : open) session->Close();
}

}  // namespace smiley::daemon
