// Thread rule: Start and Stop belong to one thread; the server runs its own threads.
//
// Serves the clients of one home over its UNIX socket (daemon/protocol/PROTOCOL.md). One strand does all talking and
// never computes; answers are made on worker threads in small steps, each awaited by the client's own writes, so that
// a slow or stuck client costs a bounded buffer and no thread.
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
    // Threads for answers and live views; threads for what may compute for long (replay, export, import, check).
    // At least 1 each; more let more clients compute at once, at the cost of the traced programs' processors.
    unsigned quick_threads = 2;
    unsigned bulk_threads = 2;
    // Connections at once; further ones wait in the system's queue until one ends.
    std::size_t max_clients = 8192;
    // Where the page is served, as --web takes it: HOST:PORT, "off"; empty: on the loopback when it is first asked
    // for.
    std::string web;
    // HOST:PORT to listen on as well, with TLS and the home's token; empty = the UNIX socket only; port 0: any.
    std::string listen;
    // Called once the request "stop" is answered, on the io thread: returns at once; its owner then calls Stop from
    // another thread. Null: "stop" has no effect.
    std::function<void()> request_stop;
  };
  // Listens on the home's socket. REQUIRES the home's daemon lock. The services outlive the server.
  static Result<std::unique_ptr<Server>> Start(const Services& services, const Options& options);
  static Result<std::unique_ptr<Server>> Start(const Services& services) { return Start(services, Options()); }
  // Closes all connections, drops unfinished imports, waits for the threads. Called by the destructor too. Not to be
  // called from `request_stop`.
  void Stop();
  ~Server();  // NOLINT(bugprone-exception-escape): a thread that cannot be joined is the end of the daemon
  std::size_t clients() const;  // connected now
  // The TCP address with the port that it got; empty = none.
  const std::string& listen() const;

 private:
  Server() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
