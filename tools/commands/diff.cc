// smiley-diff: compares two runs by their events, or by their times.
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

struct Options {
  std::string a, b;
  std::vector<std::string> ignored;
  std::optional<std::uint64_t> limit;
  bool stats = false, flow = false, json = false;
  ColorChoice color = ColorChoice::kAuto;
};

std::string FormatPlace(const AnswerObject& spot) {
  if (!spot.Has("file")) return {};
  const std::string file = spot.Text("file");
  return Clean(BaseName(file)) + ":" + std::to_string(spot.Number("line"));
}

// The event of run `side` at a difference. REQUIRES that the run has one there.
std::string FormatSpot(const AnswerObject& difference, const char* side, const Screen& screen) {
  const AnswerObject spot = difference.Object(side);
  const std::string event = spot.Text("event");
  std::string text = Paint(screen.color, sgr::kBold, PadRight(FormatPlace(spot), 18)) + " ";
  if (event == "thread_start") return "has the thread '" + Clean(spot.Text("function")) + "'";
  if (event == "call" || event == "resume" || event == "throw")
    text += event + "s " + Clean(spot.Text("function"));
  else if (event == "line")
    text += Clean(spot.Text("text"));
  else
    text += event + " in " + Clean(spot.Text("function"));
  if (spot.Has("exception")) {
    const AnswerObject exception = spot.Object("exception");
    text += "  " + Clean(exception.Text("type"));
    if (const std::string message = exception.Text("message"); !message.empty()) text += ": " + Clean(message);
  }
  return text + Paint(screen.color, sgr::kDim, "   " + spot.Text("position"));
}

// "only in a", "only in b"; empty where both runs do something.
std::string NameOnlySide(const AnswerObject& difference) {
  if (!difference.Has("a")) return "only in b";
  if (!difference.Has("b")) return "only in a";
  return {};
}

std::string Trim(std::string text) {
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

std::string FormatStack(const AnswerObject& difference, const char* side, const Screen& screen) {
  std::string out;
  for (const AnswerObject& frame : difference.Object(side).List("stack")) {
    out += "      " + PadRight(FormatPlace(frame), 18) + " " + Clean(frame.Text("function")) + "\n";
  }
  return out.empty() ? out : Paint(screen.color, sgr::kDim, out);
}

std::string FormatDifference(const AnswerObject& object, const Screen& screen) {
  const std::string kind = object.Text("kind");
  const bool first = object.Flag("first");
  const std::string only = NameOnlySide(object);
  const std::string what = !only.empty()         ? only
                           : kind == "value"     ? "different values"
                           : kind == "flow"      ? "different branch"
                           : kind == "calls"     ? "different calls"
                           : kind == "exception" ? "different exception"
                                                 : "different thread";
  std::string out =
      Paint(screen.color, first ? sgr::kBoldRed : sgr::kBoldCyan, first ? "first difference: " + what : what);
  if (object.Number("count") > 1)
    out += Paint(screen.color, sgr::kDim, "  " + Number(object.Number("count")) + " times");
  if (object.Number("events") > 2)
    out += Paint(screen.color, sgr::kDim, "  " + Plural(object.Number("events"), "event", "events"));
  out += "\n";
  if (kind == "value" && object.Has("a")) {
    const AnswerObject a = object.Object("a");
    out += "  " + Paint(screen.color, sgr::kBold, PadRight(FormatPlace(a), 18)) + " " + Trim(Clean(a.Text("text"))) +
           Paint(screen.color, sgr::kDim,
                 "   " + Clean(a.Text("function")) + "   " + a.Text("position") + " and " +
                     object.Object("b").Text("position")) +
           "\n";
  } else {
    for (const char* side : {"a", "b"}) {
      if (object.Has(side)) out += std::string("  ") + side + " " + FormatSpot(object, side, screen) + "\n";
    }
  }
  for (const AnswerObject& name : object.List("names")) {
    out += "    " + Clean(name.Text("name")) + "\n";
    for (const char* side : {"a", "b"}) {
      const std::string text = name.Has((std::string(side) + "_text").c_str())
                                   ? Clean(name.Text((std::string(side) + "_text").c_str()))
                                   : "not set";
      out += std::string("      ") + side + " = " +
             Paint(screen.color, *side == 'a' ? sgr::kRed : sgr::kGreen, text) + "\n";
    }
  }
  if (!first) return out;
  const std::string a = FormatStack(object, "a", screen), b = FormatStack(object, "b", screen);
  if (a == b && !a.empty()) return out + "    stack of both\n" + a;
  if (!a.empty()) out += "    stack of a\n" + a;
  if (!b.empty()) out += "    stack of b\n" + b;
  return out;
}

std::string FormatDelta(std::int64_t ns) { return (ns < 0 ? "-" : "+") + Duration(std::abs(ns)); }

void AddTiming(const AnswerObject& object, const Screen& screen, Table* table) {
  const AnswerObject a = object.Object("a"), b = object.Object("b");
  const std::int64_t delta = object.Signed("delta_ns"), before = a.Signed("own_ns");
  const bool certain = object.Flag("certain");
  std::string name = Clean(object.Text("function"));
  if (object.Has("file")) name += "  " + FormatPlace(object);
  const std::string plus = screen.unicode ? "±" : "+-";
  table->AddRow(
      {{FormatDelta(delta), !certain    ? sgr::kDim
                            : delta > 0 ? sgr::kRed
                                        : sgr::kGreen},
       {object.Has("noise_ns") ? plus + Duration(object.Signed("noise_ns")) : "?", sgr::kDim},
       {before == 0 ? "-"
                    : fmt::format("{:+.0f} %", 100.0 * static_cast<double>(delta) / static_cast<double>(before))},
       {object.Has("a") ? Duration(a.Signed("own_ns")) : "-"},
       {object.Has("b") ? Duration(b.Signed("own_ns")) : "-"},
       {object.Has("a") ? Number(a.Number("calls")) : "-"},
       {object.Has("b") ? Number(b.Number("calls")) : "-"},
       {name, certain ? sgr::kBold : std::string_view()}});
}

}  // namespace

int DiffMain(int argc, char** argv) {
  Options options;
  Arguments arguments(
      "Compares two runs. Shows the first difference with its stacks and values, then the others, most important "
      "first. Times, ids and addresses are ignored. The exit code is 0 when the runs are equal, 1 when they differ "
      "and "
      "2 when they cannot be compared.",
      "smiley-diff last~1 last   what is different this time?\n"
      "smiley-diff k3 p9 --ignore started_at   ignore a variable that always differs\n"
      "smiley-diff last~1 last --flow   only calls, lines and exceptions, without values\n"
      "smiley-diff last~1 last --stats   what became slower or faster, by more than noise");
  arguments.Word("A", &options.a, "a run id or its beginning, last, last~1 or last:failed", true)
      .Word("B", &options.b, "the run to compare it with", true)
      .Flag("--stats", &options.stats,
            "compare the functions' own times; noise is three standard errors of their calls and a tenth of the "
            "recording overhead")
      .Flag("--flow", &options.flow, "compare without values")
      .Texts("--ignore", &options.ignored, "ignore the values of this variable; may be repeated", "NAME")
      .Number("-n,--limit", &options.limit, "at most N differences (default: 20; with --json 1000)")
      .Flag("--json", &options.json, "print JSON Lines: the differences, then the totals")
      .Color(&options.color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return Fail(link.status()) == kExitInterrupted ? kExitInterrupted : kExitUsage;
  const Screen screen = DetectScreen(options.color);
  std::string request = "{\"op\":\"diff\",\"run\":" + Quote(options.a) + ",\"other\":" + Quote(options.b);
  if (options.stats) request += ",\"stats\":true";
  if (options.flow) request += ",\"values\":false";
  if (!options.ignored.empty()) {
    request += ",\"ignore\":[";
    for (std::size_t i = 0; i < options.ignored.size(); ++i)
      request += (i == 0 ? "" : ",") + Quote(options.ignored[i]);
    request += "]";
  }
  request += ",\"limit\":" + std::to_string(options.limit.value_or(options.json ? 1000 : 20)) + "}";
  Table table(screen.color, screen.unicode, screen.width);
  for (const char* heading : {"CHANGE", "NOISE", "PART", "A", "B", "CALLS A", "CALLS B"})
    table.AddColumn(heading, Table::Align::kRight);
  table.AddColumn("FUNCTION");
  Progress progress;
  progress.Show("comparing " + options.a + " with " + options.b);
  std::string end_line;
  const auto add = [&](const AnswerObject& object) {
    if (options.stats) {
      AddTiming(object, screen, &table);
    } else {
      Output::Get().Write(FormatDifference(object, screen));
    }
  };
  const Status status = ForEachAnswer(link->get(), request, options.json, &progress, add, &end_line);
  if (options.stats && !table.empty()) Output::Get().Write(table.Format());
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) {
    Say(status.message());
    return kExitUsage;
  }
  const auto end = AnswerObject::Parse(end_line);
  if (!end) return Fail(end.status()) == kExitOk ? kExitOk : kExitUsage;
  if (options.json) {
    Output::Get().Write(end->AsTotals("totals") + "\n");
    Output::Get().Flush();
  } else if (options.stats) {
    Say(Duration(end->Signed("a_own_ns")) + " and " + Duration(end->Signed("b_own_ns")) +
        ", recording overhead removed; " + Plural(end->Number("differ"), "function differs", "functions differ") +
        " by more than noise");
  } else if (end->Flag("equal")) {
    Say("no difference in " + Plural(end->Number("events"), "event", "events"));
  } else {
    const std::uint64_t more = end->Number("groups") - end->Number("count");
    Say(Plural(end->Number("differences"), "difference", "differences") + " of " + Number(end->Number("groups")) +
        " kinds" +
        (more == 0 ? "" : "; -n " + std::to_string(end->Number("groups")) + " shows " + Number(more) + " more"));
  }
  if (!end->Flag("all") && end->Has("all")) Say("the runs differ so much that not every call was compared");
  if (end->Number("lost") > 0)
    Say(Plural(end->Number("lost"), "event", "events") +
        " were lost in one of the runs; a lost event can look like a difference");
  return end->Flag("equal") ? kExitOk : kExitNo;
}

}  // namespace smiley::tools
