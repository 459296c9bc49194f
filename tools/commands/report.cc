// smiley-report: writes a run as pages that open from disk.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/report_data.h"
#include "tools/commands/verbs.h"
#include "tools/commands/where.h"
#include "tools/link/ask.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

namespace fs = std::filesystem;

// Writes a file that only the owner can read, because recorded values may be private.
Status WriteFile(const fs::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Status::FromErrno("cannot write " + path.string(), errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = errno;
      ::close(fd);
      return Status::FromErrno("cannot write " + path.string(), error);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(fd);
  return Status::Ok();
}

// Creates the folder, or accepts one that is empty or holds a report.
Status PrepareFolder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error) &&
      !fs::exists(folder / "data" / "part-1.js", error)) {
    return Status(Code::kInvalid,
                  folder.string() + " holds other files; choose a folder that is new, empty or a report");
  }
  fs::create_directories(folder, error);
  if (error) return Status(Code::kIo, "cannot make " + folder.string() + ": " + error.message());
  ::chmod(folder.c_str(), 0700);
  fs::remove_all(folder / "data", error);
  fs::create_directories(folder / "data", error);
  if (error) return Status(Code::kIo, "cannot make " + (folder / "data").string() + ": " + error.message());
  ::chmod((folder / "data").c_str(), 0700);
  return Status::Ok();
}

}  // namespace

int ReportMain(int argc, char** argv) {
  std::string selector, folder;
  ReportOptions options;
  std::optional<std::uint64_t> events, thread;
  bool json = false;
  Arguments arguments("Writes a run as pages that open from disk in any browser, without daemon and network.",
                      "smiley-report last -o report   then open report/index.html\n"
                      "smiley-report last -o part --around 2:1017   the part around a position of a large run\n"
                      "smiley-report last -o part --where 'function == \"pay\"'   the matching events\n"
                      "smiley-export last --format html > run.html   the same as one file");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed", true)
      .Text("-o,--output", &folder, "the folder to write to; created when it does not exist", "DIR")
      .Text("--title", &options.title, "the title of the pages (default: the command)")
      .Text("--around", &options.around, "only the part around this position", "THREAD:EVENT")
      .Text("--where", &options.where, "only events that match this expression", "EXPR")
      .Number("--thread", &thread, "only this thread (see smiley-threads)")
      .Number("--events", &events, "at most N events (default: 200,000)")
      .Flag("--json", &json, "print one JSON object about the report")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (folder.empty()) {
    Say("give a folder for the report: -o DIR");
    return kExitUsage;
  }
  if (const auto wrong = CheckWhere(options.where)) return *wrong;
  if (events) options.events = *events;
  if (thread) options.thread = static_cast<std::uint32_t>(std::min<std::uint64_t>(*thread, UINT32_MAX));
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  const RunView* run = &opened->run;
  if (const Result<std::string_view> page = ReportFile("app.js"); !page) return Fail(page.status());
  const fs::path out(folder);
  Progress progress;
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
  bool prepared = false;
  const Status collected = CollectReport(opened->link.get(), *run, options, [&](const std::string& part) {
    if (!prepared) {
      if (Status status = PrepareFolder(out); !status) return status;
      prepared = true;
    }
    names.push_back("part-" + std::to_string(names.size() + 1) + ".js");
    bytes += part.size();
    progress.Show("writing the report, " + Bytes(bytes));
    return WriteFile(out / "data" / names.back(), ReportScript(part));
  });
  progress.Clear();
  if (!collected) return Fail(collected);
  std::string scripts;
  for (const std::string& name : names) scripts += "<script defer src=\"data/" + name + "\"></script>\n";
  const std::string title = options.title.empty() ? Clean(CommandLine(run->command)) : options.title;
  const Result<std::string> page = ReportPage(title, scripts, false);
  if (!page) return Fail(page.status());
  for (const char* name : {"app.js", "app.css", "icon.svg"}) {
    if (Status status = WriteFile(out / name, *ReportFile(name)); !status) return Fail(status);
  }
  if (Status status = WriteFile(out / "index.html", *page); !status) return Fail(status);
  if (json) {
    Output::Get().Write("{\"type\":\"report\",\"run\":" + Quote(run->id) +
                        ",\"page\":" + Quote(fs::absolute(out / "index.html").string()) +
                        ",\"bytes\":" + std::to_string(bytes) + "}\n");
    Output::Get().Flush();
  } else {
    Say("wrote run " + run->id + " to " + (out / "index.html").string() + ", " + Bytes(bytes) +
        "; open it in a browser");
  }
  return kExitOk;
}

}  // namespace smiley::tools
