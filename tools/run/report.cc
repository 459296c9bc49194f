#include "tools/run/report.h"

#include <fcntl.h>
#include <poll.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/background/whole_file.h"
#include "daemon/protocol/client.h"
#include "daemon/protocol/json_object.h"
#include "shm/base/identity.h"
#include "shm/clock.h"
#include "tools/link/link.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using daemon::JsonObject;

constexpr int kDrainWaitMs = 5000;
constexpr std::size_t kMaxCommandBytes = 256 * 1024;  // a request has at most 1 MiB, and JSON may escape bytes

std::vector<std::string> ShortenCommand(const std::vector<std::string>& command) {
  std::vector<std::string> out;
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    bytes += word.size() + 4;
    if (bytes > kMaxCommandBytes) {
      out.push_back("…");
      break;
    }
    out.push_back(word);
  }
  return out;
}

void AddEnd(JsonObject* out, const Ended& ended) {
  JsonObject& object = *out;
  if (ended.signal != 0) {
    object.Signed("signal", ended.signal);
  } else {
    object.Signed("exit_code", ended.exit_code);
  }
}

std::string MakeFinishRequest(const RunStart& start, const Ended& ended, int wait_ms) {
  std::string request;
  JsonObject object(&request);
  object.Text("op", "finish").Text("run", start.id);
  AddEnd(&object, ended);
  object.Number("wait_ms", static_cast<std::uint64_t>(wait_ms)).End();
  return request;
}

std::string Cwd() {
  char cwd[4096];
  return getcwd(cwd, sizeof cwd) ? cwd : "";
}

// Leaves the end of the run for the next daemon, which may not know the run. Writes the whole file or nothing.
Status SpoolEnd(const shm::Home& home, const RunOptions& options, const RunStart& start, const Ended& ended) {
  std::string request;
  JsonObject object(&request);
  object.Text("run", start.id)
      .Texts("command", ShortenCommand(start.command))
      .Text("cwd", Cwd())
      .Text("name", options.name);
  object.Signed("start_ns", start.start_ns);
  AddEnd(&object, ended);
  object.End();
  mkdir(home.SpoolDir().c_str(), 0700);
  return daemon::WriteWholeFile(home.SpoolDir() / (start.id + ".json"), request + "\n");
}

struct Stored {
  std::uint64_t events = 0, lost = 0, bytes = 0, processes = 0, threads = 0;
  bool drained = false, going = false;
  std::vector<std::uint64_t> alive;
};

Stored ReadAnswer(const std::string& line) {
  Stored out;
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  if (parser.parse(line).get(answer) != simdjson::SUCCESS) return out;
  // An absent field does not change the value.
  const auto number = [&answer](const char* pointer, std::uint64_t* to) {
    std::uint64_t value;
    if (answer.at_pointer(pointer).get(value) == simdjson::SUCCESS) *to = value;
  };
  number("/run/events", &out.events);
  number("/run/lost", &out.lost);
  number("/run/bytes", &out.bytes);
  number("/run/processes", &out.processes);
  number("/run/threads", &out.threads);
  bool drained;
  out.drained = answer["drained"].get(drained) == simdjson::SUCCESS && drained;
  std::string_view state;
  out.going = answer.at_pointer("/run/state").get(state) == simdjson::SUCCESS && state == "running";
  simdjson::dom::array list;
  if (answer["alive"].get(list) == simdjson::SUCCESS) {
    for (const auto item : list) {
      std::uint64_t pid;
      if (item.get(pid) == simdjson::SUCCESS) out.alive.push_back(pid);
    }
  }
  return out;
}

// Whether the run was sent to the other daemon, or why not yet.
struct Sent {
  bool done = false;
  std::string why;
};

// Polls the daemon until the run is sent or cannot be sent now, `until_ns` has passed, or interrupt_fd is readable.
Sent WaitUntilSent(daemon::Client* client, const std::string& run, std::uint64_t until_ns, int interrupt_fd) {
  std::string request;
  JsonObject object(&request);
  object.Text("op", "forward").Text("run", run).End();
  for (;;) {
    const auto line = client->Ask(request);
    if (!line) return {false, line.status().message()};
    simdjson::dom::parser parser;
    simdjson::dom::element answer, forward;
    if (parser.parse(*line).get(answer) != simdjson::SUCCESS || answer["forward"].get(forward) != simdjson::SUCCESS)
      return {};
    if (forward.is_null()) return {true, {}};
    std::string_view error;
    if (forward["error"].get(error) == simdjson::SUCCESS && !error.empty()) return {false, std::string(error)};
    if (shm::MonotonicNs() >= until_ns) return {};
    pollfd wait{interrupt_fd, POLLIN, 0};
    if (poll(&wait, 1, 25) > 0) return {};
  }
}

void SaySummary(const RunOptions& options, const RunStart& start, const Stored& stored, const Sent& sent) {
  std::string line = "run " + start.id + ": " + Plural(stored.events, "event", "events") + ", " +
                     Plural(stored.threads, "thread", "threads") + ", " +
                     Plural(stored.processes, "process", "processes") + ", " + Number(stored.lost) + " lost, " +
                     Bytes(stored.bytes) + " stored";
  if (stored.processes == 0) {
    line = "run " + start.id + ": nothing was recorded, because no Python with a smiley tracer was started";
  } else if (!stored.drained) {
    line += " so far, more is being stored";
  } else if (!stored.alive.empty()) {
    line += " so far, " + Plural(stored.alive.size(), "process is", "processes are") + " still running";
  }
  if (options.remote.empty()) return Say(line + "; next: smiley-replay " + start.id);
  if (sent.done)
    return Say(line + " at " + options.remote + "; next: smiley-replay " + start.id + " --connect " + options.remote);
  Say(line + ", still to be sent to " + options.remote + (sent.why.empty() ? "" : " (" + sent.why + ")") +
      "; the daemon keeps trying; next: smiley-daemon status");
}

}  // namespace

Status ReportBegin(const shm::Home& home, const RunOptions& options, const RunStart& start) {
  auto client = OpenClient(home);
  if (!client) return client.status();
  const auto self = shm::SelfIdentity();
  std::string request;
  JsonObject object(&request);
  object.Text("op", "begin").Text("run", start.id).Texts("command", ShortenCommand(start.command));
  object.Text("cwd", Cwd()).Text("name", options.name).Text("detail", options.detail);
  object.Signed("start_ns", start.start_ns)
      .Number("launcher_pid", self.pid)
      .Number("launcher_start", self.start_time);
  if (!options.remote.empty()) object.Text("forward", options.remote).Text("token", options.remote_token);
  object.End();
  return (*client)->Ask(request).status();
}

void ReportEnd(const shm::Home& home, const RunOptions& options, const RunStart& start, const Ended& ended,
               int interrupt_fd) {
  const std::uint64_t until_ns = shm::MonotonicNs() + std::uint64_t{kDrainWaitMs} * 1'000'000;
  // The daemon may have died. OpenClient starts another one, which continues with the rings.
  Status reached;
  {
    auto starter = OpenClient(home);
    if (!starter) reached = starter.status();
  }
  if (reached.ok()) {
    daemon::Client::Options connect;
    connect.interrupt_fd = interrupt_fd;
    connect.timeout = std::chrono::milliseconds(kDrainWaitMs + 3000);
    auto client = daemon::Client::Connect(home, connect);
    auto answer =
        client ? (*client)->Ask(MakeFinishRequest(start, ended, kDrainWaitMs)) : Result<std::string>(client.status());
    if (answer) {
      const Stored stored = ReadAnswer(*answer);
      Sent sent;
      if (!options.remote.empty() && stored.drained)
        sent = WaitUntilSent(client->get(), start.id, until_ns, interrupt_fd);
      if (!options.quiet) SaySummary(options, start, stored, sent);
      return;
    }
    if (answer.status().code() == Code::kInterrupted) {
      if (!options.quiet) Say("run " + start.id + ": still being stored; next: smiley-show " + start.id);
      return;
    }
    reached = answer.status();
  }
  const Status spooled = SpoolEnd(home, options, start, ended);
  Say("run " + start.id + ": the daemon cannot be reached (" + reached.message() + "); " +
      (spooled.ok() ? "the events are stored when it runs again: smiley-daemon start"
                    : "the end of the program could not be saved: " + spooled.message()));
}

void ReportDump(const shm::Home& home, const RunOptions& options, const RunStart& start) {
  std::string request;
  JsonObject object(&request);
  object.Text("op", "dump").Text("run", start.id).End();
  auto client = OpenClient(home);
  const Status asked = client ? (*client)->Ask(request).status() : client.status();
  if (!asked.ok()) return Say("run " + start.id + ": nothing was stored (" + asked.message() + ")");
  if (!options.quiet)
    Say("run " + start.id + ": the newest events are being stored; next: smiley-replay " + start.id);
}

void ReportNeverStarted(const shm::Home& home, const RunStart& start, int exit_code) {
  auto client = OpenClient(home);
  if (!client) return;
  Ended ended;
  ended.exit_code = exit_code;
  if (!(*client)->Ask(MakeFinishRequest(start, ended, 1000))) return;
  std::string request;
  JsonObject object(&request);
  object.Text("op", "delete").Texts("runs", {start.id}).End();
  // A failed delete is not reported, because the failure of the program was.
  if (!(*client)->Ask(request)) return;
}

}  // namespace smiley::tools
