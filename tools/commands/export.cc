// smiley-export: writes a run as one file, or to a pipe.
#include "daemon/exchange/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "shm/clock.h"
#include "tools/commands/arguments.h"
#include "tools/commands/report_data.h"
#include "tools/commands/verbs.h"
#include "tools/commands/where.h"
#include "tools/link/ask.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

// A file that appears under its name when it is complete.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Status Open() {
    temporary_ = path_ + ".XXXXXX";
    fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);  // mode 0600, because recorded values may be private
    if (fd_ >= 0) return Status::Ok();
    const int failure = errno;
    temporary_.clear();
    return Status::FromErrno("cannot write " + path_, failure);
  }
  Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        return Status::FromErrno("cannot write " + path_, errno);
      }
    }
    return Status::Ok();
  }
  Status Finish() {
    if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS)
      return Status::FromErrno("cannot write " + path_, errno);
    const int closed = ::close(fd_);
    fd_ = -1;
    if (closed != 0) return Status::FromErrno("cannot write " + path_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return Status::FromErrno("cannot write " + path_, errno);
    temporary_.clear();
    return Status::Ok();
  }

 private:
  std::string path_, temporary_;
  int fd_ = -1;
};

// Writes to the file, or to standard output when `path` is empty.
int WriteWhole(const std::string& bytes, const std::string& path) {
  if (path.empty()) {
    Output::Get().Write(bytes);
    Output::Get().Flush();
    return kExitOk;
  }
  NewFile file(path);
  for (const Status& status : {file.Open(), file.Write(bytes), file.Finish()}) {
    if (!status) return Fail(status);
  }
  Say("wrote " + path + ", " + Bytes(bytes.size()));
  return kExitOk;
}

// This command writes the page itself; the daemon writes every other format.
constexpr char kHtml[] = "html";

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const daemon::ExportFormat& format : daemon::ExportFormats()) names.emplace_back(format.name);
  names.emplace_back(kHtml);
  return names;
}

std::string DescribeFormats() {
  std::string text;
  for (const daemon::ExportFormat& format : daemon::ExportFormats()) {
    text += std::string(format.name) + (text.empty() ? " (the default): " : ": ") + std::string(format.description) +
            ". ";
  }
  return text + kHtml + ": a page that opens from disk";
}

}  // namespace

int ExportMain(int argc, char** argv) {
  std::string selector, format(daemon::ExportFormats().front().name), path;
  ReportOptions report;
  std::optional<std::uint64_t> thread, events;
  Arguments arguments("Writes a run as one self-contained file: its events, sources and checksums.",
                      "smiley-export last > crash.smiley   for smiley-import\n"
                      "smiley-export last -o crash.smiley   the same; the file appears when it is complete\n"
                      "smiley-export last --format jsonl | head   JSON Lines, for scripts\n"
                      "smiley-export last --format chrome -o t.json   for Perfetto\n"
                      "smiley-export last --format html -o run.html   one page; see also smiley-report\n"
                      "smiley-export last --format html --where 'event == raise' > part.html   a part of the run");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed", true)
      .OneOf("--format", &format, FormatNames(), DescribeFormats())
      .Text("--around", &report.around, "with html: only the part around this position", "THREAD:EVENT")
      .Text("--where", &report.where, "with html: only events that match this expression", "EXPR")
      .Number("--thread", &thread, "with html: only this thread (see smiley-threads)")
      .Number("--events", &events, "with html: at most N events (default: 200,000)")
      .Text("-o,--output", &path, "write to this file (default: standard output)", "FILE")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (format != kHtml && (!report.around.empty() || !report.where.empty() || thread || events)) {
    Say("--around, --where, --thread and --events go with --format html only; smiley-replay --json prints matching "
        "events");
    return kExitUsage;
  }
  if (const auto wrong = CheckWhere(report.where)) return *wrong;
  if (events) report.events = *events;
  if (thread) report.thread = static_cast<std::uint32_t>(std::min<std::uint64_t>(*thread, UINT32_MAX));
  if (path == "-") path.clear();
  const daemon::ExportFormat* const known = daemon::FindExportFormat(format);
  if (path.empty() && known != nullptr && known->binary && IsTerminal(STDOUT_FILENO)) {
    Say("format " + format + " is binary; add '> " + Clean(selector) + "." + format +
        "' to write a file, or use --format jsonl");
    return kExitUsage;
  }
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  if (format == kHtml) {
    const Result<std::string> page = ReportAsOneFile(link, *run, report);
    if (!page) return Fail(page.status());
    return WriteWhole(*page, path);
  }
  const Result<std::string> head =
      link->Ask("{\"op\":\"export\",\"run\":" + Quote(run->id) + ",\"format\":" + Quote(format) + "}");
  if (!head) return Fail(head.status());
  NewFile file(path);
  if (!path.empty()) {
    if (const Status status = file.Open(); !status) return Fail(status);
  }
  Progress progress;
  std::string frame;
  std::uint64_t bytes = 0;
  const std::uint64_t begin_ns = shm::MonotonicNs();
  for (;;) {
    const Result<bool> more = link->NextFrame(&frame);
    if (!more) {
      progress.Clear();
      return Fail(more.status());
    }
    if (!*more) break;
    if (Interrupted()) return kExitInterrupted;
    bytes += frame.size();
    if (path.empty()) {
      Output::Get().Write(frame);
    } else if (const Status status = file.Write(frame); !status) {
      progress.Clear();
      return Fail(status);
    }
    const double seconds = static_cast<double>(shm::MonotonicNs() - begin_ns) / 1e9;
    if (seconds > 0.3)
      progress.Show("exporting run " + run->id + ": " + Bytes(bytes) + ", " +
                    Bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s");
  }
  Output::Get().Flush();
  progress.Clear();
  if (!path.empty()) {
    if (const Status status = file.Finish(); !status) return Fail(status);
    Say("wrote run " + run->id + " to " + path + ": " + Plural(run->events, "event", "events") + ", " + Bytes(bytes));
  }
  if (run->running()) Say("run " + run->id + " is still running; the file holds the events recorded so far");
  return kExitOk;
}

}  // namespace smiley::tools
