#include "tools/commands/show_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/link/event_view.h"
#include "tools/terminal/highlight.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostColumns = 160;  // of a row, without a terminal
constexpr std::size_t kMostOthers = 20;    // other threads

std::string TextAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return {};
  if (at->is_string()) return at->get<std::string>();
  return at->dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::uint64_t NumberAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<std::uint64_t>() : 0;
}
std::string Trimmed(std::string text) {
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

class StatePage {
 public:
  StatePage(const RunView& run, const Screen& screen)
      : run_(run),
        screen_(screen),
        width_(screen.width == 0 ? kMostColumns : std::max<std::size_t>(screen.width, 40)) {}

  std::string Print(const Json& state) {
    Head(state);
    const Json& frames = state.at("frames");
    bool first = true;
    for (const Json& frame : frames) {
      Frame(frame, first);
      first = false;
    }
    if (const auto omitted = NumberAt(state, "frames_omitted"))
      Dim("  and " + Plural(omitted, "more frame", "more frames"));
    if (const auto unknown = NumberAt(state, "frames_unknown")) {
      Dim("  and " + Plural(unknown, "frame", "frames") + " below, unknown");
    }
    if (frames.empty()) Dim("  no recorded function is running in this thread");
    Others(state);
    Written(state);
    const std::string at = TextAt(state, "position");
    out_ += "\n  " + Paint(screen_.color, sgr::kDim, "step: ") + "smiley-show " + run_.id + TargetWords() + " --at " +
            at + Paint(screen_.color, sgr::kDim, " --next | --previous | --over | --out | --back-over") + "\n";
    return std::move(out_);
  }

 private:
  void Dim(const std::string& text) { out_ += Paint(screen_.color, sgr::kDim, text) + "\n"; }
  std::string Where(const Json& frame) const {
    std::string file = TextAt(frame, "file");
    const auto line = NumberAt(frame, "line");
    std::string where(BaseName(file));
    if (line != 0) where += ":" + std::to_string(line);
    return Clean(where);
  }

  void Head(const Json& state) {
    const Json& event = state.at("event");
    out_ += Paint(screen_.color, sgr::kDim, "run ") + Paint(screen_.color, sgr::kBoldCyan, run_.id) + "  " +
            Paint(screen_.color, sgr::kBold, TextAt(state, "position")) + "  " + Clean(TextAt(state, "name")) + "  " +
            Paint(screen_.color, sgr::kBold, TextAt(event, "event"));
    if (event.contains("value"))
      out_ += " " + DisplayJson(event["value"].dump(-1, ' ', false, Json::error_handler_t::replace), 60);
    if (const auto exception = event.find("exception"); exception != event.end()) {
      const std::string message = TextAt(*exception, "message");
      out_ += " " + Paint(screen_.color, sgr::kRed,
                          Clean(TextAt(*exception, "type") + (message.empty() ? "" : ": " + message)));
    }
    if (TextAt(event, "event") == "lost") out_ += " " + Plural(NumberAt(event, "count"), "event", "events");
    const auto time = state.at("time_ns").get<std::int64_t>();
    if (run_.start_ns != 0 && time >= run_.start_ns) {
      out_ += Paint(screen_.color, sgr::kDim, "  +" + Duration(time - run_.start_ns));
    }
    out_ += "\n\n";
  }

  void Frame(const Json& frame, bool first) {
    const std::string mark = !first ? "  " : screen_.unicode ? "▶ " : "> ";
    std::string function = TextAt(frame, "function");
    if (function.empty()) function = "an unknown function";
    out_ += Paint(screen_.color, sgr::kBoldGreen, mark) + Paint(screen_.color, sgr::kBold, Clean(function)) + "  " +
            Paint(screen_.color, sgr::kCyan, Where(frame)) + "\n";
    if (const std::string text = Trimmed(TextAt(frame, "text")); !text.empty()) {
      out_ += "      ";
      for (const auto& [style, part] : Highlight(Cut(Clean(text), width_ - 6, screen_.unicode))) {
        out_ += Paint(screen_.color, style, part);
      }
      out_ += "\n";
    }
    const auto variables = frame.find("variables");
    if (variables == frame.end()) return;
    if (variables->is_object()) {
      for (const auto& [name, value] : variables->items()) Variable(name, value);
    } else {
      for (const Json& pair : *variables) {
        if (pair.is_array() && pair.size() == 2) {
          Variable(pair[0].is_string() ? pair[0].get<std::string>() : pair[0].dump(), pair[1]);
        }
      }
    }
  }

  void Variable(const std::string& name, const Json& value) {
    const std::string shown = Clean(name);
    const std::size_t used = 10 + Columns(shown) + 3;
    out_ += "          " + Paint(screen_.color, sgr::kCyan, shown);
    if (value.is_object() && TextAt(value, "$type") == "unbound") {
      out_ += Paint(screen_.color, sgr::kDim, " is unbound") + "\n";
      return;
    }
    out_ += " = " +
            DisplayJson(value.dump(-1, ' ', false, Json::error_handler_t::replace),
                        width_ > used + 20 ? width_ - used : 20) +
            "\n";
  }

  void Others(const Json& state) {
    const Json& threads = state.at("threads");
    if (threads.empty()) return;
    out_ += "\n  " + Paint(screen_.color, sgr::kDim, "other threads at this time") + "\n";
    std::size_t shown = 0;
    for (const Json& thread : threads) {
      if (++shown > kMostOthers) break;
      std::string row = "  " + Paint(screen_.color, sgr::kBoldCyan, PadLeft(TextAt(thread, "position"), 8)) + "  " +
                        PadRight(Clean(TextAt(thread, "name")), 12) + "  ";
      const Json& frames = thread.at("frames");
      if (thread.value("ended", false)) {
        row += Paint(screen_.color, sgr::kDim, "had ended");
      } else if (frames.empty()) {
        row += Paint(screen_.color, sgr::kDim, TextAt(thread, "event"));
      } else {
        row += Paint(screen_.color, sgr::kCyan, Where(frames[0])) + "  " + Clean(TextAt(frames[0], "function")) +
               "  " +
               Paint(screen_.color, sgr::kDim, Cut(Clean(Trimmed(TextAt(frames[0], "text"))), 60, screen_.unicode));
      }
      out_ += row + "\n";
    }
    const std::uint64_t more =
        NumberAt(state, "threads_omitted") + threads.size() - std::min(threads.size(), kMostOthers);
    if (more != 0) Dim("  and " + Plural(more, "more thread", "more threads"));
  }

  void Written(const Json& state) {
    const Json& output = state.at("output");
    if (output.empty()) return;
    std::string text;
    for (const Json& write : output) text += TextAt(write, "text");
    const bool cut = state.value("output_cut", false);
    out_ += "\n  " + Paint(screen_.color, sgr::kDim, cut ? "last lines of output" : "output so far") + "\n";
    std::size_t at = 0;
    while (at < text.size()) {
      std::size_t end = text.find('\n', at);
      if (end == std::string::npos) end = text.size();
      out_ += "  " + Paint(screen_.color, sgr::kDim, screen_.unicode ? "│ " : "| ") +
              Cut(Clean(text.substr(at, end - at)), width_ - 4, screen_.unicode) + "\n";
      at = end + 1;
    }
  }

  const RunView& run_;
  const Screen& screen_;
  const std::size_t width_;
  std::string out_;
};

}  // namespace

int ShowState(Link* link, const RunView& run, const StateOptions& options, const Screen& screen) {
  std::string at = options.at;
  const auto ask_state = [&](const std::string& extra, const std::function<bool(const std::string&)>& each) {
    std::string request = "{\"op\":\"state\",\"run\":" + Quote(run.id) + ",\"at\":" + Quote(at) + extra;
    if (options.thread) request += ",\"thread\":" + std::to_string(*options.thread);
    return ForEachLine(link, request + "}", each);
  };
  std::string line;
  if (!options.steps.empty()) {
    // Resolve the place to a position, then follow the steps.
    const Status found = ask_state(",\"frames\":0,\"threads\":0,\"output\":0", [&](const std::string& state) {
      const Json parsed = Json::parse(state, nullptr, false);
      if (parsed.is_object()) at = TextAt(parsed, "position");
      return true;
    });
    if (!found) return Fail(found);
    for (const std::string& step : options.steps) {
      std::string next;
      const Status status = ForEachLine(
          link,
          "{\"op\":\"step\",\"run\":" + Quote(run.id) + ",\"from\":" + Quote(at) + ",\"kind\":" + Quote(step) + "}",
          [&](const std::string& answer) {
            const Json parsed = Json::parse(answer, nullptr, false);
            if (parsed.is_object()) next = TextAt(parsed, "position");
            return true;
          });
      if (!status) return Fail(status);
      if (next.empty()) {
        Say("run " + run.id + " has no event for --" + step + " from " + at);
        return kExitNo;
      }
      at = next;
    }
  }
  const Status status = ask_state("", [&](const std::string& state) {
    line = state;
    return true;
  });
  if (!status) return Fail(status);
  if (options.json) {
    Output::Get().Write(line + "\n");
  } else {
    const Json state = Json::parse(line, nullptr, false);
    if (!state.is_object()) {
      return Fail(Status(Code::kDamaged, "an answer of the daemon cannot be read; smiley-daemon restart may help"));
    }
    Output::Get().Write(StatePage(run, screen).Print(state));
  }
  Output::Get().Flush();
  return kExitOk;
}

}  // namespace smiley::tools
