#include "tools/report_data.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "daemon/web_request.h"
#include "tools/look.h"
#include "tools/text.h"

namespace smiley::tools {
namespace {

constexpr std::size_t kPartBytes = 512 * 1024;

// Collects lines and hands them on in parts.
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

struct Span {
  std::uint64_t first = 1, last = 0;  // seqs; last < first: nothing
};

class Collector {
 public:
  Collector(Link* link, const RunView& run, const ReportOptions& options, Parts* parts)
      : link_(link), run_(run), options_(options), parts_(parts) {}

  Status Whole() {
    if (run_.events + run_.lost > options_.events) {
      return Status(Code::kInvalid, "run " + run_.id + " has " + Number(run_.events) + " events, and a report holds " +
                                        Number(options_.events) + ": --around THREAD:EVENT takes the part around a position, "
                                        "--events N raises the limit");
    }
    Head("null");
    if (Status status = Common(); !status) return status;
    return Copy(Request("replay", ""));
  }

  Status Around() {
    std::uint64_t thread = 0, seq = 0;
    if (Status status = ReadPosition(&thread, &seq); !status) return status;
    const std::uint64_t half = std::max<std::uint64_t>(options_.events / 2, 1);
    const ThreadView* own = nullptr;
    if (Status status = LoadThreads(); !status) return status;
    for (const ThreadView& one : threads_) {
      if (one.thread == thread) own = &one;
    }
    if (own == nullptr || seq > own->events + own->lost) {
      return Status(Code::kNotFound, "run " + run_.id + " has no position " + options_.around + " (smiley-threads shows its threads)");
    }
    const Span span{seq > half ? seq - half : 1, std::min(seq + half, own->events + own->lost)};
    const Result<std::int64_t> from_ns = TimeOf(own->thread, span.first);
    if (!from_ns) return from_ns.status();
    const Result<std::int64_t> to_ns = TimeOf(own->thread, span.last);
    if (!to_ns) return to_ns.status();
    Head(Quote("events " + std::to_string(span.first) + " to " + std::to_string(span.last) + " of thread " +
               std::to_string(thread) + ", and what the other threads did meanwhile"));
    if (Status status = Common(); !status) return status;
    for (const ThreadView& one : threads_) {
      Span part = span;
      if (one.thread != own->thread) {
        if (one.last_ns < *from_ns || one.first_ns > *to_ns) continue;
        const Result<std::uint64_t> first = SeqAt(one, *from_ns);
        if (!first) return first.status();
        const Result<std::uint64_t> behind = SeqAt(one, *to_ns + 1);
        if (!behind) return behind.status();
        part = {*first, std::min(*behind - 1, *first + options_.events)};
      }
      if (part.last < part.first) continue;
      const std::string at = std::to_string(one.thread) + ":";
      if (part.first > 1) {
        const Status known = Copy(Request("state", ",\"at\":" + Quote(at + std::to_string(part.first - 1)) + ",\"output\":0,\"threads\":0"));
        if (!known) return known;
      }
      if (Status status = Copy(Request("replay", ",\"from\":" + Quote(at + std::to_string(part.first)) +
                                                     ",\"limit\":" + std::to_string(part.last - part.first + 1)));
          !status) {
        return status;
      }
    }
    return Status::Ok();
  }

 private:
  std::string Request(const std::string& op, const std::string& more) const {
    return "{\"op\":\"" + op + "\",\"run\":" + Quote(run_.id) + more + "}";
  }
  void Head(const std::string& part) {
    parts_->Add("{\"type\":\"report\",\"part\":" + part + ",\"title\":" + Quote(options_.title) + "}");
  }
  // The lines of an answer, as they are.
  Status Copy(const std::string& request, std::string* end = nullptr) {
    const Status status = ForEachLine(
        link_, request, [&](const std::string& line) { return parts_->Add(line) && !Interrupted(); }, end);
    if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
    if (!parts_->status()) return parts_->status();
    return status;
  }
  // An answer that the page asks for as it is: kept whole, with its end.
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
    if (Status status = Keep("threads", Request("threads", ",\"lines\":true")); !status) return status;
    if (Status status = Keep("hits", Request("hits", "")); !status) return status;
    if (Status status = Keep("stats", Request("stats", "")); !status) return status;
    if (Status status = Keep("calls time", Request("calls", ",\"by\":\"time\",\"least\":1")); !status) return status;
    if (Status status = Keep("calls count", Request("calls", ",\"by\":\"count\",\"least\":1")); !status) return status;
    return Keep("exceptions", Request("exceptions", ""));
  }

  Status ReadPosition(std::uint64_t* thread, std::uint64_t* seq) const {
    const std::string& text = options_.around;
    const std::size_t colon = text.find(':');
    const char* end = text.data() + text.size();
    const bool good = colon != std::string::npos &&
                      std::from_chars(text.data(), text.data() + colon, *thread).ptr == text.data() + colon &&
                      std::from_chars(text.data() + colon + 1, end, *seq).ptr == end && *thread > 0 && *seq > 0;
    return good ? Status::Ok() : Status(Code::kInvalid, "--around takes a position, like 2:1017; not '" + text + "'");
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
        link_, Request("replay", ",\"from\":" + Quote(std::to_string(thread) + ":" + std::to_string(seq)) + ",\"limit\":1"),
        [&](const std::string& line) {
          const auto object = nlohmann::json::parse(line, nullptr, false);
          if (object.is_object()) time = object.value("time_ns", time);
          return true;
        });
    if (!status) return status;
    return time;
  }

  // The first event of a thread at or after a time; one more than its last when there is none.
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
};

// For HTML's text and attributes.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

// Code within a script element ends at the first "</", whatever it is in.
std::string InScript(std::string_view code) {
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
  const Status status = options.around.empty() ? collector.Whole() : collector.Around();
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
    return Status(Code::kNotFound, "smiley was built without its page: install nodejs and npm, and build again");
  }
  return file;
}

Result<std::string> ReportAsOneFile(Link* link, const RunView& run) {
  std::string scripts;
  const Status status = CollectReport(link, run, ReportOptions(), [&](const std::string& part) {
    scripts += ReportScript(part);
    return Status::Ok();
  });
  if (!status) return status;
  return ReportPage(Clean(CommandLine(run.command)), scripts, true);
}

Result<std::string> ReportPage(const std::string& title, const std::string& scripts, bool inlined) {
  const Result<std::string_view> script = ReportFile("app.js");
  if (!script) return script.status();
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n";
  if (inlined) {
    page += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
            "style-src 'unsafe-inline'\">\n";
  }
  page += "<title>" + Escaped(title) + "</title>\n";
  const std::string body = "<body><div id=\"app\"><noscript>This report needs JavaScript.</noscript></div>";
  if (inlined) {
    page += "<style>" + std::string(*ReportFile("app.css")) + "</style>\n</head>\n" + body + "\n<script>" + scripts +
            "</script>\n<script>" + InScript(*script) + "</script>\n</body>\n</html>\n";
  } else {
    page += "<link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"app.css\">\n" + scripts +
            "<script defer src=\"app.js\"></script>\n</head>\n" + body + "</body>\n</html>\n";
  }
  return page;
}

}  // namespace smiley::tools
