// Thread rule: the table is constant. AnswerRequest may be called from any thread; it may read the disk.
//
// The requests of daemon/protocol/PROTOCOL.md as one table, and the answer to a request without its socket.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "daemon/protocol/producer.h"
#include "daemon/protocol/request.h"
#include "daemon/query/services.h"

namespace smiley::daemon {

// Which pool of the server makes the answer and its stream.
enum class Pace {
  kQuick,  // a short answer, or a live view that waits most of the time
  kLong,   // may read or compute for long
};
// Whose requests are accepted.
enum class Reach {
  kAnywhere,
  kLocal,  // concerns this machine's own programs: refused to clients that came over the network
};
// Who leads the request.
enum class Lead {
  kHandler,  // the row's handler; its reply is the whole answer
  // The session (daemon/server/session.h), because more passes than a request and its answer. No handler.
  kFinish,
  kImport,
  kWeb,
  kStop,
};

// Called when a waiting stream has something to send; from any thread, as long as the stream lives.
using Wake = std::function<void()>;

struct RequestRow {
  std::string_view name;                                                                 // "op"
  Reply (*handler)(const Services& services, const Request& request, const Wake& wake);  // null unless kHandler
  Pace pace;
  Reach reach;
  Lead lead = Lead::kHandler;
};

// All requests, in PROTOCOL.md's order.
std::span<const RequestRow> RequestTable();
// Null: there is no such request.
const RequestRow* FindRequest(std::string_view name);

// Answers with the handler of the request's row. An unknown request, and one that only a session leads, is refused.
Reply AnswerRequest(const Services& services, const Request& request, const Wake& wake);

}  // namespace smiley::daemon
