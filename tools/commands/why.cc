// smiley-why: shows where the value of a variable came from.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "daemon/find/position.h"
#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/event_view.h"
#include "tools/terminal/highlight.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using Json = nlohmann::ordered_json;

std::string TextAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string ValueText(const Json& object, std::size_t width) {
  const auto value = object.find("value");
  if (value == object.end()) return "?";
  return DisplayJson(value->dump(-1, ' ', false, Json::error_handler_t::replace), width);
}

std::string Explain(const Json& link) {
  const std::string how = TextAt(link, "how");
  if (how == "returned") return "returned by " + Clean(TextAt(link, "returned_by"));
  if (how == "passed") return "passed as an argument";
  if (how == "copied") return "copied from what this line read";
  if (how == "part") return "part of what this line read";
  if (how == "elsewhere") return "changed by other code";
  if (how == "entered") return "set before the thread began";
  if (how == "lost") return "unknown: not recorded before";
  return "computed by this line";
}

void Print(const Json& link, const Screen& screen, bool first) {
  std::string out;
  const std::size_t width = screen.width == 0 ? 100 : std::max<std::size_t>(screen.width, 60);
  const std::string name = Clean(TextAt(link, "name"));
  if (!first) out += "\n";
  out += Paint(screen.color, sgr::kBoldCyan, name) + " = " +
         ValueText(link, width - std::min(width - 20, Columns(name) + 3)) + "\n";
  const auto line = link.find("line");
  std::string where(BaseName(TextAt(link, "file")));
  if (line != link.end() && line->is_number()) where += ":" + std::to_string(line->get<std::uint64_t>());
  out += "  " + Paint(screen.color, sgr::kCyan, Clean(where)) + "  " + Clean(TextAt(link, "function")) +
         Paint(screen.color, sgr::kDim, "  " + TextAt(link, "position") + "  " + Explain(link)) + "\n";
  std::string text = Clean(TextAt(link, "text"));
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  if (!text.empty()) {
    out += "      ";
    for (const auto& [style, part] : Highlight(Cut(text, width - 6, screen.unicode)))
      out += Paint(screen.color, style, part);
    out += "\n";
  }
  const auto reads = link.find("reads");
  if (reads != link.end()) {
    for (const Json& read : *reads) {
      const std::string shown = Clean(TextAt(read, "name"));
      out += "          " + shown + " = " + ValueText(read, 60) +
             Paint(screen.color, sgr::kDim, "   written at " + TextAt(read, "written")) + "\n";
    }
  }
  Output::Get().Write(out);
}

}  // namespace

int WhyMain(int argc, char** argv) {
  std::string selector, at, name;
  std::optional<std::uint64_t> thread, frame;
  bool json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Shows where a variable got the value that it had at one event: the line that wrote it, the variables that the "
      "line read, and so on, back through copies, arguments and return values.",
      "smiley-why last exception total   the variable total where the exception was raised\n"
      "smiley-why last 1:1017 amount\n"
      "smiley-why last shop.py:12#3 cart --json");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed", true)
      .Word("PLACE", &at, "a position (1:1017), FILE:LINE or FILE:LINE#N, start, end, or exception", true)
      .Word("NAME", &name, "a variable of the function that runs at PLACE", true)
      .Number("--frame", &frame, "a variable of this frame instead (see smiley-show --at PLACE --json)")
      .Number("--thread", &thread, "find PLACE among the events of this thread only")
      .Flag("--json", &json, "print JSON Lines, one object a step of the chain")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (const auto place = daemon::ParsePlace(at); !place) {
    Say(place.status().message());
    return kExitUsage;
  }
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Screen screen = DetectScreen(color);
  std::string request =
      "{\"op\":\"why\",\"run\":" + Quote(run->id) + ",\"at\":" + Quote(at) + ",\"name\":" + Quote(name);
  if (thread) request += ",\"thread\":" + std::to_string(*thread);
  if (frame) request += ",\"frame\":" + std::to_string(*frame);
  bool first = true;
  const Status status = ForEachLine(link, request + "}", [&](const std::string& line) {
    if (json) {
      Output::Get().Write(line + "\n");
    } else {
      const Json parsed = Json::parse(line, nullptr, false);
      if (parsed.is_object()) Print(parsed, screen, first);
      first = false;
    }
    return !Interrupted();
  });
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  return status.ok() ? kExitOk : Fail(status);
}

}  // namespace smiley::tools
