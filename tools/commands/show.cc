// smiley-show and smiley-threads: print one run without its events.
#include <string>
#include <utility>
#include <vector>

#include "daemon/find/position.h"
#include "tools/commands/arguments.h"
#include "tools/commands/show_state.h"
#include "tools/commands/verbs.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/link/event_view.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

class Facts {
 public:
  Facts(const Screen& screen, std::string* out) : screen_(screen), out_(out) {}
  void Add(std::string_view name, std::string_view text, std::string_view style = {}) {
    *out_ += "  " + Paint(screen_.color, sgr::kDim, PadRight(name, 11)) + Paint(screen_.color, style, text) + "\n";
  }

 private:
  const Screen& screen_;
  std::string* out_;
};

std::string FormatElapsed(std::int64_t from_ns, std::int64_t to_ns) {
  return from_ns == 0 || to_ns < from_ns ? "-" : Duration(to_ns - from_ns);
}

std::string DescribeRun(const RunView& run, const Screen& screen) {
  std::string out = Paint(screen.color, sgr::kDim, "run ") + Paint(screen.color, sgr::kBoldCyan, run.id);
  if (!run.name.empty()) out += "  " + Paint(screen.color, sgr::kBold, Clean(run.name));
  out += "\n";
  Facts facts(screen, &out);
  facts.Add("command", Clean(CommandLine(run.command)), sgr::kBold);
  facts.Add("directory", Clean(run.cwd));
  std::string python = run.python.empty() ? "unknown" : run.python;
  if (!run.detail.empty()) python += ", recorded with --detail " + run.detail;
  facts.Add("Python", Clean(python));
  facts.Add("started",
            LocalDateTime(run.start_ns) + (run.end_ns != 0 ? ", took " + Duration(run.end_ns - run.start_ns) : ""));
  if (run.running()) {
    facts.Add("ended", "still running", sgr::kYellow);
  } else {
    facts.Add("ended", DescribeEnd(run), run.failed() ? sgr::kRed : run.has_exit_code ? sgr::kGreen : sgr::kYellow);
  }
  std::string events = Number(run.events);
  if (run.exceptions != 0) events += ", " + Plural(run.exceptions, "exception", "exceptions");
  facts.Add("events", events);
  facts.Add("lost", run.lost == 0 ? "nothing" : Plural(run.lost, "event", "events"),
            run.lost == 0 ? sgr::kGreen : sgr::kAlarm);
  std::string size = Bytes(run.bytes);
  if (run.events != 0) {
    const std::uint64_t tenths = run.bytes * 10 / run.events;
    size += ", " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " bytes an event";
  }
  facts.Add("stored", size);
  if (run.pinned) facts.Add("pinned", "yes: never deleted automatically; smiley-pin --unpin removes the pin");
  for (const std::string& note : run.notes) facts.Add("note", Clean(note), sgr::kYellow);
  return out;
}

Table MakeThreadTable(const Screen& screen, bool with_lines = false) {
  Table table(screen.color, screen.unicode, screen.width);
  table.AddColumn("THREAD", Table::Align::kRight);
  table.AddColumn("PROCESS", Table::Align::kRight);
  table.AddColumn("EVENTS", Table::Align::kRight);
  if (with_lines) table.AddColumn("LINES", Table::Align::kRight);
  table.AddColumn("LOST", Table::Align::kRight);
  table.AddColumn("BEGAN", Table::Align::kRight);
  table.AddColumn("LIVED", Table::Align::kRight);
  table.AddColumn("NAME");
  return table;
}

void AddThread(const ThreadView& thread, const RunView& run, Table* table, bool with_lines = false) {
  std::vector<Table::Cell> cells = {
      {std::to_string(thread.thread), sgr::kBoldCyan}, {std::to_string(thread.process)}, {Number(thread.events)}};
  if (with_lines) cells.push_back({Number(thread.lines)});
  cells.insert(cells.end(),
               {{thread.lost == 0 ? "-" : Number(thread.lost), thread.lost == 0 ? sgr::kDim : sgr::kAlarm},
                {thread.first_ns == 0 ? "-" : "+" + FormatElapsed(run.start_ns, thread.first_ns)},
                {FormatElapsed(thread.first_ns, thread.last_ns)},
                {Clean(thread.name), sgr::kBold}});
  table->AddRow(std::move(cells));
}

// Describes the exception that ended the first process, and where it was raised: the last raise of the first thread
// that did not propagate from a callee.
std::string DescribeUncaught(Link* link, const RunView& run, const Screen& screen, Status* status) {
  const std::string request =
      "{\"op\":\"replay\",\"run\":" + Quote(run.id) + ",\"thread\":1,\"last\":400,\"source\":true}";
  EventParser parser;
  StreamObject object;
  EventView raised;
  *status = ForEachLine(link, request, [&](const std::string& line) {
    if (!parser.Parse(line, &object) || object.type != "event") return true;
    const EventView& event = object.event;
    if (event.kind == shm::Kind::kRaise && !event.propagated && event.exception_type == run.uncaught) raised = event;
    return true;
  });
  std::string out = "  " + Paint(screen.color, sgr::kDim, PadRight("uncaught", 11)) +
                    Paint(screen.color, sgr::kBoldRed, Clean(run.uncaught));
  if (raised.seq == 0) return out + "\n";
  if (!raised.exception_message.empty())
    out += Paint(screen.color, sgr::kRed, ": " + Clean(raised.exception_message));
  out += "\n" + std::string(13, ' ') + "at " + Clean(raised.file) + ":" + std::to_string(raised.line) + " in " +
         Paint(screen.color, sgr::kBold, Clean(raised.function)) +
         Paint(screen.color, sgr::kDim,
               "   position " + std::to_string(raised.thread) + ":" + std::to_string(raised.seq)) +
         "\n";
  if (!raised.text.empty()) {
    std::string text = Clean(raised.text);
    text.erase(0, text.find_first_not_of(' ') == std::string::npos ? 0 : text.find_first_not_of(' '));
    out += std::string(15, ' ') + text + "\n";
  }
  return out;
}

constexpr std::uint64_t kCountedUnasked =
    20'000'000;  // events of a run; smiley-threads counts lines up to this number without --lines
constexpr std::size_t kMostRows = 20;  // of each table in smiley-show

int PrintShow(Link* link, const RunView& run, const Screen& screen) {
  std::string out = DescribeRun(run, screen);
  const std::string of_run = ",\"run\":" + Quote(run.id) + "}";
  Status status;
  if (!run.uncaught.empty()) {
    out += DescribeUncaught(link, run, screen, &status);
    if (!status) return Fail(status);
  }
  Table processes(screen.color, screen.unicode, screen.width);
  processes.AddColumn("PROCESS", Table::Align::kRight);
  processes.AddColumn("PID", Table::Align::kRight);
  processes.AddColumn("PARENT", Table::Align::kRight);
  processes.AddColumn("LIVED", Table::Align::kRight);
  processes.AddColumn("COMMAND");
  std::size_t count = 0;
  status = ForEachLine(link, "{\"op\":\"processes\"" + of_run, [&](const std::string& line) {
    const Result<ProcessView> process = ParseProcess(line);
    if (process.ok() && ++count <= kMostRows) {
      processes.AddRow(
          {{std::to_string(process->process), sgr::kBoldCyan},
           {std::to_string(process->pid)},
           {process->parent == 0 ? "-" : std::to_string(process->parent)},
           {process->end_ns == 0 ? "-" : FormatElapsed(process->start_ns, process->end_ns)},
           {Clean(CommandLine(process->command)) + (process->kind == "fork" ? " (fork)" : ""), sgr::kBold}});
    }
    return true;
  });
  if (!status) return Fail(status);
  const auto rest = [&](std::size_t n, const std::string& what, const std::string& how) {
    if (n > kMostRows)
      out += "  " + Paint(screen.color, sgr::kDim, "and " + Number(n - kMostRows) + " more " + what + how) + "\n";
  };
  if (count > 1) {
    out += "\n" + processes.Format("  ");
    rest(count, "processes", "");
  }
  Table threads = MakeThreadTable(screen);
  count = 0;
  status = ForEachLine(link, "{\"op\":\"threads\"" + of_run, [&](const std::string& line) {
    const Result<ThreadView> thread = ParseThread(line);
    if (thread.ok() && ++count <= kMostRows) AddThread(*thread, run, &threads);
    return true;
  });
  if (!status) return Fail(status);
  if (count > 0) {
    out += "\n" + threads.Format("  ");
    rest(count, "threads", ": smiley-threads " + run.id + TargetWords());
  }
  Table sources(screen.color, screen.unicode, screen.width);
  sources.AddColumn("SOURCE", Table::Align::kRight);
  sources.AddColumn("SIZE", Table::Align::kRight);
  sources.AddColumn("FILE");
  count = 0;
  status = ForEachLine(link, "{\"op\":\"sources\"" + of_run, [&](const std::string& line) {
    const Result<SourceView> source = ParseSource(line);
    if (source.ok() && ++count <= kMostRows) {
      sources.AddRow(
          {{std::to_string(source->source), sgr::kBoldCyan}, {Bytes(source->text.size())}, {Clean(source->file)}});
    }
    return true;
  });
  if (!status) return Fail(status);
  if (count > 0) {
    out += "\n" + sources.Format("  ");
    rest(count, "sources", "");
  }
  out += "\n  " + Paint(screen.color, sgr::kDim, "next: ") + (run.running() ? "smiley-tail " : "smiley-replay ") +
         run.id + TargetWords() + Paint(screen.color, sgr::kDim, "   or: ") + "smiley-export " + run.id +
         TargetWords() + " > " + run.id + ".smiley\n";
  Output::Get().Write(out);
  Output::Get().Flush();
  return kExitOk;
}

// Finds the position of the event that began line `number` of a stream.
Status FindLine(Link* link, const RunView& run, const std::string& stream, std::uint64_t number,
                std::string* position) {
  const std::string request = "{\"op\":\"output\",\"run\":" + Quote(run.id) +
                              ",\"lines\":true,\"stream\":" + Quote(stream) +
                              ",\"number\":" + std::to_string(number) + "}";
  const Status status = ForEachAnswer(link, request, false, nullptr, [position](const AnswerObject& line) {
    if (position->empty()) *position = line.Text("position");
  });
  if (!status || !position->empty()) return status;
  return {Code::kNotFound, "run " + run.id + " wrote no line " + std::to_string(number) + " to " + stream +
                               (run.running() ? " so far" : "") + "; smiley-output " + run.id + TargetWords() +
                               " --at shows its lines"};
}

}  // namespace

int ShowMain(int argc, char** argv) {
  std::string selector = "last";
  bool json = false;
  ColorChoice color = ColorChoice::kAuto;
  StateOptions state;
  std::optional<std::uint64_t> stdout_line, stderr_line;
  bool next = false, previous = false, over = false, back_over = false, out_of = false;
  Arguments arguments(
      "Shows one run: command, times, processes, threads, sources and losses. With --at it shows the state at one "
      "event: the stack with every variable, the other threads, and the output so far.",
      "smiley-show last   the newest run\n"
      "smiley-show last:failed   the newest run that failed\n"
      "smiley-show k3 --json   a run by the beginning of its id, for scripts\n"
      "smiley-show last --at 1:1017   the state at event 1017 of thread 1\n"
      "smiley-show last --at shop.py:12#3   the third time that line 12 ran\n"
      "smiley-show last --stdout 3   the event that wrote line 3 of its output\n"
      "smiley-show last --at exception   the event that raised the uncaught exception\n"
      "smiley-show last --at 1:1017 --over   the next line, without stepping into calls");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Text("--at", &state.at, "a position (1:1017), FILE:LINE or FILE:LINE#N, start, end, or exception", "PLACE")
      .Number("--stdout", &stdout_line, "instead of --at: the event that wrote line N of standard output")
      .Number("--stderr", &stderr_line, "instead of --at: the event that wrote line N of standard error")
      .Number("--thread", &state.thread, "with --at: only events of this thread (see smiley-threads)")
      .Flag("--next", &next, "step to the next event")
      .Flag("--previous", &previous, "step to the previous event")
      .Flag("--over", &over, "step to the next event of this function or a caller, over calls")
      .Flag("--back-over", &back_over, "step back to the previous event of this function or a caller")
      .Flag("--out", &out_of, "step out, to the next event of the caller")
      .Flag("--json", &json, "print JSON Lines: the run, its processes, threads and sources; with --at one object")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (next) state.steps.push_back("next");
  if (previous) state.steps.push_back("previous");
  if (over) state.steps.push_back("over");
  if (back_over) state.steps.push_back("back-over");
  if (out_of) state.steps.push_back("out");
  state.json = json;
  const bool by_line = stdout_line.has_value() || stderr_line.has_value();
  if (by_line && (!state.at.empty() || (stdout_line && stderr_line))) {
    Say("give only one of --at, --stdout and --stderr, as in: smiley-show RUN --stdout 3");
    return kExitUsage;
  }
  if (state.at.empty() && !by_line && (state.thread || !state.steps.empty())) {
    Say("--thread and steps need --at, as in: smiley-show RUN --at 1:1017 --next");
    return kExitUsage;
  }
  if (!state.at.empty()) {
    if (const auto place = daemon::ParsePlace(state.at); !place) {
      Say(place.status().message());
      return kExitUsage;
    }
  }
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  if (by_line) {
    const Status found =
        FindLine(link, *run, stdout_line ? "stdout" : "stderr", stdout_line ? *stdout_line : *stderr_line, &state.at);
    if (!found) return Fail(found);
  }
  if (!state.at.empty()) return ShowState(link, *run, state, DetectScreen(color));
  if (!json) return PrintShow(link, *run, DetectScreen(color));
  // The run as smiley-list --json prints it, then its processes, threads and sources.
  Status status = ForEachLine(link, "{\"op\":\"runs\"}", [&](const std::string& line) {
    const Result<RunView> one = ParseRun(line);
    if (one.ok() && one->id == run->id) Output::Get().Write(line + "\n");
    return true;
  });
  for (const char* op : {"processes", "threads", "sources"}) {
    if (!status) return Fail(status);
    status = ForEachLine(link, std::string("{\"op\":\"") + op + "\",\"run\":" + Quote(run->id) + "}",
                         [](const std::string& line) {
                           Output::Get().Write(line + "\n");
                           return true;
                         });
  }
  Output::Get().Flush();
  return status.ok() ? kExitOk : Fail(status);
}

int ThreadsMain(int argc, char** argv) {
  std::string selector = "last";
  bool json = false, lines = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Lists the threads of a run, each with its events and the number of different source lines that it ran.",
      "smiley-threads last   the newest run\n"
      "smiley-threads last --json   one JSON object a line, for scripts");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Flag("--lines", &lines, "count different lines in large runs too, which reads all events")
      .Flag("--json", &json, "print JSON Lines")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Screen screen = DetectScreen(color);
  lines = lines || run->events <= kCountedUnasked;
  Table table = MakeThreadTable(screen, lines);
  const Status status =
      ForEachLine(link, "{\"op\":\"threads\",\"run\":" + Quote(run->id) + (lines ? ",\"lines\":true}" : "}"),
                  [&](const std::string& line) {
                    if (json) {
                      Output::Get().Write(line + "\n");
                      return true;
                    }
                    const Result<ThreadView> thread = ParseThread(line);
                    if (thread.ok()) AddThread(*thread, *run, &table, lines);
                    return true;
                  });
  if (!status) return Fail(status);
  if (!json && !table.empty()) Output::Get().Write(table.Format());
  Output::Get().Flush();
  if (!json && table.empty())
    Say("run " + run->id + " has no threads, because nothing was recorded; see smiley-show " + run->id +
        TargetWords());
  return kExitOk;
}

}  // namespace smiley::tools
