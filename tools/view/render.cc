#include "tools/view/render.h"

#include <algorithm>

#include "shm/kind_names.h"
#include "tools/terminal/highlight.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

using shm::Kind;

namespace {

constexpr std::size_t kMostPlaceColumns = 28;
constexpr std::size_t kMostThreadColumns = 14;
constexpr std::size_t kMostIndent = 40;
constexpr std::size_t kMostFoldVariables = 6;
constexpr std::string_view kDots = "…";

// False for <module>, <lambda> and the like.
bool IsNamed(std::string_view function) { return !function.empty() && function.back() != '>'; }

std::string Short(std::string_view text, std::size_t width, bool unicode) { return Cut(Clean(text), width, unicode); }

}  // namespace

void Renderer::NameThread(std::uint32_t process, std::uint32_t thread, std::string name) {
  if (process > 1) many_processes_ = true;
  name = Clean(name);
  thread_names_[thread] = {process, std::move(name)};
  thread_columns_ = std::max(thread_columns_, std::min(kMostThreadColumns, Columns(ThreadLabel(process, thread))));
}

void Renderer::AddSource(std::uint32_t number, const std::string& file, std::string text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  const std::size_t columns = Columns(Clean(BaseName(file))) + 1 + std::to_string(lines).size();
  place_columns_ = std::max(place_columns_, std::min(kMostPlaceColumns, columns));
  sources_.Add(number, std::move(text));
}

void Renderer::ForgetRun() {
  sources_.Clear();
  thread_names_.clear();
  def_indent_.clear();
  many_processes_ = false;
  has_last_thread_ = false;
}

std::string Renderer::ThreadLabel(std::uint32_t process, std::uint32_t thread) const {
  const auto found = thread_names_.find(thread);
  std::string label = found == thread_names_.end() || found->second.second.empty()
                          ? "thread " + std::to_string(thread)
                          : found->second.second;
  if (many_processes_) label = "p" + std::to_string(process) + " " + label;
  return label;
}

std::string_view Renderer::ThreadStyle(std::uint32_t thread) const {
  static constexpr std::string_view kStyles[] = {sgr::kBlue,   sgr::kMagenta, sgr::kCyan,
                                                 sgr::kYellow, sgr::kGreen,   sgr::kRed};
  return kStyles[(thread + 5) % 6];
}

std::size_t Renderer::PrefixColumns() const {
  return thread_columns_ + 3 + (options_.times ? 13 : 0) + place_columns_ + 1 + 2;
}

std::string Renderer::Prefix(const Where& where) {
  const bool color = options_.color;
  std::string out;
  const bool same = has_last_thread_ && last_thread_ == where.thread;
  last_thread_ = where.thread;
  has_last_thread_ = true;
  const std::string label = same && !options_.thread_in_every_row
                                ? ""
                                : Cut(ThreadLabel(where.process, where.thread), thread_columns_, options_.unicode);
  out += Paint(color, ThreadStyle(where.thread), PadRight(label, thread_columns_));
  out += ' ';
  out += Paint(color, ThreadStyle(where.thread), Mark("│", "|"));
  out += ' ';
  if (options_.times)
    out += Paint(color, sgr::kDim, PadRight(where.place.empty() ? "" : LocalTime(where.time_ns), 12)) + " ";
  // The line number matters most, so the front of the file's name is cut.
  out += Paint(color, sgr::kDim, PadLeft(CutFront(where.place, place_columns_, options_.unicode), place_columns_));
  out += ' ';
  out += where.mark.empty() ? std::string(" ") : Paint(color, where.mark_style, where.mark);
  out += ' ';
  return out;
}

void Renderer::AppendRow(const Where& where, std::size_t indent, const Parts& parts, Rows* rows) {
  place_columns_ = std::max(place_columns_, std::min(kMostPlaceColumns, Columns(where.place)));
  std::string row = Prefix(where);
  const std::size_t limit = options_.width == 0 ? SIZE_MAX : options_.width;
  std::size_t used = PrefixColumns();
  indent = std::min(indent, kMostIndent);
  if (used + 10 > limit) indent = 0;
  row.append(indent, ' ');
  used += indent;
  for (const auto& [style, text] : parts) {
    if (used >= limit) break;
    const std::size_t columns = Columns(text);
    if (used + columns <= limit) {
      row += Paint(options_.color, style, text);
      used += columns;
    } else {
      row += Paint(options_.color, style, Cut(text, limit - used, options_.unicode));
      used = limit;
    }
  }
  while (!row.empty() && row.back() == ' ') row.pop_back();
  rows->push_back(std::move(row));
}

std::size_t Renderer::BodyIndent(const EventView& event) const {
  return std::min(kMostIndent, std::size_t{2} * event.depth);
}

// Lines of a frame are indented two columns more than its call, and keep their own indentation.
std::size_t Renderer::LineIndent(const EventView& event, std::string_view text) {
  const std::size_t own = Indentation(text);
  std::size_t base = 0;
  if (event.function != "<module>") {
    const auto [at, fresh] = def_indent_.try_emplace({event.file, event.function}, own >= 4 ? own - 4 : 0);
    base = at->second;
  } else {
    return BodyIndent(event) + 2 + own;
  }
  const std::size_t relative = own > base ? own - base : 0;
  return BodyIndent(event) + (relative > 2 ? relative - 2 : 0);
}

std::string Renderer::ValueText(const std::string& json) const {
  const std::size_t room = options_.width == 0                     ? kFreeValueWidth
                           : options_.width > PrefixColumns() + 24 ? options_.width - PrefixColumns() - 4
                                                                   : 20;
  return DisplayJson(json, std::min(room, kFreeValueWidth));
}

std::string Renderer::Exception(const EventView& event) const {
  if (event.exception_type.empty()) return "an exception";
  std::string text = event.exception_type;
  if (!event.exception_message.empty()) text += ": " + event.exception_message;
  return Clean(text);
}

// Appends the changes of an event as name = value, as many in a row as fit.
void Renderer::AppendChanges(const EventView& event, std::size_t indent, Rows* rows) {
  if (event.changed.empty()) return;
  Where where{event.process, event.thread, event.time_ns, "", "", ""};
  const std::size_t left = PrefixColumns() + std::min(indent, kMostIndent);
  const std::size_t limit = options_.width == 0 ? 160 : options_.width;
  Parts parts;
  std::size_t used = left;
  for (const auto& [name, json] : event.changed) {
    if (name.substr(0, 1) == ".") continue;  // a variable of the compiler: the iterator of a comprehension
    const std::string clean_name = Clean(name);
    const bool unbound = json == "{\"$type\":\"unbound\"}";
    const std::string value = unbound ? "" : ValueText(json);
    const std::size_t columns = Columns(clean_name) + 3 + Columns(value) + 3;
    if (!parts.empty() && used + columns > limit) {
      AppendRow(where, indent, parts, rows);
      parts.clear();
      used = left;
    }
    if (!parts.empty()) parts.emplace_back("", "   ");
    if (unbound) {
      parts.emplace_back(sgr::kDim, "del ");
      parts.emplace_back(sgr::kCyan, clean_name);
    } else {
      parts.emplace_back(sgr::kCyan, clean_name);
      parts.emplace_back(sgr::kDim, " = ");
      parts.emplace_back("", value);
    }
    used += columns;
  }
  if (!parts.empty()) AppendRow(where, indent, parts, rows);
}

// Appends the source line of an event below the comment lines above it.
void Renderer::AppendSource(const EventView& event, const Where& where, Rows* rows) {
  std::string_view text = event.source != 0 ? sources_.Line(event.source, event.line) : std::string_view{};
  if (text.empty()) text = event.text;
  const bool call = EntersFrame(event.kind);
  if (event.kind == Kind::kCall && !text.empty() && event.function != "<module>") {
    def_indent_[{event.file, event.function}] = Indentation(text);
  }
  const std::size_t indent = call ? BodyIndent(event) : LineIndent(event, text);
  if (event.source != 0 && (event.kind == Kind::kLine || event.kind == Kind::kCall) &&
      !(call && event.function == "<module>")) {
    Where plain = where;
    plain.place.clear();
    plain.mark = "";
    for (const std::string_view comment : sources_.CommentAbove(event.source, event.line)) {
      const std::size_t first = comment.find_first_not_of(" \t\f");
      AppendRow(plain, indent, {{sgr::kDim, Clean(comment.substr(first))}}, rows);
    }
  }
  const std::size_t first = text.find_first_not_of(" \t\f");
  std::string shown = first == std::string_view::npos ? "" : Clean(text.substr(first));
  const std::string function = Clean(event.function);
  Parts parts;
  if (event.kind == Kind::kResume || event.kind == Kind::kThrow) {
    parts.emplace_back(sgr::kBold, function);
  } else if (call) {
    if (shown.empty() || event.function == "<module>") {
      parts.emplace_back(sgr::kBold, function.empty() ? "?" : function);
    } else {
      parts = Highlight(shown);
      // The text does not show the qualified name of methods, decorators, lambdas and comprehensions.
      if (shown.find("def " + function + "(") == std::string::npos) parts.emplace_back(sgr::kDim, "   " + function);
    }
  } else {
    if (shown.empty()) {
      parts.emplace_back(sgr::kDim, "line " + std::to_string(event.line) + " of " + function);
    } else {
      parts = Highlight(shown);
    }
  }
  if (event.kind == Kind::kThrow) parts.emplace_back(sgr::kRed, "  " + Exception(event));
  if (event.kind == Kind::kResume && !event.value.empty() && event.value != "null") {
    parts.emplace_back(sgr::kDim, "  gets ");
    parts.emplace_back("", ValueText(event.value));
  }
  AppendRow(where, indent, parts, rows);
}

void Renderer::RenderEvent(const EventView& event, Rows* rows) {
  if (event.process > 1) many_processes_ = true;
  Where where{event.process, event.thread, event.time_ns, "", "", ""};
  if (event.line != 0 || !event.file.empty()) {
    const std::string line = ":" + std::to_string(event.line);
    const std::string file = Clean(BaseName(event.file));
    const std::size_t room = kMostPlaceColumns > line.size() ? kMostPlaceColumns - line.size() : 1;
    where.place = CutFront(file, room, options_.unicode) + line;
  }
  const auto mark = [&](std::string_view style, std::string_view unicode, std::string_view ascii) {
    where.mark = Mark(unicode, ascii);
    where.mark_style = style;
  };
  const std::size_t indent = BodyIndent(event);
  const std::string function = Clean(event.function);
  switch (event.kind) {
    case Kind::kCall:
      mark(sgr::kBoldGreen, "→", ">");
      AppendSource(event, where, rows);
      AppendChanges(event, indent + 2, rows);
      return;
    case Kind::kResume:
    case Kind::kThrow:
      mark(sgr::kBoldGreen, "⇢", ">");
      AppendSource(event, where, rows);
      AppendChanges(event, indent + 2, rows);
      return;
    case Kind::kLine:
      AppendChanges(event, indent + 2, rows);
      AppendSource(event, where, rows);
      return;
    case Kind::kReturn:
    case Kind::kYield: {
      AppendChanges(event, indent + 2, rows);
      mark(sgr::kBoldGreen, event.kind == Kind::kReturn ? "←" : "⇠", "<");
      const std::string_view word = event.kind == Kind::kReturn ? "return " : "yield ";
      const std::string value = event.value.empty() ? "" : ValueText(event.value);
      if (event.function == "<module>" && (value == "None" || value.empty())) {
        AppendRow(where, indent, {{sgr::kDim, "end of "}, {sgr::kBold, function}}, rows);
      } else {
        AppendRow(where, indent,
                  {{sgr::kGreen, std::string(word)}, {sgr::kBold, value}, {sgr::kDim, "   " + function}}, rows);
      }
      return;
    }
    case Kind::kRaise:
      AppendChanges(event, indent + 2, rows);
      mark(sgr::kBoldRed, "✗", "x");
      if (event.propagated) {
        AppendRow(where, indent + 2,
                  {{sgr::kRed, Exception(event)}, {sgr::kDim, "   propagates through " + function}}, rows);
      } else {
        AppendRow(where, indent + 2, {{sgr::kBoldRed, Exception(event)}}, rows);
      }
      return;
    case Kind::kHandled:
      AppendChanges(event, indent + 2, rows);
      mark(sgr::kYellow, "✓", "+");
      AppendRow(where, indent + 2, {{sgr::kYellow, "handled "}, {"", Exception(event)}}, rows);
      return;
    case Kind::kUnwind:
      AppendChanges(event, indent + 2, rows);
      mark(sgr::kBoldRed, "←", "<");
      AppendRow(
          where, indent,
          {{sgr::kBold, function + (IsNamed(function) ? "()" : "")}, {sgr::kRed, " raised " + Exception(event)}},
          rows);
      return;
    default:
      return AppendThreadEvent(event, std::move(where), rows);
  }
}

// Appends the events that belong to the thread rather than to a frame, and those of C functions and output.
void Renderer::AppendThreadEvent(const EventView& event, Where where, Rows* rows) {
  const auto mark = [&](std::string_view style, std::string_view unicode, std::string_view ascii) {
    where.mark = Mark(unicode, ascii);
    where.mark_style = style;
  };
  const std::size_t indent = BodyIndent(event);
  switch (event.kind) {
    case Kind::kCCall:
    case Kind::kCReturn:
    case Kind::kCRaise: {
      const bool enters = event.kind == Kind::kCCall;
      mark(event.kind == Kind::kCRaise ? sgr::kRed : sgr::kDim, enters ? "→" : "←", enters ? ">" : "<");
      AppendRow(where, indent + 2,
                {{sgr::kDim, Clean(event.name.empty() ? event.function : event.name) + (enters ? "()" : "() done")}},
                rows);
      return;
    }
    case Kind::kStdout:
    case Kind::kStderr: {
      mark(event.kind == Kind::kStdout ? sgr::kCyan : sgr::kRed, "»", "\"");
      std::string text = event.value.empty() ? "" : event.value;
      std::string shown = ValueText(text);
      AppendRow(where, indent + 2, {{event.kind == Kind::kStdout ? sgr::kCyan : sgr::kRed, shown}}, rows);
      return;
    }
    case Kind::kThreadStart:
    case Kind::kThreadEnd:
      if (!event.name.empty()) NameThread(event.process, event.thread, event.name);
      mark(sgr::kBold, event.kind == Kind::kThreadStart ? "┬" : "┴", "*");
      AppendRow(where, 0, {{sgr::kDim, event.kind == Kind::kThreadStart ? "thread begins" : "thread ends"}}, rows);
      return;
    case Kind::kTask:
      mark(sgr::kMagenta, "◆", "*");
      AppendRow(
          where, indent,
          {{sgr::kMagenta, event.task == 0 && event.name.empty()
                               ? "no task"
                               : "task " + (event.name.empty() ? std::to_string(event.task) : Clean(event.name))}},
          rows);
      return;
    case Kind::kMark:
      mark(sgr::kYellow, "★", "*");
      AppendRow(where, indent, {{sgr::kYellow, Clean(event.name)}}, rows);
      AppendChanges(event, indent + 2, rows);
      return;
    case Kind::kGc:
      mark(sgr::kDim, "♻", "*");
      AppendRow(where, indent, {{sgr::kDim, "garbage collection"}}, rows);
      return;
    case Kind::kFork:
    case Kind::kChild:
      mark(sgr::kBold, "⑂", "*");
      AppendRow(where, indent,
                {{"", event.kind == Kind::kFork ? "fork" : "child process"},
                 {sgr::kDim, event.value.empty() ? "" : "  pid " + ValueText(event.value)}},
                rows);
      return;
    case Kind::kLost: {
      mark(sgr::kAlarm, "!", "!");
      const std::int64_t span = event.lost_last_ns - event.lost_first_ns;
      AppendRow(where, 0,
                {{sgr::kAlarm, " " + Plural(event.lost, "event", "events") + " lost"},
                 {sgr::kAlarm, span > 0 ? " in " + Duration(span) + " " : " "}},
                rows);
      return;
    }
    case Kind::kEnd:
      mark(sgr::kYellow, "■", "#");
      AppendRow(where, 0, {{sgr::kYellow, "recording ends in this thread"}}, rows);
      return;
    default:
      AppendRow(where, indent, {{sgr::kDim, "unknown kind of event"}}, rows);
      return;
  }
}

void Renderer::RenderFold(const FoldSummary& fold, Rows* rows) {
  Where where{fold.process, fold.thread, fold.time_ns, "", Mark("↻", "~"), sgr::kYellow};
  if (fold.first_line != 0) {
    std::string lines = ":" + std::to_string(fold.first_line);
    if (fold.last_line != fold.first_line) lines += (options_.unicode ? "–" : "-") + std::to_string(fold.last_line);
    // A summary does not widen the column, so that the rows above stay aligned with it.
    const std::size_t columns = Columns(lines);
    const std::size_t room = place_columns_ > columns ? place_columns_ - columns : 0;
    where.place = CutFront(Clean(BaseName(fold.file)), room, options_.unicode) + lines;
  }
  Parts parts;
  parts.emplace_back(sgr::kYellow, std::string(options_.unicode ? "… ×" : "... x") + Number(fold.times));
  // Plain values of the outermost frame come first. Of a large value only its last state is shown.
  std::vector<const FoldSummary::Variable*> variables;
  for (const FoldSummary::Variable& variable : fold.variables) {
    if (variable.name.substr(0, 1) != ".") variables.push_back(&variable);
  }
  const auto large = [](const FoldSummary::Variable* v) {
    return v->first.substr(0, 1) == "{" || v->last.substr(0, 1) == "{";
  };
  std::stable_sort(variables.begin(), variables.end(), [&](const auto* a, const auto* b) {
    return large(a) != large(b) ? large(b) : a->depth < b->depth;
  });
  std::size_t shown = 0;
  for (const FoldSummary::Variable* variable : variables) {
    if (shown++ == kMostFoldVariables) {
      parts.emplace_back(sgr::kDim, options_.unicode ? "  …" : "  ...");
      break;
    }
    parts.emplace_back("", shown == 1 ? ", " : "  ");
    parts.emplace_back(sgr::kCyan, Clean(variable->name));
    parts.emplace_back(sgr::kDim, "=");
    const bool same = variable->first == variable->last;
    if (!same && !large(variable)) {
      parts.emplace_back("", DisplayJson(variable->first, 24));
      parts.emplace_back(sgr::kDim, options_.unicode ? "→" : "->");
    }
    parts.emplace_back("", DisplayJson(variable->last, same ? 40 : 24));
  }
  if (fold.going_on) parts.emplace_back(sgr::kDim, options_.unicode ? "  running…" : "  running...");
  AppendRow(where, std::min(kMostIndent, std::size_t{2} * fold.depth + 2), parts, rows);
}

void Renderer::RenderGap(std::uint64_t skipped, Rows* rows) {
  const std::string text = std::string(options_.unicode ? kDots : "...") + " " + Plural(skipped, "event", "events") +
                           " skipped, too fast to display " + std::string(options_.unicode ? kDots : "...");
  rows->push_back(std::string(thread_columns_ + 3, ' ') + Paint(options_.color, sgr::kYellow, text));
  has_last_thread_ = false;
}

void Renderer::RenderRunBegin(const RunView& run, Rows* rows) {
  has_last_thread_ = false;
  const std::string dot = options_.unicode ? " · " : " - ";
  std::string head =
      Paint(options_.color, sgr::kBoldGreen, Mark("▶", ">")) + " " + Paint(options_.color, sgr::kDim, "run ") +
      Paint(options_.color, sgr::kBoldCyan, Clean(run.id)) + "  " +
      Paint(options_.color, sgr::kBold,
            Short(CommandLine(run.command),
                  options_.width == 0
                      ? 400
                      : std::max<std::size_t>(20, options_.width - std::min(options_.width, std::size_t{18})),
                  options_.unicode));
  rows->push_back(head);
  std::string detail = "  " + LocalDateTime(run.start_ns);
  if (!run.python.empty()) detail += dot + "Python " + run.python;
  if (!run.cwd.empty()) detail += dot + run.cwd;
  if (!run.name.empty()) detail += dot + run.name;
  rows->push_back(
      Paint(options_.color, sgr::kDim, Short(detail, options_.width == 0 ? 400 : options_.width, options_.unicode)));
}

void Renderer::RenderRunEnd(const RunView& run, Rows* rows) {
  has_last_thread_ = false;
  const bool bad = run.failed();
  const std::string_view style = bad ? sgr::kBoldRed : sgr::kBoldGreen;
  const bool unknown = !run.running() && !run.has_signal && !run.has_exit_code;
  std::string text = unknown ? "ended" : DescribeEnd(run);
  const std::string dot = options_.unicode ? " · " : " - ";
  if (run.end_ns > run.start_ns) text += dot + Duration(run.end_ns - run.start_ns);
  text += dot + Plural(run.events, "event", "events");
  if (run.threads > 1) text += dot + Plural(run.threads, "thread", "threads");
  if (run.processes > 1) text += dot + Plural(run.processes, "process", "processes");
  std::string row = Paint(options_.color, style, Mark("■", "#")) + " " + Paint(options_.color, sgr::kDim, "run ") +
                    Paint(options_.color, sgr::kBoldCyan, Clean(run.id)) + "  " +
                    Paint(options_.color, bad ? sgr::kRed : "", text);
  if (run.lost > 0)
    row += "  " + Paint(options_.color, sgr::kAlarm, " " + Plural(run.lost, "event", "events") + " lost ");
  rows->push_back(row);
  for (const std::string& note : run.notes) rows->push_back(Paint(options_.color, sgr::kYellow, "  " + Clean(note)));
}

}  // namespace smiley::tools
