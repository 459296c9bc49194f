// "forward": the destination of a run, and how much of it was sent.
#include "daemon/background/forwarder.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {

Reply AnswerForward(const Services& services, const Request& request) {
  const auto run = request.NeedText("run");
  if (!run) return Refuse(run.status());
  Reply reply;
  reply.members = "\"forward\":null";
  if (services.forwarder == nullptr) return reply;
  for (const ForwardStatus& status : services.forwarder->ReadStatus()) {
    if (status.run != *run) continue;
    reply.members = "\"forward\":";
    AppendForward(&reply.members, status);
  }
  return reply;
}

}  // namespace smiley::daemon
