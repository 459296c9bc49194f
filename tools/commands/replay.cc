// smiley-replay: prints a stored run in the format of smiley-tail.
#include <optional>
#include <string>

#include "shm/clock.h"
#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/commands/where.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/terminal/screen.h"
#include "tools/view/names.h"
#include "tools/view/view.h"

namespace smiley::tools {

namespace {

struct Options {
  std::string selector = "last", where, from;
  std::optional<std::uint64_t> thread, limit, last;
  bool json = false, no_fold = false, times = false;
  ColorChoice color = ColorChoice::kAuto;
};

// Parses --from: "1017", or "2:1017", which sets the thread too.
Status ReadFrom(Options* options, std::optional<std::uint64_t>* seq) {
  if (options->from.empty()) return Status::Ok();
  const Status wrong(Code::kInvalid,
                     "--from takes a position, as in 2:1017 (thread:event), or with --thread the number of an event");
  const auto number = [](const std::string& text) -> std::optional<std::uint64_t> {
    if (text.empty() || text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    return std::stoull(text);
  };
  const std::size_t colon = options->from.find(':');
  *seq = number(colon == std::string::npos ? options->from : options->from.substr(colon + 1));
  if (!seq->has_value()) return wrong;
  if (colon != std::string::npos) {
    const auto thread = number(options->from.substr(0, colon));
    if (!thread || (options->thread && *options->thread != *thread)) return wrong;
    options->thread = thread;
  }
  return options->thread ? Status::Ok() : wrong;
}

}  // namespace

int ReplayMain(int argc, char** argv) {
  Options options;
  Arguments arguments("Shows a stored run event by event, in the format of smiley-tail.",
                      "smiley-replay last | less -R\n"
                      "smiley-replay last --where 'event == raise'\n"
                      "smiley-replay last --thread 2 --from 2:1017 --limit 50\n"
                      "smiley-replay last --json | jq .function");
  arguments
      .Word("RUN", &options.selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Text("--where", &options.where,
            "only events that match an expression, as in: function == \"pay\" and amount < 0", "EXPR")
      .Number("--thread", &options.thread, "only this thread (see smiley-threads)")
      .Text("--from", &options.from, "start at this position, as in 2:1017", "THREAD:EVENT")
      .Number("--limit", &options.limit, "at most N events")
      .Number("-n,--last", &options.last, "only the last N events")
      .Flag("--no-fold", &options.no_fold, "show every iteration of a loop")
      .Flag("--times", &options.times, "show the time of each event")
      .Flag("--json", &options.json, "print JSON Lines, one object an event")
      .Color(&options.color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  std::optional<std::uint64_t> from;
  if (const Status status = ReadFrom(&options, &from); !status) {
    Say(status.message());
    return kExitUsage;
  }
  if (const auto exit = CheckWhere(options.where)) return *exit;
  const Result<OpenedRun> opened = OpenRun(options.selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;

  const Screen screen = DetectScreen(options.color);
  View::Options view_options = MakeViewOptions(screen);
  view_options.render.times = options.times;
  view_options.fold = !options.no_fold;
  View view(view_options, [](std::string_view text) { Output::Get().Write(text); });
  if (!options.json) {
    if (const Status status = LoadNames(link, run->id, &view.renderer()); !status) return Fail(status);
  }

  std::string request = "{\"op\":\"replay\",\"run\":" + Quote(run->id);
  if (!options.where.empty()) request += ",\"where\":" + Quote(options.where);
  if (options.thread) request += ",\"thread\":" + std::to_string(*options.thread);
  if (from) request += ",\"from\":" + std::to_string(*from);
  if (options.limit) request += ",\"limit\":" + std::to_string(*options.limit);
  if (options.last) request += ",\"last\":" + std::to_string(*options.last);
  request += "}";
  EventParser parser;
  StreamObject object;
  Status broken;
  bool begun = false;
  std::uint64_t count = 0;
  const Status status = ForEachLine(link, request, [&](const std::string& line) {
    if (options.json) {
      Output::Get().Write(line);
      Output::Get().Write("\n");
      ++count;
      return !Interrupted();
    }
    broken = parser.Parse(line, &object);
    if (!broken) return false;
    if (!begun) view.BeginRun(*run);
    begun = true;
    if (object.type == "event") {
      ++count;
      view.AddEvent(std::move(object.event), static_cast<std::int64_t>(shm::MonotonicNs()));
    } else if (object.type == "gap") {
      view.AddGap(object.skipped, static_cast<std::int64_t>(shm::MonotonicNs()));
    }
    return !Interrupted();
  });
  view.Flush();
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (!broken) return Fail(broken);
  if (options.json) return kExitOk;
  if (count == 0) {
    Say(run->events == 0        ? "run " + run->id + " has no events; see smiley-show " + run->id + TargetWords()
        : options.where.empty() ? "no event of run " + run->id + " matches"
                                : "no event of run " + run->id + " matches " + options.where);
    return kExitNo;
  }
  const bool whole = !options.limit || count < *options.limit;
  if (whole) view.EndRun(*run);
  Output::Get().Flush();
  return kExitOk;
}

}  // namespace smiley::tools
