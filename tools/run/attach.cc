#include "tools/run/attach.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "tools/run/python.h"
#include "tools/terminal/terminal.h"

namespace smiley::tools {

namespace {

namespace fs = std::filesystem;

int Refuse(const std::string& why) {
  Say(why);
  return kExitRunFailed;
}

// A Python string literal.
std::string QuoteForPython(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string QuoteList(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out += QuoteForPython(word) + ",";
  return out + "]";
}

std::string FormatLimit(std::uint32_t limit) { return limit == 0 ? "None" : std::to_string(limit); }

std::string NameOnFull(shm::OnFull on_full) {
  return on_full == shm::OnFull::kDrop ? "drop" : on_full == shm::OnFull::kOverwrite ? "overwrite" : "block";
}

// The script that the other process runs between two of its lines. It removes its own file.
std::string MakeScript(const std::string& path, const RunOptions& options, const Installation& installation,
                       const shm::Home& home) {
  const std::string lib = (fs::path(installation.module_dir) / "python").string();
  const auto flag = [](bool on) { return std::string(on ? "True" : "False"); };
  return "import os, sys\n"
         "os.unlink(" +
         QuoteForPython(path) +
         ")\n"
         "sys.path.insert(0, " +
         QuoteForPython(lib) +
         ")\n"
         "try:\n"
         "    import smiley\n"
         "finally:\n"
         "    sys.path.remove(" +
         QuoteForPython(lib) +
         ")\n"
         "before = os.environ.get('SMILEY_HOME')\n"
         "os.environ['SMILEY_HOME'] = " +
         QuoteForPython(home.dir.string()) +
         "\n"
         "try:\n"
         "    smiley.start(name=" +
         QuoteForPython(options.name) + ", detail=" + QuoteForPython(options.detail) +
         ", include=" + QuoteList(options.include) + ", exclude=" + QuoteList(options.exclude) +
         ", redact=" + QuoteList(options.redact) + ", where=" + QuoteForPython(options.where) +
         ", include_stdlib=" + flag(options.include_stdlib) + ", site_packages=" + flag(!options.no_site_packages) +
         ", follow=" + flag(options.follow) + ", redaction=" + flag(!options.no_redact) +
         ", deep=" + flag(options.deep) + ", gc=" + flag(options.gc) + ", imports=" + flag(options.imports) +
         ", log=" + flag(options.logs) + ", c_calls=" + flag(options.c_calls) +
         ", max_depth=" + FormatLimit(options.max_depth) + ", start_at=" + QuoteForPython(options.start_at) +
         ", stop_after=" + QuoteForPython(options.stop_after) + ", depth=" + FormatLimit(options.limits[0]) +
         ", items=" + FormatLimit(options.limits[1]) + ", chars=" + FormatLimit(options.limits[2]) +
         ", nodes=" + FormatLimit(options.limits[3]) + ", bytes=" + FormatLimit(options.limits[4]) +
         ", on_full=" + QuoteForPython(NameOnFull(options.on_full)) +
         ", block_timeout=" + std::to_string(options.block_timeout.count()) +
         " / 1000)\n"
         "finally:\n"
         "    os.environ.pop('SMILEY_HOME')\n"
         "    if before is not None:\n"
         "        os.environ['SMILEY_HOME'] = before\n";
}

}  // namespace

int Attach(const RunOptions& options, const Installation& installation, const shm::Home& home) {
  const std::string proc = "/proc/" + options.attach;
  struct stat status;
  if (stat(proc.c_str(), &status) != 0) return Refuse("there is no process " + options.attach);
  std::error_code error;
  const std::string exe = fs::read_symlink(proc + "/exe", error).string();
  if (error) return Refuse("process " + options.attach + " belongs to another user or to the system");
  const std::string version = VersionOfPython(exe);
  if (version.empty())
    return Refuse("process " + options.attach + " runs " + exe + ", which is not a Python interpreter");
  int major = 0, minor = 0;
  if (sscanf(version.c_str(), "%d.%d", &major, &minor) != 2 || major < 3 || (major == 3 && minor < 14)) {
    return Refuse("process " + options.attach + " runs Python " + version +
                  ", and attaching needs 3.14 or newer; start it with smiley-run, or let it call smiley.start()");
  }
  const std::vector<std::string> built = BuiltPythons(installation);
  if (std::find(built.begin(), built.end(), version) == built.end()) {
    return Refuse("process " + options.attach + " runs Python " + version + ", and smiley has no tracer for it");
  }
  mkdir(home.SpoolDir().c_str(), 0700);
  const std::string path = (home.SpoolDir() / ("attach-" + options.attach + ".py")).string();
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const std::string text = MakeScript(path, options, installation, home);
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) close(fd);
  if (!written) return Refuse(path + " cannot be written");
  const std::string done =
      AskPython(exe, "import sys\ntry:\n sys.remote_exec(" + options.attach + ", " + QuoteForPython(path) +
                         "); print('done')\nexcept BaseException as error:\n print(error)");
  if (done != "done") {
    unlink(path.c_str());
    return Refuse("process " + options.attach +
                  " cannot be attached to: " + (done.empty() ? "its interpreter does not run" : done));
  }
  if (!options.quiet) Say("process " + options.attach + " is recorded from its next step on; next: smiley-tail");
  return 0;
}

}  // namespace smiley::tools
