// Thread rule: belongs to the io thread, apart from Make, which runs before that thread does.
//
// The server's TCP side: TLS 1.3 with the home's certificate, then one line with the token, then the same protocol as
// on the UNIX socket. A connection that got that far is one end of a socket pair, whose other end is a session like
// all others; this file only carries bytes. Whoever does not speak TLS, has no token or is slow about it is sent
// away.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "daemon/protocol/remote_access.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class TlsListener {
 public:
  using LocalSocket = boost::asio::local::stream_protocol::socket;
  // `address` as in ParseAddress; port 0: any that is free. `arrived` gets the session's end of each connection that
  // was let in, and says whether it took it. kInvalid, kBusy (somebody listens there), kPermission, kIo.
  static Result<std::unique_ptr<TlsListener>> Make(boost::asio::io_context& io, const RemoteAccess& access,
                                                   const std::string& address,
                                                   std::function<bool(LocalSocket)> arrived);
  ~TlsListener();
  void Start();
  // Closes all connections; later calls of `arrived` do not happen.
  void Close();
  const std::string& address() const;  // with the port that it got

 private:
  TlsListener() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
