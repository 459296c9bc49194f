// Thread rule: a Session and its SessionHost's members belong to the io thread, except where noted. A session's work
// for the pools runs there while its coroutine waits.
//
// One client of the server: a session reads request lines and writes answers and streams, one write at a time.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "daemon/query/answer.h"
#include "daemon/query/services.h"
#include "daemon/server/web_door.h"

namespace smiley::daemon {

class Session;

// The state that the sessions of one server share.
struct SessionHost {
  SessionHost(const Services& services_in, unsigned quick_threads, unsigned bulk_threads)
      : services(services_in), guard(io.get_executor()), gate(io), quick(quick_threads), bulk(bulk_threads) {}

  Services services;
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  boost::asio::steady_timer gate;  // cancelled when a session ends, because the acceptor may wait for that
  boost::asio::thread_pool quick;  // for Pace::kQuick
  boost::asio::thread_pool bulk;   // for Pace::kLong
  std::unordered_set<std::shared_ptr<Session>> sessions;
  std::atomic<std::size_t> session_count{0};  // may be read from any thread
  bool stopping = false;
  std::function<void()> request_stop;  // Server::Options::request_stop; may be null
  // Makes an address that opens the page. The server sets it; sessions call it on the io thread.
  std::function<Result<WebInvitation>(std::string_view path)> invite;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  // `remote`: the client came over the network, so requests of Reach::kLocal are refused.
  Session(std::shared_ptr<SessionHost> host, Socket socket, bool remote = false);
  // Serves until the client closes the connection or breaks the protocol, or until Close(). Then leaves the host.
  void Start();
  void Close();

 private:
  template <typename T>
  using Awaitable = boost::asio::awaitable<T>;
  using TimePoint = std::chrono::steady_clock::time_point;

  Awaitable<void> Run();
  // False: end of file, an error, or a line that is too long (then its error was answered).
  Awaitable<bool> ReadLine(std::string* line);
  Awaitable<bool> ReadBytes(std::size_t count, std::string* bytes);
  Awaitable<bool> FillInput();
  Awaitable<bool> Write(const std::string& bytes);
  // Each of these returns false when the connection has to be closed.
  Awaitable<bool> Handle(const std::string& line);
  Awaitable<bool> Stream(const Request& request, std::unique_ptr<Producer> producer, bool binary, bool quick);
  Awaitable<bool> Answer(const Request& request, const RequestRow& row);
  Awaitable<bool> Finish(const Request& request);
  Awaitable<bool> Import(const Request& request);
  Awaitable<bool> Web(const Request& request);
  Awaitable<bool> StopDaemon(const Request& request);
  Awaitable<bool> AnswerError(const std::string& id_json, const Status& status);
  // Runs `work` on a pool and returns to the io thread. False: the work threw an exception (no memory).
  template <typename Work>
  Awaitable<bool> OnPool(boost::asio::thread_pool& pool, Work work);
  // Waits for a wake, until `until`, or until the client closes the connection. With `heed_client`, also until the
  // client sends a request. Clears the wake.
  Awaitable<void> WaitForWake(TimePoint until, bool heed_client);
  void Wake();
  std::function<void()> MakeWake();
  void WatchClient();  // makes WaitForWake end when the client sends data or closes the connection
  bool ClientGone();   // the client has closed both directions

  std::shared_ptr<SessionHost> host_;
  Socket socket_;
  const bool remote_;
  boost::asio::steady_timer timer_;
  RequestParser parser_;
  std::string in_;         // received bytes
  std::size_t in_at_ = 0;  // offset of the first unread byte in in_
  bool woken_ = false;
  bool watching_ = false;
  bool client_spoke_ = false;
  bool half_closed_ = false;  // the client has closed its writing end
  bool closed_ = false;
};

}  // namespace smiley::daemon
