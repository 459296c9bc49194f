#include "daemon/server/tls_listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <unordered_set>
#include <utility>

#include "daemon/protocol/json_object.h"
#include "daemon/protocol/request.h"

namespace smiley::daemon {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

namespace {

constexpr auto kLetInTime = std::chrono::seconds(10);          // for handshake and token together
constexpr auto kRefusalTime = std::chrono::milliseconds(300);  // before a wrong token is answered
constexpr auto kGoodbyeTime = std::chrono::seconds(2);
constexpr std::size_t kMostAtTheDoor = 64;  // connections before their token was checked
constexpr std::size_t kMostInside = 1024;
constexpr std::size_t kMaxAuthLine = 4096;
constexpr unsigned char kTlsHandshake = 0x16;  // the first byte of every TLS connection

auto StoreIn(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

std::string FormatRefusal(const Status& status) { return "{\"id\":null,\"ok\":false," + ErrorMember(status) + "}\n"; }

// Makes the kernel detect a vanished peer within two minutes.
void KeepAlive(Tcp::socket& socket) {
  const int fd = socket.native_handle(), on = 1, idle = 30, between = 10, times = 3, unanswered_ms = 90'000;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

struct TlsListener::State : std::enable_shared_from_this<TlsListener::State> {
  struct Connection {
    Connection(asio::io_context& io, asio::ssl::context& tls, Tcp::socket socket)
        : stream(std::move(socket), tls), inside(io), timer(io) {}
    void Close() {
      error_code ignored;
      stream.lowest_layer().close(ignored);
      inside.close(ignored);
      timer.cancel();
    }
    asio::ssl::stream<Tcp::socket> stream;
    LocalSocket inside;  // the listener's end of the pair
    asio::steady_timer timer;
    bool late = false;
    int pumps = 0;
    std::array<char, 64 * 1024> from_client, to_client;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  State(asio::io_context& io_in, const RemoteAccess& access, std::function<bool(LocalSocket)> arrived_in)
      : io(io_in),
        tls(asio::ssl::context::tls_server),
        acceptor(io_in),
        gate(io_in),
        secret(access.token.secret),
        arrived(std::move(arrived_in)) {}

  asio::awaitable<void> Accept();
  asio::awaitable<void> Serve(ConnectionPtr connection);
  asio::awaitable<bool> LetIn(ConnectionPtr connection);
  asio::awaitable<void> Deadline(ConnectionPtr connection);
  asio::awaitable<void> PumpIn(ConnectionPtr connection);
  asio::awaitable<void> PumpOut(ConnectionPtr connection);
  void PumpEnded(const ConnectionPtr& connection);

  asio::io_context& io;
  asio::ssl::context tls;
  Tcp::acceptor acceptor;
  asio::steady_timer gate;
  const std::string secret;
  std::function<bool(LocalSocket)> arrived;
  std::string address;
  std::unordered_set<ConnectionPtr> connections;
  std::size_t at_the_door = 0;
  bool closed = false;
};

asio::awaitable<void> TlsListener::State::Accept() {
  const auto self = shared_from_this();
  while (!closed) {
    Tcp::socket socket(io);
    error_code error;
    co_await acceptor.async_accept(socket, StoreIn(error));
    if (closed) break;
    if (error) {  // no descriptors, or the client has closed the connection
      gate.expires_after(std::chrono::milliseconds(100));
      co_await gate.async_wait(StoreIn(error));
      continue;
    }
    // Clients without a token occupy a place for at most kLetInTime.
    if (at_the_door >= kMostAtTheDoor || connections.size() >= kMostInside) continue;
    KeepAlive(socket);
    const auto connection = std::make_shared<Connection>(io, tls, std::move(socket));
    connections.insert(connection);
    ++at_the_door;
    asio::co_spawn(io, Serve(connection), asio::detached);
  }
}

asio::awaitable<void> TlsListener::State::Deadline(ConnectionPtr connection) {
  error_code error;
  co_await connection->timer.async_wait(StoreIn(error));
  if (!error && connection->late) connection->Close();
}

// Checks handshake and token. Each co_await is a statement of its own (see session.cc).
asio::awaitable<bool> TlsListener::State::LetIn(ConnectionPtr connection) {
  auto& stream = connection->stream;
  error_code error;
  co_await stream.next_layer().async_wait(Tcp::socket::wait_read, StoreIn(error));
  unsigned char first = 0;
  if (error || ::recv(stream.next_layer().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) co_return false;
  if (first != kTlsHandshake) {
    const std::string answer =
        FormatRefusal(Status(Code::kPermission, "this port accepts only TLS with a token: smiley-list --connect " +
                                                    address + " uses both, smiley-daemon token shows the token"));
    co_await asio::async_write(stream.next_layer(), asio::buffer(answer), StoreIn(error));
    stream.next_layer().shutdown(Tcp::socket::shutdown_send, error);
    // Closing a socket with unread bytes may discard the answer: the client's bytes are read until the deadline.
    while (!error)
      co_await stream.next_layer().async_read_some(asio::buffer(connection->from_client), StoreIn(error));
    co_return false;
  }
  co_await stream.async_handshake(asio::ssl::stream_base::server, StoreIn(error));
  if (error) co_return false;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const std::size_t got = co_await stream.async_read_some(asio::buffer(connection->from_client), StoreIn(error));
    line.append(connection->from_client.data(), got);
    if (error || line.size() > kMaxAuthLine) co_return false;
  }
  RequestParser parser;
  bool broken = false, right = false;
  const std::size_t end = line.find('\n');
  const auto request = parser.Parse(std::string_view(line).substr(0, end), &broken);
  std::string id = "null";
  if (request.ok() && request->op == "auth") {
    const auto given = request->NeedText("token");
    right = given.ok() && SameSecret(*given, secret) && line.size() == end + 1;
    id = request->id_json;
  }
  if (right) {
    const std::string answer = "{\"id\":" + id + ",\"ok\":true}\n";
    co_await asio::async_write(stream, asio::buffer(answer), StoreIn(error));
    co_return !error;
  }
  asio::steady_timer pause(io, kRefusalTime);
  co_await pause.async_wait(StoreIn(error));
  const std::string answer = FormatRefusal(
      Status(Code::kPermission, "the token is wrong: smiley-daemon token shows it on the machine that listens"));
  co_await asio::async_write(stream, asio::buffer(answer), StoreIn(error));
  co_await stream.async_shutdown(StoreIn(error));
  co_return false;
}

asio::awaitable<void> TlsListener::State::Serve(ConnectionPtr connection) {
  const auto self = shared_from_this();
  connection->late = true;
  connection->timer.expires_after(kLetInTime);
  asio::co_spawn(io, Deadline(connection), asio::detached);
  bool inside = co_await LetIn(connection);
  connection->late = false;
  connection->timer.cancel();
  --at_the_door;
  if (inside && !closed) {
    LocalSocket session(io);
    error_code error;
    asio::local::connect_pair(connection->inside, session, error);
    inside = !error && arrived(std::move(session));
  }
  if (!inside || closed) {
    connection->Close();
    connections.erase(connection);
    co_return;
  }
  connection->pumps = 2;
  asio::co_spawn(io, PumpIn(connection), asio::detached);
  asio::co_spawn(io, PumpOut(connection), asio::detached);
}

void TlsListener::State::PumpEnded(const ConnectionPtr& connection) {
  if (--connection->pumps > 0) return;
  connection->Close();
  connections.erase(connection);
}

asio::awaitable<void> TlsListener::State::PumpIn(ConnectionPtr connection) {
  const auto self = shared_from_this();
  error_code error;
  for (;;) {
    const std::size_t got =
        co_await connection->stream.async_read_some(asio::buffer(connection->from_client), StoreIn(error));
    if (error) break;
    co_await asio::async_write(connection->inside, asio::buffer(connection->from_client.data(), got), StoreIn(error));
    if (error) break;
  }
  // A client that ends TLS properly still gets its answers; a broken connection is closed.
  if (error == asio::error::eof) {
    error_code ignored;
    connection->inside.shutdown(LocalSocket::shutdown_send, ignored);
  } else {
    connection->Close();
  }
  PumpEnded(connection);
}

asio::awaitable<void> TlsListener::State::PumpOut(ConnectionPtr connection) {
  const auto self = shared_from_this();
  error_code error;
  for (;;) {
    const std::size_t got =
        co_await connection->inside.async_read_some(asio::buffer(connection->to_client), StoreIn(error));
    if (error) break;
    co_await asio::async_write(connection->stream, asio::buffer(connection->to_client.data(), got), StoreIn(error));
    if (error) break;
  }
  if (error == asio::error::eof) {  // the session has ended: end TLS properly, within kGoodbyeTime
    connection->late = true;
    connection->timer.expires_after(kGoodbyeTime);
    asio::co_spawn(io, Deadline(connection), asio::detached);
    co_await connection->stream.async_shutdown(StoreIn(error));
    connection->late = false;
  }
  connection->Close();
  PumpEnded(connection);
}

Result<std::unique_ptr<TlsListener>> TlsListener::Make(asio::io_context& io, const RemoteAccess& access,
                                                       const std::string& address,
                                                       std::function<bool(LocalSocket)> arrived) {
  const auto parsed = ParseAddress(address);
  if (!parsed.ok()) return parsed.status();
  auto state = std::make_shared<State>(io, access, std::move(arrived));
  error_code error;
  state->tls.use_certificate_file(access.certificate.string(), asio::ssl::context::pem, error);
  if (!error) state->tls.use_private_key_file(access.key.string(), asio::ssl::context::pem, error);
  if (error) return Status(Code::kDamaged, "cannot use " + access.certificate.string() + ": " + error.message());
  SSL_CTX_set_min_proto_version(state->tls.native_handle(), TLS1_3_VERSION);
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(parsed->host, parsed->port, Tcp::resolver::passive, error);
  if (error || found.empty()) return Status(Code::kInvalid, "cannot listen on " + address + ": " + error.message());
  const Tcp::endpoint endpoint = found.begin()->endpoint();
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(128, error);
  if (error) {
    const Code code = error == asio::error::address_in_use  ? Code::kBusy
                      : error == asio::error::access_denied ? Code::kPermission
                                                            : Code::kIo;
    return Status(code, "cannot listen on " + address + ": " + error.message());
  }
  const Tcp::endpoint bound = state->acceptor.local_endpoint(error);
  const std::string host = parsed->host.find(':') != std::string::npos ? "[" + parsed->host + "]" : parsed->host;
  state->address = host + ":" + std::to_string(bound.port());
  std::unique_ptr<TlsListener> listener(new TlsListener);
  listener->state_ = std::move(state);
  return listener;
}

TlsListener::~TlsListener() = default;

void TlsListener::Start() { asio::co_spawn(state_->io, state_->Accept(), asio::detached); }

void TlsListener::Close() {
  state_->closed = true;
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->gate.cancel();
  const auto connections = state_->connections;  // a copy: closing a connection may erase it
  for (const auto& connection : connections) connection->Close();
}

const std::string& TlsListener::address() const { return state_->address; }

}  // namespace smiley::daemon
