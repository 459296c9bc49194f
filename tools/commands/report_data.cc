#include "tools/commands/report_data.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/server/web_request.h"
#include "tools/link/ask.h"
#include "tools/terminal/text.h"

namespace smiley::tools {
namespace {

constexpr std::size_t kPartBytes = 512 * 1024;

// Collects lines and writes them in parts.
class Parts {
 public:
  explicit Parts(const std::function<Status(const std::string&)>& write) : write_(write) {}
  bool Add(std::string_view line) {
    part_ += line;
    part_ += '\n';
    return part_.size() < kPartBytes || Flush().ok();
  }
  Status Flush() {
    if (!part_.empty() && status_.ok()) status_ = write_(part_);
    part_.clear();
    return status_;
  }
  const Status& status() const { return status_; }

 private:
  const std::function<Status(const std::string&)>& write_;
  std::string part_;
  Status status_;
};

// Events of one thread, by seq.
struct Span {
  const ThreadView* thread = nullptr;
  std::uint64_t first = 1, last = 0;
};
// An event of the report, as its line.
struct KeptEvent {
  std::uint64_t seq = 0;
  bool needs_state = false;
  std::string line;
};

// The number of a member; 0 = none. A text cannot look like the key, because its quotes are escaped.
std::uint64_t NumberIn(std::string_view line, std::string_view key) {
  const std::string begin = "\"" + std::string(key) + "\":";
  const std::size_t at = line.find(begin);
  std::uint64_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(line.data() + at + begin.size(), line.data() + line.size(), number);
  return number;
}

// Follows the events of one thread in a report, and decides which events need the whole state of the thread: the
// first event after a gap, and the first resume of a generator or coroutine that began before the gap.
class FrameTracker {
 public:
  bool NeedsState(std::string_view line) {
    const std::uint64_t seq = NumberIn(line, "seq");
    const bool gap = seq != expected_;
    expected_ = seq + (Is(line, "lost") ? NumberIn(line, "count") : 1);
    if (gap) known_.clear();
    const bool begins = Is(line, "call"), goes_on = Is(line, "resume") || Is(line, "throw");
    const bool fresh = (begins || goes_on) && known_.insert(NumberIn(line, "frame")).second;
    return gap || (goes_on && fresh);
  }

 private:
  static bool Is(std::string_view line, std::string_view kind) {
    return line.find("\"event\":\"" + std::string(kind) + "\"") != std::string_view::npos;
  }
  std::uint64_t expected_ = 1;
  std::unordered_set<std::uint64_t> known_;  // frames that began or resumed since the last gap
};

class Collector {
 public:
  Collector(Link* link, const RunView& run, const ReportOptions& options, Parts* parts)
      : link_(link), run_(run), options_(options), parts_(parts) {}

  Status Whole() {
    if (run_.events + run_.lost > options_.events)
      return TooLarge("run " + run_.id + " has " + Number(run_.events) + " events");
    Head("null");
    if (Status status = Common(); !status) return status;
    return Copy(Request("replay", ""));
  }

  Status Part() {
    if (Status status = LoadThreads(); !status) return status;
    std::string part;
    if (Status status = FindSpans(&part); !status) return status;
    if (Status status = FindEvents(&part); !status) return status;
    Head(Quote(part));
    if (Status status = Common(); !status) return status;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const Status status = options_.where.empty() ? CopySpan(spans_[i]) : CopyKept(*spans_[i].thread, kept_[i]);
      if (!status) return status;
    }
    return Status::Ok();
  }

 private:
  Status TooLarge(const std::string& what) const {
    return Status(Code::kInvalid,
                  what + ", and a report holds at most " + Number(options_.events) +
                      "; choose the part around a position with --around THREAD:EVENT, matching events with --where "
                      "EXPR, one thread with --thread N, or raise the limit with --events N");
  }

  // Selects events by position and thread.
  Status FindSpans(std::string* part) {
    std::uint64_t total = 0;
    if (options_.around.empty()) {
      for (const ThreadView& one : threads_) {
        if (options_.thread && one.thread != *options_.thread) continue;
        if (one.events + one.lost == 0) continue;
        spans_.push_back({&one, 1, one.events + one.lost});
        total += one.events;
        if (options_.thread) *part = "thread " + std::to_string(one.thread) + ", " + Clean(one.name);
      }
      if (spans_.empty()) {
        return Status(Code::kNotFound, "run " + run_.id + " has no thread " +
                                           std::to_string(options_.thread.value_or(0)) +
                                           " with events; see smiley-threads");
      }
      if (options_.where.empty() && total > options_.events)
        return TooLarge(*part + " has " + Number(total) + " events");
      return Status::Ok();
    }
    return FindAround(part);
  }

  Status FindAround(std::string* part) {
    std::uint64_t thread = 0, seq = 0;
    if (Status status = ReadPosition(&thread, &seq); !status) return status;
    const std::uint64_t half = std::max<std::uint64_t>(options_.events / 2, 1);
    const ThreadView* own = nullptr;
    for (const ThreadView& one : threads_) {
      if (one.thread == thread) own = &one;
    }
    if (own == nullptr || seq > own->events + own->lost) {
      return Status(Code::kNotFound,
                    "run " + run_.id + " has no position " + options_.around + "; see smiley-threads");
    }
    const Span span{own, seq > half ? seq - half : 1, std::min(seq + half, own->events + own->lost)};
    *part = "events " + std::to_string(span.first) + " to " + std::to_string(span.last) + " of thread " +
            std::to_string(thread);
    if (options_.thread && *options_.thread != own->thread) {
      return Status(Code::kInvalid, "--around " + options_.around + " lies in another thread than --thread " +
                                        std::to_string(*options_.thread));
    }
    const Result<std::int64_t> from_ns = TimeOf(own->thread, span.first);
    if (!from_ns) return from_ns.status();
    const Result<std::int64_t> to_ns = TimeOf(own->thread, span.last);
    if (!to_ns) return to_ns.status();
    time_ = {*from_ns, *to_ns};
    if (options_.thread) {
      spans_.push_back(span);
      return Status::Ok();
    }
    *part += ", and the other threads at that time";
    for (const ThreadView& one : threads_) {
      if (one.thread == own->thread) {
        spans_.push_back(span);
        continue;
      }
      if (one.last_ns < *from_ns || one.first_ns > *to_ns) continue;
      const Result<std::uint64_t> first = SeqAt(one, *from_ns);
      if (!first) return first.status();
      const Result<std::uint64_t> behind = SeqAt(one, *to_ns + 1);
      if (!behind) return behind.status();
      if (*behind > *first) spans_.push_back({&one, *first, std::min(*behind - 1, *first + options_.events)});
    }
    return Status::Ok();
  }

  // Finds all matching events before anything is written, because they may be too many.
  Status FindEvents(std::string* part) {
    if (options_.where.empty()) return Status::Ok();
    *part = "where " + options_.where + (part->empty() ? "" : "; " + *part);
    std::uint64_t cost = 0, count = 0;
    for (const Span& span : spans_) {
      std::vector<KeptEvent>& kept = kept_.emplace_back();
      FrameTracker tracker;
      const Status status =
          ForEachLine(link_, Replay(span, ",\"where\":" + Quote(options_.where)), [&](const std::string& line) {
            kept.push_back({NumberIn(line, "seq"), tracker.NeedsState(line), line});
            cost += kept.back().needs_state ? 1 + ReportOptions::kGapCost : 1;
            ++count;
            return cost <= options_.events && !Interrupted();
          });
      if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
      if (cost > options_.events) {
        return TooLarge("more than " + Number(count - 1) + " events of run " + run_.id + " match '" + options_.where +
                        "' (each gap between them counts as " + std::to_string(ReportOptions::kGapCost) + ")");
      }
      if (!status) return status;
    }
    if (count == 0)
      return Status(Code::kNotFound, "no event of run " + run_.id + " matches '" + options_.where + "'");
    return Status::Ok();
  }

  Status CopySpan(const Span& span) {
    FrameTracker tracker;
    std::vector<std::uint64_t> states;
    const Status status = Copy(Replay(span, ""), nullptr, [&](const std::string& line) {
      if (tracker.NeedsState(line)) states.push_back(NumberIn(line, "seq"));
    });
    if (!status) return status;
    for (const std::uint64_t seq : states) {
      if (Status copied = CopyState(*span.thread, seq); !copied) return copied;
    }
    return Status::Ok();
  }

  Status CopyKept(const ThreadView& thread, const std::vector<KeptEvent>& kept) {
    for (const KeptEvent& event : kept) {
      parts_->Add(event.line);
      if (!parts_->status()) return parts_->status();
      if (!event.needs_state) continue;
      if (Status status = CopyState(thread, event.seq); !status) return status;
    }
    return Status::Ok();
  }

  // Writes the state of a thread at an event. A frame that did not change since it was written is only named.
  Status CopyState(const ThreadView& thread, std::uint64_t seq) {
    const std::string at = std::to_string(thread.thread) + ":" + std::to_string(seq);
    const Status status =
        ForEachLine(link_, Request("state", ",\"at\":" + Quote(at) + ",\"output\":0,\"threads\":0"),
                    [&](const std::string& line) {
                      auto state = nlohmann::ordered_json::parse(line, nullptr, false);
                      if (!state.is_object() || !state.contains("frames")) return parts_->Add(line);
                      for (auto& frame : state["frames"]) {
                        std::string text = frame.dump();
                        std::string& written = written_[{thread.thread, frame.value("frame", std::uint64_t{0})}];
                        if (text == written) {
                          frame = {{"frame", frame["frame"]}, {"same", true}};
                        } else {
                          written = std::move(text);
                        }
                      }
                      return parts_->Add(state.dump());
                    });
    if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
    if (!parts_->status()) return parts_->status();
    return status;
  }

  std::string Replay(const Span& span, const std::string& more) const {
    return Request("replay",
                   ",\"from\":" + Quote(std::to_string(span.thread->thread) + ":" + std::to_string(span.first)) +
                       ",\"to\":" + std::to_string(span.last) + more);
  }
  std::string Request(const std::string& op, const std::string& more) const {
    return "{\"op\":\"" + op + "\",\"run\":" + Quote(run_.id) + more + "}";
  }
  std::string TimeMembers() const {
    return ",\"from_ns\":" + std::to_string(time_->first) + ",\"to_ns\":" + std::to_string(time_->second);
  }
  void Head(const std::string& part) {
    const std::string thread = options_.thread ? std::to_string(*options_.thread) : "null";
    parts_->Add("{\"type\":\"report\",\"part\":" + part + ",\"thread\":" + thread +
                ",\"title\":" + Quote(options_.title) + (time_ ? TimeMembers() : std::string()) + "}");
  }
  // Copies the lines of an answer unchanged.
  Status Copy(
      const std::string& request, std::string* end = nullptr,
      const std::function<void(const std::string&)>& look = [](const std::string&) {}) {
    const auto take = [&](const std::string& line) {
      look(line);
      return parts_->Add(line) && !Interrupted();
    };
    const Status status = ForEachLine(link_, request, take, end);
    if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
    if (!parts_->status()) return parts_->status();
    return status;
  }
  // Copies a whole answer, with its end line, for a request that the page sends.
  Status Keep(const std::string& asked, const std::string& request) {
    parts_->Add("{\"type\":\"answer\",\"asked\":" + Quote(asked) + "}");
    std::string end;
    if (Status status = Copy(request, &end); !status) return status;
    parts_->Add(end);
    return parts_->status();
  }

  Status Common() {
    const Result<std::string> about = link_->Ask(Request("run", ""));
    if (!about) return about.status();
    parts_->Add(*about);
    for (const char* op : {"threads", "tasks", "sources"}) {
      if (Status status = Copy(Request(op, "")); !status) return status;
    }
    // Counts cover the whole run, or the whole of the selected thread. Calls cover the time of the part, where it has
    // one. The page says so (PartNote).
    const std::string of = options_.thread ? ",\"thread\":" + std::to_string(*options_.thread) : "";
    if (Status status = Keep("threads", Request("threads", ",\"lines\":true")); !status) return status;
    if (Status status = Keep("hits", Request("hits", of)); !status) return status;
    const std::string then = of + (time_ ? TimeMembers() : std::string());
    if (Status status = Keep("stats", Request("stats", then)); !status) return status;
    if (Status status = Keep("calls time", Request("calls", then + ",\"by\":\"time\",\"least\":1")); !status)
      return status;
    if (Status status = Keep("calls count", Request("calls", then + ",\"by\":\"count\",\"least\":1")); !status)
      return status;
    return Keep("exceptions", Request("exceptions", of));
  }

  Status ReadPosition(std::uint64_t* thread, std::uint64_t* seq) const {
    const std::string& text = options_.around;
    const std::size_t colon = text.find(':');
    const char* end = text.data() + text.size();
    const bool good = colon != std::string::npos &&
                      std::from_chars(text.data(), text.data() + colon, *thread).ptr == text.data() + colon &&
                      std::from_chars(text.data() + colon + 1, end, *seq).ptr == end && *thread > 0 && *seq > 0;
    return good ? Status::Ok()
                : Status(Code::kInvalid, "--around takes a position, as in 2:1017; not '" + text + "'");
  }

  Status LoadThreads() {
    Status broken;
    const Status status = ForEachLine(link_, Request("threads", ""), [&](const std::string& line) {
      Result<ThreadView> thread = ParseThread(line);
      if (thread.ok()) {
        threads_.push_back(std::move(*thread));
      } else {
        broken = thread.status();
      }
      return true;
    });
    return status.ok() ? broken : status;
  }

  Result<std::int64_t> TimeOf(std::uint32_t thread, std::uint64_t seq) {
    std::int64_t time = INT64_MAX;
    const Status status = ForEachLine(
        link_,
        Request("replay", ",\"from\":" + Quote(std::to_string(thread) + ":" + std::to_string(seq)) + ",\"limit\":1"),
        [&](const std::string& line) {
          const auto object = nlohmann::json::parse(line, nullptr, false);
          if (object.is_object()) time = object.value("time_ns", time);
          return true;
        });
    if (!status) return status;
    return time;
  }

  // The first event of a thread at or after a time. One more than its last event if there is none.
  Result<std::uint64_t> SeqAt(const ThreadView& thread, std::int64_t time_ns) {
    std::uint64_t low = 1, high = thread.events + thread.lost + 1;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      const Result<std::int64_t> time = TimeOf(thread.thread, middle);
      if (!time) return time.status();
      if (*time < time_ns) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  Link* const link_;
  const RunView& run_;
  const ReportOptions& options_;
  Parts* const parts_;
  std::vector<ThreadView> threads_;
  std::vector<Span> spans_;
  std::optional<std::pair<std::int64_t, std::int64_t>> time_;               // of --around: from, to
  std::vector<std::vector<KeptEvent>> kept_;                                // of --where: by span
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> written_;  // by thread and frame
};

// Escapes text for HTML elements and attributes.
std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Escapes "</", which would end a script element even inside a string.
std::string EscapeScript(std::string_view code) {
  std::string out;
  out.reserve(code.size());
  for (std::size_t i = 0; i < code.size(); ++i) {
    out += code[i];
    if (code[i] == '<' && i + 1 < code.size() && code[i + 1] == '/') out += '\\';
  }
  return out;
}

}  // namespace

Status CollectReport(Link* link, const RunView& run, const ReportOptions& options,
                     const std::function<Status(const std::string&)>& write) {
  Parts parts(write);
  Collector collector(link, run, options, &parts);
  const bool whole = options.around.empty() && options.where.empty() && !options.thread;
  const Status status = whole ? collector.Whole() : collector.Part();
  if (!status) return status;
  return parts.Flush();
}

std::string ReportScript(std::string_view part) {
  std::string text = Quote(part), out = "(window.smileyParts=window.smileyParts||[]).push(";
  out.reserve(text.size() + 64);
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out + ");\n";
}

Result<std::string_view> ReportFile(std::string_view name) {
  const std::string_view file = daemon::PageFile(name);
  if (file.empty()) {
    return Status(Code::kNotFound, "smiley was built without its page; install nodejs and npm, and build again");
  }
  return file;
}

Result<std::string> ReportAsOneFile(Link* link, const RunView& run, const ReportOptions& options) {
  std::string scripts;
  const Status status = CollectReport(link, run, options, [&](const std::string& part) {
    scripts += ReportScript(part);
    return Status::Ok();
  });
  if (!status) return status;
  return ReportPage(options.title.empty() ? Clean(CommandLine(run.command)) : options.title, scripts, true);
}

Result<std::string> ReportPage(const std::string& title, const std::string& scripts, bool inlined) {
  const Result<std::string_view> script = ReportFile("app.js");
  if (!script) return script.status();
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n";
  if (inlined) {
    page +=
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'\">\n";
  }
  page += "<title>" + EscapeHtml(title) + "</title>\n";
  const std::string body = "<body><div id=\"app\"><noscript>This report needs JavaScript.</noscript></div>";
  if (inlined) {
    page += "<style>" + std::string(*ReportFile("app.css")) + "</style>\n</head>\n" + body + "\n<script>" + scripts +
            "</script>\n<script>" + EscapeScript(*script) + "</script>\n</body>\n</html>\n";
  } else {
    page +=
        "<link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"app.css\">\n" +
        scripts + "<script defer src=\"app.js\"></script>\n</head>\n" + body + "</body>\n</html>\n";
  }
  return page;
}

}  // namespace smiley::tools
