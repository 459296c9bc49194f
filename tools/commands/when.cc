// smiley-when: finds the events at which an expression becomes true.
#include <optional>
#include <string>

#include "shm/clock.h"
#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/commands/where.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"
#include "tools/view/names.h"
#include "tools/view/view.h"

namespace smiley::tools {

namespace {

struct Options {
  std::string selector, where;
  std::optional<std::uint64_t> thread, limit;
  bool first = false, last = false, count = false, reverse = false, json = false;
  ColorChoice color = ColorChoice::kAuto;
};

std::string RequestOf(const Options& options, const std::string& run) {
  std::string request = "{\"op\":\"when\",\"run\":" + Quote(run) + ",\"where\":" + Quote(options.where);
  if (options.thread) request += ",\"thread\":" + std::to_string(*options.thread);
  if (options.last) {
    request += ",\"last\":1";
  } else if (options.first) {
    request += ",\"limit\":1";
  } else if (options.limit) {
    request += ",\"limit\":" + std::to_string(*options.limit);
  }
  if (options.reverse) request += ",\"reverse\":true";
  if (options.count) request += ",\"count\":true";
  return request + "}";
}

}  // namespace

int WhenMain(int argc, char** argv) {
  Options options;
  Arguments arguments(
      "Finds the events of a run at which an expression becomes true. An expression over variables is followed in "
      "each "
      "call of a function separately; it becomes true where it holds and did not hold at the event before. One that "
      "uses event, value, exception or NAME changed matches every event at which it holds.",
      "smiley-when last 'balance < 0'\n"
      "smiley-when last 'Order.total changed' --first\n"
      "smiley-when last 'self.state == \"open\" and function ~ \"close\"' --json\n"
      "smiley-when last 'event == raise' --count");
  arguments.Word("RUN", &options.selector, "a run id or its beginning, last, last~1 or last:failed", true)
      .Word("EXPR", &options.where, "an expression, as in: balance < 0, Order.total changed, event == raise", true)
      .Flag("--first", &options.first, "only the first event")
      .Flag("--last", &options.last, "only the last event")
      .Number("-n", &options.limit, "at most N events")
      .Flag("--count", &options.count, "only print the number of events")
      .Flag("--reverse", &options.reverse, "last event first")
      .Number("--thread", &options.thread, "only this thread (see smiley-threads)")
      .Flag("--json", &options.json, "print JSON Lines: the events with position and the variables of the expression")
      .Color(&options.color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if ((options.first && options.last) || (options.limit && (options.first || options.last || *options.limit == 0))) {
    Say("--first, --last and -n exclude each other, and -n takes a number from 1");
    return kExitUsage;
  }
  if (options.where.empty()) {
    Say("the expression is empty; give one, as in: smiley-when last 'balance < 0'");
    return kExitUsage;
  }
  if (const auto exit = CheckWhere(options.where)) return *exit;
  const Result<OpenedRun> opened = OpenRun(options.selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;

  const Screen screen = DetectScreen(options.color);
  View::Options view_options = MakeViewOptions(screen);
  view_options.fold = false;
  View view(view_options, [](std::string_view text) { Output::Get().Write(text); });
  if (!options.json && !options.count) {
    if (const Status status = LoadNames(link, run->id, &view.renderer()); !status) return Fail(status);
  }
  EventParser parser;
  StreamObject object;
  Status broken;
  std::string end;
  const Status status = ForEachLine(
      link, RequestOf(options, run->id),
      [&](const std::string& line) {
        if (options.json) {
          Output::Get().Write(line + "\n");
          if (screen.terminal) Output::Get().Flush();
          return !Interrupted();
        }
        broken = parser.Parse(line, &object);
        if (!broken) return false;
        if (object.type != "event") return true;
        Output::Get().Write(
            Paint(screen.color, sgr::kDim,
                  PadLeft(std::to_string(object.event.thread) + ":" + std::to_string(object.event.seq), 10)) +
            "  ");
        view.AddEvent(std::move(object.event), static_cast<std::int64_t>(shm::MonotonicNs()));
        view.Flush();
        if (screen.terminal) Output::Get().Flush();
        return !Interrupted();
      },
      &end);
  const auto totals = AnswerObject::Parse(end);
  if (options.count && status.ok() && totals) {
    const std::string count = std::to_string(totals->Number("count"));
    Output::Get().Write(options.json ? "{\"type\":\"count\",\"count\":" + count + "}\n" : count + "\n");
  }
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (!broken) return Fail(broken);
  if (!totals) return Fail(totals.status());
  const std::uint64_t count = totals->Number("count");
  if (!options.json) {
    Say(Plural(count, "event", "events") + " of run " + run->id + "; read " +
        Plural(totals->Number("chunks_read"), "chunk", "chunks") + ", skipped " +
        Number(totals->Number("chunks_skipped")));
  }
  return count == 0 ? kExitNo : kExitOk;
}

}  // namespace smiley::tools
