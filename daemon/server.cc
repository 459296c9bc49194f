#include "daemon/server.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <utility>

#include "daemon/server_socket.h"
#include "daemon/session.h"
#include "daemon/web_server.h"

namespace smiley::daemon {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

struct Server::State {
  State(const Services& services, const Options& options)
      : host(std::make_shared<SessionHost>(services, options.quick_threads, options.bulk_threads)),
        acceptor(host->io),
        max_clients(options.max_clients) {}

  asio::awaitable<void> Accept();
  asio::awaitable<void> Pause(std::chrono::milliseconds time);

  std::shared_ptr<SessionHost> host;
  Protocol::acceptor acceptor;
  std::size_t max_clients;
  std::unique_ptr<WebServer> web;
  std::thread io_thread;
  SocketFile file;  // what the socket's name led to when it was made
  bool stopped = false;
};

asio::awaitable<void> Server::State::Pause(std::chrono::milliseconds time) {
  host->gate.expires_after(time);
  boost::system::error_code ignored;
  co_await host->gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Server::State::Accept() {
  while (!host->stopping) {
    if (host->sessions.size() >= max_clients) {
      co_await Pause(std::chrono::hours(1));
      continue;
    }
    Protocol::socket socket(host->io);
    boost::system::error_code error;
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (host->stopping) break;
    if (error) {
      // Out of descriptors or memory: the client waits in the queue until a session ends.
      co_await Pause(std::chrono::milliseconds(100));
      continue;
    }
    if (!CheckPeer(socket.native_handle())) continue;
    auto session = std::make_shared<Session>(host, std::move(socket));
    host->sessions.insert(session);
    host->session_count.store(host->sessions.size());
    session->Start();
  }
}

Result<std::unique_ptr<Server>> Server::Start(const Services& services, const Options& options) {
  auto web = ParseWebAddress(options.web);
  if (!web) return web.status();
  auto fd = ListenOnHome(services.home);
  if (!fd) return fd.status();
  std::unique_ptr<Server> server(new Server());
  server->state_ = std::make_shared<State>(services, options);
  auto state = server->state_;
  state->file = SocketFile::At(services.home);
  boost::system::error_code error;
  state->acceptor.assign(Protocol(), *fd, error);
  if (error) {
    ::close(*fd);
    state->stopped = true;
    return Status(Code::kIo, "cannot serve the socket: " + error.message());
  }
  state->web = std::make_unique<WebServer>(state->host, *web);
  if (Status served = state->web->Start(); !served) {
    state->stopped = true;  // no thread was started
    ::unlink(services.home.SocketPath().c_str());
    return served;
  }
  state->host->invite = [server = state->web.get()](std::string_view path) { return server->Invite(path); };
  asio::co_spawn(state->host->io, [state] { return state->Accept(); }, asio::detached);
  state->io_thread = std::thread([state] { state->host->io.run(); });
  return server;
}

void Server::Stop() {
  if (state_ == nullptr || state_->stopped) return;
  state_->stopped = true;
  auto state = state_;
  asio::post(state->host->io, [state] {
    state->host->stopping = true;
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
    state->host->gate.cancel();
    state->web->Stop();
    for (const auto& session : state->host->sessions) session->Close();
    state->host->guard.reset();
  });
  state->io_thread.join();
  state->host->quick.join();
  state->host->bulk.join();
  // A home that was removed and made again has a socket of somebody else's there.
  const SocketFile now = SocketFile::At(state->host->services.home);
  if (now.inode != 0 && now == state->file) ::unlink(state->host->services.home.SocketPath().c_str());
}

Server::~Server() { Stop(); }

std::size_t Server::clients() const { return state_->host->session_count.load(); }

}  // namespace smiley::daemon
