#include "daemon/server/server.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <utility>

#include "daemon/protocol/home_socket.h"
#include "daemon/protocol/remote_access.h"
#include "daemon/server/session.h"
#include "daemon/server/tls_listener.h"
#include "daemon/server/web_server.h"

namespace smiley::daemon {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

struct Server::State {
  State(const Services& services, const Options& options)
      : host(std::make_shared<SessionHost>(services, options.quick_threads, options.bulk_threads)),
        acceptor(host->io),
        max_clients(options.max_clients) {
    host->request_stop = options.request_stop;
  }

  asio::awaitable<void> Accept();
  asio::awaitable<void> Pause(std::chrono::milliseconds time);
  // Starts a session. False: the server stops, or has as many clients as it may have.
  bool Add(Protocol::socket socket, bool remote);

  std::shared_ptr<SessionHost> host;
  Protocol::acceptor acceptor;
  std::unique_ptr<TlsListener> tls;
  std::size_t max_clients;
  std::unique_ptr<WebServer> web;
  std::thread io_thread;
  SocketFile file;  // the socket file that this server created
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
      // No descriptors or memory: the client waits in the kernel's queue until a session ends.
      co_await Pause(std::chrono::milliseconds(100));
      continue;
    }
    if (!CheckPeer(socket.native_handle())) continue;
    Add(std::move(socket), false);
  }
}

bool Server::State::Add(Protocol::socket socket, bool remote) {
  if (host->stopping || host->sessions.size() >= max_clients) return false;
  auto session = std::make_shared<Session>(host, std::move(socket), remote);
  host->sessions.insert(session);
  host->session_count.store(host->sessions.size());
  session->Start();
  return true;
}

Result<std::unique_ptr<Server>> Server::Start(const Services& services, const Options& options) {
  auto web = ParseWebAddress(options.web);
  if (!web) return web.status();
  auto fd = ListenOnHome(services.home);
  if (!fd) return fd.status();
  std::unique_ptr<Server> server(new Server());
  server->state_ = std::make_shared<State>(services, options);
  auto state = server->state_;
  state->file = SocketFile::Find(services.home);
  boost::system::error_code error;
  state->acceptor.assign(Protocol(), *fd, error);
  if (error) {
    ::close(*fd);
    state->stopped = true;
    return Status(Code::kIo, "cannot serve the socket: " + error.message());
  }
  const auto fail = [&](Status why) {
    state->stopped = true;  // no thread was started
    ::unlink(services.home.SocketPath().c_str());
    return why;
  };
  state->web = std::make_unique<WebServer>(state->host, *web);
  if (Status served = state->web->Start(); !served) return fail(std::move(served));
  state->host->invite = [server = state->web.get()](std::string_view path) { return server->Invite(path); };
  if (!options.listen.empty()) {
    auto access = OpenRemoteAccess(services.home);
    if (!access) return fail(access.status());
    const auto arrived = [at = state.get()](Protocol::socket socket) { return at->Add(std::move(socket), true); };
    auto tls = TlsListener::Make(state->host->io, *access, options.listen, arrived);
    if (!tls) return fail(tls.status());
    state->tls = std::move(*tls);
    state->host->services.listen = state->tls->address();
    state->tls->Start();
  }
  asio::co_spawn(
      state->host->io, [state] { return state->Accept(); }, asio::detached);
  state->io_thread = std::thread([state] { state->host->io.run(); });
  return server;
}

void Server::Stop() {
  if (state_ == nullptr || state_->stopped) return;
  state_->stopped = true;
  auto state = state_;
  if (!state->io_thread.joinable()) return;  // it never ran
  asio::post(state->host->io, [state] {
    state->host->stopping = true;
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
    if (state->tls) state->tls->Close();
    state->host->gate.cancel();
    state->web->Stop();
    for (const auto& session : state->host->sessions) session->Close();
    state->host->guard.reset();
  });
  state->io_thread.join();
  state->host->quick.join();
  state->host->bulk.join();
  // When the home was removed and created again, the file belongs to another daemon.
  const SocketFile now = SocketFile::Find(state->host->services.home);
  if (now.inode != 0 && now == state->file) ::unlink(state->host->services.home.SocketPath().c_str());
}

// NOLINTNEXTLINE(bugprone-exception-escape): see the header.
Server::~Server() { Stop(); }

const std::string& Server::listen() const { return state_->host->services.listen; }

std::size_t Server::clients() const { return state_->host->session_count.load(); }

}  // namespace smiley::daemon
