// Thread rule: belongs to the io thread, apart from Make, which runs before that thread starts.
//
// The server's TCP side: TLS 1.3 with the home's certificate, then one line with the token, then the protocol of the
// UNIX socket. An authenticated connection is joined to an ordinary session by a pair of sockets; this class only
// copies bytes. Clients without TLS, without the token, or too slow with either are refused.
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
  // `address` as in ParseAddress; port 0: any free one. `arrived` gets the session's end of each authenticated
  // connection; it returns false when it refuses the connection. kInvalid, kPermission, kIo; kBusy: the port is in
  // use.
  static Result<std::unique_ptr<TlsListener>> Make(boost::asio::io_context& io, const RemoteAccess& access,
                                                   const std::string& address,
                                                   std::function<bool(LocalSocket)> arrived);
  ~TlsListener();
  void Start();
  // Closes all connections. `arrived` is not called afterwards.
  void Close();
  const std::string& address() const;  // with the actual port

 private:
  TlsListener() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smiley::daemon
