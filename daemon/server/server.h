// Thread rule: Start and Stop belong to one thread; the server runs its own threads.
//
// Serves the clients of one home over its UNIX socket (daemon/protocol/PROTOCOL.md). One io thread does all network
// I/O and never computes. Worker threads make the answers in small steps; the next step begins when the client has
// read the previous one. A slow or stuck client therefore costs a bounded buffer and no thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "daemon/query/services.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class Server {
 public:
  struct Options {
    // Threads for quick requests, and threads for those that may compute for long (Pace in daemon/query/answer.h). At
    // least 1 each. More threads let more clients compute at once, at the cost of the traced programs' processors.
    unsigned quick_threads = 2;
    unsigned bulk_threads = 2;
    // Maximum number of connections. Further ones wait in the kernel's queue until one ends.
    std::size_t max_clients = 8192;
    // The page's address, as for --web: HOST:PORT or "off". Empty: on the loopback, from the first request "web" on.
    std::string web;
    // HOST:PORT to listen on as well, with TLS and the home's token. Empty: only the UNIX socket. Port 0: any free
    // one.
    std::string listen;
    // Called on the io thread when the request "stop" has been answered. It must return at once; its owner then calls
    // Stop from another thread. Null: "stop" has no effect.
    std::function<void()> request_stop;
  };
  // Listens on the home's socket. REQUIRES the home's daemon lock. The services outlive the server.
  static Result<std::unique_ptr<Server>> Start(const Services& services, const Options& options);
  static Result<std::unique_ptr<Server>> Start(const Services& services) { return Start(services, Options()); }
  // Closes all connections, drops unfinished imports and joins the threads. The destructor calls it, too. REQUIRES
  // that the caller is not `request_stop`.
  void Stop();
  ~Server();  // NOLINT(bugprone-exception-escape): a thread that cannot be joined is the end of the daemon
  std::size_t clients() const;  // number of connections
  // The TCP address with its actual port; empty: none.
  const std::string& listen() const;

 private:
  Server() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
