#include "daemon/server/web_session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <string>
#include <utility>
#include <vector>

#include "daemon/server/web_stream.h"

namespace smiley::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

namespace {

constexpr auto kIdle =
    std::chrono::seconds(30);             // limit of the wait for a request, and for the browser to read an answer
constexpr std::uint64_t kMaxBody = 4096;  // the only body is a code
constexpr std::uint32_t kMaxHeader = 16 * 1024;
constexpr std::size_t kMaxMessage = 2u << 20;  // a request, or a frame of an import
constexpr std::size_t kPipeBytes = 64 * 1024;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

WebRequest RequestOf(const http::request<http::string_body>& request) {
  WebRequest plain;
  plain.method = View(request.method_string());
  plain.target = View(request.target());
  plain.host = View(request[http::field::host]);
  plain.origin = View(request[http::field::origin]);
  plain.authorization = View(request[http::field::authorization]);
  plain.protocols = View(request[http::field::sec_websocket_protocol]);
  plain.body = request.body();
  return plain;
}

}  // namespace

WebSession::WebSession(std::shared_ptr<WebHost> host, asio::ip::tcp::socket socket)
    : host_(std::move(host)), stream_(std::in_place, std::move(socket)), pipe_(host_->sessions->io) {}

void WebSession::Start() {
  asio::co_spawn(
      host_->sessions->io, [self = shared_from_this()]() { return self->Run(); },
      [self = shared_from_this()](const std::exception_ptr&) {
        self->Close();
        self->host_->open.erase(self);
      });
}

void WebSession::Close() {
  closed_ = true;
  boost::system::error_code ignored;
  if (stream_) stream_->close();
  if (socket_) beast::get_lowest_layer(*socket_).close();
  pipe_.close(ignored);
}

WebSession::Awaitable<void> WebSession::Run() {
  while (!closed_) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(kMaxBody);
    stream_->expires_after(kIdle);
    boost::system::error_code error;
    co_await http::async_read(*stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error || closed_) break;
    const HttpRequest request = parser.release();
    if (websocket::is_upgrade(request)) {
      WebAnswer answer;
      answer.status = CheckUpgrade(host_->door, RequestOf(request));
      if (answer.status == 0) {
        co_await Bridge(request);
        break;
      }
      answer.type = "text/plain";
      co_await Send(request, answer);
      break;
    }
    const bool open = co_await Answer(request);
    if (!open) break;
  }
}

WebSession::Awaitable<bool> WebSession::Answer(const HttpRequest& request) {
  const WebAnswer answer = AnswerWeb(&host_->door, RequestOf(request));
  const bool sent = co_await Send(request, answer);
  co_return sent;
}

WebSession::Awaitable<bool> WebSession::Send(const HttpRequest& request, const WebAnswer& answer) {
  const std::string_view body = answer.file.empty() ? std::string_view(answer.text) : answer.file;
  http::response<http::span_body<const char>> response(static_cast<http::status>(answer.status), request.version());
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", FormatContentPolicy(host_->door));
  response.set("X-Content-Type-Options", "nosniff");
  response.set("X-Frame-Options", "DENY");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  if (answer.status == 405) response.set(http::field::allow, "GET, HEAD, POST");
  const bool keep = request.keep_alive();
  response.keep_alive(keep);
  if (request.method() != http::verb::head) {
    response.body() = beast::span<const char>(body.data(), body.size());
  }
  response.content_length(body.size());
  stream_->expires_after(kIdle);
  boost::system::error_code error;
  co_await http::async_write(*stream_, response, asio::redirect_error(asio::use_awaitable, error));
  co_return !error && keep && !closed_;
}

WebSession::Awaitable<void> WebSession::Bridge(const HttpRequest& request) {
  stream_->expires_never();
  socket_.emplace(std::move(*stream_));
  stream_.reset();
  socket_->set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
  socket_->set_option(websocket::stream_base::decorator(
      [](websocket::response_type& response) { response.set(http::field::sec_websocket_protocol, "smiley"); }));
  socket_->read_message_max(kMaxMessage);
  socket_->auto_fragment(false);
  boost::system::error_code error;
  co_await socket_->async_accept(request, asio::redirect_error(asio::use_awaitable, error));
  if (error || closed_ || host_->sessions->stopping) co_return;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) co_return;
  pipe_.assign(asio::local::stream_protocol(), ends[0], error);
  if (error) {
    ::close(ends[0]);
    ::close(ends[1]);
    co_return;
  }
  auto& sessions = *host_->sessions;
  Session::Socket other(sessions.io);
  other.assign(asio::local::stream_protocol(), ends[1], error);
  if (error) {
    ::close(ends[1]);
    co_return;
  }
  auto session = std::make_shared<Session>(host_->sessions, std::move(other));
  sessions.sessions.insert(session);
  sessions.session_count.store(sessions.sessions.size());
  session->Start();
  session.reset();
  asio::co_spawn(
      sessions.io, [self = shared_from_this()]() { return self->ToBrowser(); },
      [self = shared_from_this()](const std::exception_ptr&) { self->Close(); });
  co_await FromBrowser();
}

WebSession::Awaitable<void> WebSession::FromBrowser() {
  boost::system::error_code error;
  while (!closed_) {
    beast::flat_buffer message;
    co_await socket_->async_read(message, asio::redirect_error(asio::use_awaitable, error));
    if (error || closed_) break;
    const auto data = message.cdata();
    std::string bytes(static_cast<const char*>(data.data()), data.size());
    if (socket_->got_text()) bytes += '\n';
    co_await asio::async_write(pipe_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
}

WebSession::Awaitable<void> WebSession::ToBrowser() {
  boost::system::error_code error;
  WebStream stream;
  std::vector<char> bytes(kPipeBytes);
  std::vector<WebStream::Message> messages;
  while (!closed_) {
    const std::size_t got =
        co_await pipe_.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error || closed_) break;
    messages.clear();
    stream.Feed(std::string_view(bytes.data(), got), &messages);
    for (const auto& message : messages) {
      socket_->text(message.text);
      co_await socket_->async_write(asio::buffer(message.bytes), asio::redirect_error(asio::use_awaitable, error));
      if (error || closed_) co_return;
    }
  }
  // The session has ended (after a request that was no JSON): the WebSocket is closed properly.
  if (closed_ || !socket_->is_open()) co_return;
  co_await socket_->async_close(websocket::close_code::normal, asio::redirect_error(asio::use_awaitable, error));
}

}  // namespace smiley::daemon
