#include "daemon/query/answer.h"

#include <string>

#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

// The handler of a row whose answer never waits.
template <Reply (*handler)(const Services&, const Request&)>
Reply Answer(const Services& services, const Request& request, const Wake&) {
  return handler(services, request);
}

constexpr RequestRow kRequests[] = {
    {"hello", Answer<AnswerHello>, Pace::kQuick, Reach::kAnywhere},
    {"status", Answer<AnswerStatus>, Pace::kQuick, Reach::kAnywhere},
    {"runs", Answer<AnswerRuns>, Pace::kQuick, Reach::kAnywhere},
    {"run", Answer<AnswerRun>, Pace::kQuick, Reach::kAnywhere},
    {"processes", Answer<AnswerProcesses>, Pace::kQuick, Reach::kAnywhere},
    {"threads", Answer<AnswerThreads>, Pace::kLong, Reach::kAnywhere},
    {"tasks", Answer<AnswerTasks>, Pace::kQuick, Reach::kAnywhere},
    {"sources", Answer<AnswerSources>, Pace::kLong, Reach::kAnywhere},
    {"replay", Answer<AnswerReplay>, Pace::kLong, Reach::kAnywhere},
    {"state", Answer<AnswerState>, Pace::kLong, Reach::kAnywhere},
    {"step", Answer<AnswerStep>, Pace::kLong, Reach::kAnywhere},
    {"when", Answer<AnswerWhen>, Pace::kLong, Reach::kAnywhere},
    {"why", Answer<AnswerWhy>, Pace::kLong, Reach::kAnywhere},
    {"timeline", Answer<AnswerTimeline>, Pace::kLong, Reach::kAnywhere},
    {"hits", Answer<AnswerHits>, Pace::kLong, Reach::kAnywhere},
    {"tail", AnswerTail, Pace::kQuick, Reach::kAnywhere},
    {"stats", Answer<AnswerStats>, Pace::kLong, Reach::kAnywhere},
    {"calls", Answer<AnswerCalls>, Pace::kLong, Reach::kAnywhere},
    {"exceptions", Answer<AnswerExceptions>, Pace::kLong, Reach::kAnywhere},
    {"output", Answer<AnswerOutput>, Pace::kLong, Reach::kAnywhere},
    {"diff", Answer<AnswerDiff>, Pace::kLong, Reach::kAnywhere},
    {"export", Answer<AnswerExport>, Pace::kLong, Reach::kAnywhere},
    {"import", nullptr, Pace::kLong, Reach::kAnywhere, Lead::kImport},
    {"delete", Answer<AnswerDelete>, Pace::kLong, Reach::kAnywhere},
    {"pin", Answer<AnswerPin>, Pace::kQuick, Reach::kAnywhere},
    {"begin", Answer<AnswerBegin>, Pace::kQuick, Reach::kLocal},
    {"finish", nullptr, Pace::kQuick, Reach::kLocal, Lead::kFinish},
    {"dump", Answer<AnswerDump>, Pace::kQuick, Reach::kLocal},
    {"forward", Answer<AnswerForward>, Pace::kQuick, Reach::kAnywhere},
    {"web", nullptr, Pace::kQuick, Reach::kAnywhere, Lead::kWeb},
    {"check", Answer<AnswerCheck>, Pace::kLong, Reach::kAnywhere},
    {"reindex", Answer<AnswerReindex>, Pace::kLong, Reach::kAnywhere},
    {"stop", nullptr, Pace::kQuick, Reach::kLocal, Lead::kStop},
};

}  // namespace

std::span<const RequestRow> RequestTable() { return kRequests; }

const RequestRow* FindRequest(std::string_view name) {
  for (const RequestRow& row : kRequests) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Reply AnswerRequest(const Services& services, const Request& request, const Wake& wake) {
  const RequestRow* row = FindRequest(request.op);
  if (row == nullptr) {
    return Refuse(Status(Code::kInvalid,
                         "there is no request '" + request.op.substr(0, 40) + "' (another version of smiley?)"));
  }
  if (row->handler == nullptr) {
    return Refuse(Status(Code::kGone, "'" + request.op + "' needs a running daemon: smiley-daemon start"));
  }
  return row->handler(services, request, wake);
}

}  // namespace smiley::daemon
