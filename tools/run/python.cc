#include "tools/run/python.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>

#include "tools/terminal/terminal.h"

extern char** environ;

namespace smiley::tools {

namespace fs = std::filesystem;

namespace {

struct Failure {
  int exit_code;
  std::string message;
};

bool IsExecutable(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

// As the shell finds it. `why` says 126 or 127 when nothing is found.
std::optional<std::string> FindOnPath(const std::string& name, int* why) {
  *why = kExitRunNotFound;
  const auto is_found = [why](const std::string& path) {
    if (IsExecutable(path)) return true;
    if (access(path.c_str(), F_OK) == 0) *why = kExitRunNotExecutable;
    return false;
  };
  if (name.find('/') != std::string::npos) return is_found(name) ? std::optional(name) : std::nullopt;
  const char* path = getenv("PATH");
  std::string_view folders = path ? path : "/bin:/usr/bin";
  for (;;) {
    const std::size_t colon = folders.find(':');
    const std::string folder(folders.substr(0, colon));
    const std::string candidate = folder.empty() ? name : folder + "/" + name;
    if (is_found(candidate)) return candidate;
    if (colon == std::string_view::npos) return std::nullopt;
    folders.remove_prefix(colon + 1);
  }
}

std::string ReadHead(const std::string& path, std::size_t most) {
  std::string head(most, '\0');
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return "";
  const ssize_t got = read(fd, head.data(), head.size());
  close(fd);
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return head;
}

bool IsElf(const std::string& path) {
  return ReadHead(path, 4) ==
         "\x7f"
         "ELF";
}

// "python3.11" → "3.11", "python3.13t" → "3.13t"; empty for other names.
std::string VersionOfName(const std::string& name) {
  constexpr std::string_view kPython = "python";
  if (!name.starts_with(kPython)) return "";
  const std::string version = name.substr(kPython.size());
  const std::size_t dot = version.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 >= version.size()) return "";
  std::size_t at = dot + 1;
  while (at < version.size() && std::isdigit(static_cast<unsigned char>(version[at]))) ++at;
  const std::string_view flags = std::string_view(version).substr(at);
  if (at == dot + 1 || (!flags.empty() && flags != "t" && flags != "d" && flags != "td")) return "";
  if (!std::all_of(version.begin(), version.begin() + static_cast<std::ptrdiff_t>(dot),
                   [](unsigned char c) { return std::isdigit(c); })) {
    return "";
  }
  return version;
}

bool LooksLikePython(std::string_view name) {
  if (!name.starts_with("python")) return false;
  for (const char c : name.substr(6)) {
    if (!std::isdigit(static_cast<unsigned char>(c)) && c != '.' && c != 't' && c != 'd') return false;
  }
  return true;
}

std::string RunPython(const std::string& path, const std::string& argv0, const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> pointers = {const_cast<char*>(argv0.c_str())};
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  pid_t pid;
  const int failed = posix_spawn(&pid, path.c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  if (failed == 0) {
    char buffer[256];
    ssize_t got;
    while ((got = read(ends[0], buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)) {
      if (got > 0 && text.size() < 4096) text.append(buffer, static_cast<std::size_t>(got));
    }
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Asks the interpreter for its implementation and version, for wrappers (shims, shell scripts) and names without a
// version. Empty when it does not answer.
std::string AskVersion(const std::string& path, const std::string& argv0) {
  return RunPython(
      path, argv0,
      {"-I", "-S", "-c", "import sys;print(sys.implementation.name,'%d.%d'%sys.version_info[:2]+sys.abiflags)"});
}

bool IsTooOld(const std::string& version) {
  int major = 0, minor = 0;
  if (sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major < 3 || (major == 3 && minor < 11);
}

// True for "3.13t" and "3.13td".
bool IsFreeThreaded(const std::string& version) { return version.find('t') != std::string::npos; }

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Checks that there is a tracer module for the interpreter. Otherwise returns the failure.
std::optional<Failure> CheckFits(const std::string& path, const std::string& argv0,
                                 const Installation& installation) {
  std::error_code error;
  std::string version;
  if (IsElf(path)) version = VersionOfName(fs::canonical(path, error).filename().string());
  if (version.empty()) {
    const std::string answer = AskVersion(path, argv0);
    const std::size_t space = answer.find(' ');
    if (space == std::string::npos) {
      return Failure{kExitRunNotExecutable,
                     path + " does not run as a Python interpreter; choose another with --python"};
    }
    version = answer.substr(space + 1);
    if (answer.substr(0, space) != "cpython") {
      return Failure{kExitRunFailed, path + " is " + answer.substr(0, space) +
                                         ", and smiley records CPython only; choose one with --python"};
    }
  }
  const std::vector<std::string> built = BuiltPythons(installation);
  if (std::find(built.begin(), built.end(), version) != built.end()) return std::nullopt;
  if (IsTooOld(version)) {
    return Failure{kExitRunFailed,
                   path + " is Python " + version + ", and smiley records 3.11 and newer; choose one with --python"};
  }
  if (IsFreeThreaded(version)) {
    return Failure{kExitRunFailed, path + " is a free-threaded Python (" + version +
                                       "), which smiley does not record; choose another with --python"};
  }
  const std::string there = built.empty() ? "there are none" : "there are tracers for " + Join(built);
  return Failure{kExitRunFailed, path + " is Python " + version + ", and no tracer was built for it: " + there +
                                     "; build it with cmake -DSMILEY_PYTHONS=" + path +
                                     ", or choose another with --python"};
}

// Finds the interpreter for a script, module, code or standard input, and its argv[0].
std::optional<Failure> FindInterpreter(const RunOptions& options, std::string* path, std::string* argv0) {
  int why;
  if (!options.python.empty()) {
    const auto found = FindOnPath(options.python, &why);
    if (!found) {
      return Failure{why, "--python " + options.python +
                              (why == kExitRunNotFound ? ": there is no such program" : ": it cannot be executed")};
    }
    *path = *found;
    *argv0 = options.python;
    return std::nullopt;
  }
  const auto on_path = FindOnPath("python3", &why);
  if (const char* environment = getenv("VIRTUAL_ENV"); environment && *environment) {
    const std::string own = std::string(environment) + "/bin/python3";
    if (IsExecutable(own)) {
      *path = own;
      *argv0 = on_path == own ? "python3" : own;
      return std::nullopt;
    }
  }
  if (!on_path) {
    return Failure{why, "there is no python3 on PATH; install one, or choose one with --python"};
  }
  *path = *on_path;
  *argv0 = "python3";
  return std::nullopt;
}

// Checks the script. Python itself would find these errors only after the run has begun.
std::optional<Failure> CheckScript(const std::string& script) {
  struct stat status;
  if (stat(script.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return Failure{kExitRunNotFound, "there is no file " + script + (script[0] == '/' ? "" : " in this directory")};
    }
    return Failure{kExitRunNotExecutable, script + ": " + strerror(errno)};
  }
  if (S_ISDIR(status.st_mode)) {
    if (access((script + "/__main__.py").c_str(), F_OK) == 0 ||
        access((script + "/__main__.pyc").c_str(), F_OK) == 0) {
      return std::nullopt;
    }
    return Failure{kExitRunNotExecutable, script + " is a directory without a __main__.py; give the script in it"};
  }
  if (access(script.c_str(), R_OK) != 0) {
    return Failure{kExitRunNotExecutable, script + " cannot be read: " + strerror(errno)};
  }
  if (S_ISREG(status.st_mode) && IsElf(script)) {
    return Failure{kExitRunNotExecutable, script + " is a program, not a Python file; smiley-run -- " + script +
                                              " records the Python programs that it starts"};
  }
  return std::nullopt;
}

// Whether `python WORDS…` takes its program from standard input: no script, -c or -m among them.
bool ReadsStdin(const std::vector<std::string>& argv) {
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (word == "-") return true;
    if (word.size() < 2 || word[0] != '-') return false;
    if (word == "--") return i + 1 >= argv.size() || argv[i + 1] == "-";
    if (word[1] == '-') {
      if (word == "--check-hash-based-pycs") ++i;
      if (word == "--help" || word == "--version") return false;
      continue;
    }
    for (std::size_t flag = 1; flag < word.size(); ++flag) {
      if (strchr("cmhV?i", word[flag])) return false;
      if (word[flag] == 'W' || word[flag] == 'X') {
        if (flag + 1 == word.size()) ++i;
        break;
      }
    }
  }
  return true;
}

}  // namespace

std::string AskPython(const std::string& path, const std::string& code) {
  return RunPython(path, path, {"-I", "-c", code});
}

std::string VersionOfPython(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  if (!LooksLikePython(name)) return "";
  if (const std::string version = VersionOfName(name); !version.empty()) return version;
  const std::string answer = AskVersion(path, path);
  constexpr std::string_view kKind = "cpython ";
  return answer.starts_with(kKind) ? answer.substr(kKind.size()) : "";
}

Prepared PrepareProgram(const RunOptions& options, const Installation& installation, std::string* failed) {
  Prepared out;
  ProgramToRun& program = out.program;
  std::optional<Failure> failure;
  if (options.kind == ProgramKind::kCommand) {
    int why;
    const std::string& name = options.program[0];
    const auto found = FindOnPath(name, &why);
    if (!found) {
      failure =
          Failure{why, name + (why == kExitRunNotFound ? ": there is no such command" : ": it cannot be executed")};
    } else {
      program.path = *found;
      program.argv = options.program;
      if (LooksLikePython(fs::path(name).filename().string())) {
        failure = CheckFits(program.path, name, installation);
        program.reads_stdin = ReadsStdin(program.argv);
      }
    }
  } else {
    std::string argv0;
    if (options.kind == ProgramKind::kScript) failure = CheckScript(options.program[0]);
    if (!failure) failure = FindInterpreter(options, &program.path, &argv0);
    if (!failure) failure = CheckFits(program.path, argv0, installation);
    program.argv.push_back(argv0);
    program.argv.insert(program.argv.end(), options.program.begin(), options.program.end());
    program.reads_stdin = options.kind == ProgramKind::kStdin;
  }
  if (failure) {
    failed != nullptr ? void(*failed = failure->message) : Say(failure->message);
    out.exit_code = failure->exit_code;
  }
  return out;
}

}  // namespace smiley::tools
