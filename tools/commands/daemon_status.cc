#include "tools/commands/daemon_status.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/link/run_view.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using Json = nlohmann::json;

template <typename T>
T At(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<T>() : T{};
}
std::string Text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? Clean(at->get<std::string>()) : std::string();
}
std::string Percent(double part) { return std::to_string(std::lround(part * 100)) + " %"; }
std::string PerSecond(double n) { return Number(static_cast<std::uint64_t>(n < 0 ? 0 : n + 0.5)); }

std::string RunTable(const Json& runs, const Screen& screen) {
  Table table(screen.color, screen.unicode, screen.width);
  table.AddColumn("RUN");
  table.AddColumn("EVENTS/S", Table::Align::kRight);
  table.AddColumn("DRAINED/S", Table::Align::kRight);
  table.AddColumn("EVENTS", Table::Align::kRight);
  table.AddColumn("LOST", Table::Align::kRight);
  table.AddColumn("PROCESSES", Table::Align::kRight);
  table.AddColumn("COMMAND");
  for (const Json& item : runs) {
    const Result<RunView> run = ParseRun(item.dump());
    if (!run) continue;
    table.AddRow({{run->id, sgr::kBoldCyan},
                  {PerSecond(At<double>(item, "events_per_second"))},
                  {Bytes(static_cast<std::uint64_t>(At<double>(item, "bytes_per_second")))},
                  {Number(run->events)},
                  {run->lost == 0 ? "-" : Number(run->lost), run->lost == 0 ? sgr::kDim : sgr::kAlarm},
                  {Number(At<std::uint64_t>(item, "live_processes"))},
                  {Clean(CommandLine(run->command)), sgr::kBold}});
  }
  return table.empty() ? std::string() : "\n" + table.Format();
}

constexpr std::size_t kMostRings = 40;

std::string RingTable(const Json& rings, const Screen& screen) {
  Table table(screen.color, screen.unicode, screen.width);
  table.AddColumn("RING OF RUN");
  table.AddColumn("PROCESS", Table::Align::kRight);
  table.AddColumn("THREAD", Table::Align::kRight);
  table.AddColumn("SIZE", Table::Align::kRight);
  table.AddColumn("FILL", Table::Align::kRight);
  table.AddColumn("ON FULL");
  table.AddColumn("STATE");
  std::size_t count = 0;
  for (const Json& ring : rings) {
    if (++count > kMostRings) continue;
    const double fill = At<double>(ring, "fill");
    const bool dropping = ring.value("dropping", false);
    const auto thread = At<std::uint64_t>(ring, "thread");
    std::string state = dropping ? "dropping" : thread == 0 ? "idle" : "recording";
    if (ring.value("in_file", false)) state += ", in a file";
    table.AddRow({{Text(ring, "run"), sgr::kBoldCyan},
                  {std::to_string(At<std::uint64_t>(ring, "process"))},
                  {thread == 0 ? "-" : std::to_string(thread)},
                  {Bytes(At<std::uint64_t>(ring, "bytes"))},
                  {Percent(fill), fill > 0.9   ? sgr::kRed
                                  : fill > 0.5 ? sgr::kYellow
                                               : sgr::kGreen},
                  {Text(ring, "on_full")},
                  {state, dropping ? sgr::kAlarm : sgr::kDim}});
  }
  if (table.empty()) return {};
  std::string out = "\n" + table.Format();
  if (count > kMostRings) out += "and " + Number(count - kMostRings) + " more rings\n";
  return out;
}

}  // namespace

Result<std::string> RenderStatus(const std::string& answer, const Screen& screen, std::int64_t now_ns) {
  const Json status = Json::parse(answer, nullptr, false);
  if (!status.is_object())
    return Status(Code::kDamaged, "the daemon's answer cannot be read; smiley-daemon restart may help");
  std::string out;
  const auto fact = [&](std::string_view name, const std::string& text, std::string_view style = {}) {
    out += Paint(screen.color, sgr::kDim, PadRight(name, 12)) + Paint(screen.color, style, text) + "\n";
  };
  fact("daemon",
       "running, pid " + std::to_string(At<std::uint64_t>(status, "pid")) + ", for " +
           Duration(now_ns - At<std::int64_t>(status, "start_ns")) + ", version " + Text(status, "version"),
       sgr::kGreen);
  fact("home", Text(status, "home"));
  fact("store", Text(status, "store") + ": " + Plural(At<std::uint64_t>(status, "runs_stored"), "run", "runs") +
                    ", " + Bytes(At<std::uint64_t>(status, "store_bytes")) + ", " +
                    Bytes(At<std::uint64_t>(status, "free_bytes")) + " free on this disk");
  const std::string listen = Text(status, "listen");
  if (!listen.empty()) fact("listens", listen + " with TLS; smiley-daemon token prints the token for clients");
  const auto quota = At<std::uint64_t>(status, "quota_bytes");
  if (quota != 0) {
    const bool over = At<std::uint64_t>(status, "store_bytes") > quota;
    fact("quota",
         Bytes(quota) + (over ? ", exceeded: running and pinned runs are kept"
                              : "; beyond it the oldest runs are deleted, except pinned ones"),
         over ? sgr::kYellow : sgr::kGreen);
  }
  fact("memory", Bytes(At<std::uint64_t>(status, "memory_bytes")) + ", " +
                     Bytes(At<std::uint64_t>(status, "in_flight_bytes")) + " waiting for the store");
  const auto lost = At<std::uint64_t>(status, "lost");
  fact("lost", lost == 0 ? "nothing" : Plural(lost, "event", "events") + " of the running runs",
       lost == 0 ? sgr::kGreen : sgr::kAlarm);
  const std::string bottleneck = Text(status, "bottleneck");
  fact("bottleneck", bottleneck.empty() ? "none" : bottleneck,
       bottleneck.empty() || bottleneck == "none" ? sgr::kGreen : sgr::kYellow);
  fact("watchers", Number(At<std::uint64_t>(status, "watchers")));
  const std::string problem = Text(status, "problem");
  if (!problem.empty()) fact("problem", problem, sgr::kAlarm);
  const Json runs = status.value("runs", Json::array()), rings = status.value("rings", Json::array());
  for (const Json& forward : status.value("forwarding", Json::array())) {
    const std::string error = Text(forward, "error"), state = Text(forward, "state");
    fact("to be sent",
         "run " + Text(forward, "run") + " to " + Text(forward, "to") + ": " +
             (state == "sending"     ? "sending, " + Bytes(At<std::uint64_t>(forward, "sent_bytes"))
              : state == "recording" ? "sent when it has ended"
                                     : "waiting") +
             (error.empty() ? "" : "; last try: " + error),
         error.empty() ? std::string_view() : sgr::kYellow);
  }
  if (runs.empty()) fact("runs", "none running");
  return out + RunTable(runs, screen) + RingTable(rings, screen);
}

std::string StatusObject(const std::string& answer) {
  Json status = Json::parse(answer, nullptr, false);
  if (!status.is_object()) return answer;
  status.erase("id");
  status.erase("ok");
  Json out = {{"type", "status"}, {"running", true}};
  out.update(status);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace smiley::tools
