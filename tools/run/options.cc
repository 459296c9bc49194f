#include "tools/run/options.h"

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string_view>

#include "daemon/protocol/remote_access.h"
#include "shm/expression/expression.h"
#include "tools/terminal/help.h"
#include "tools/terminal/terminal.h"

namespace smiley::tools {

namespace {

std::string HelpText() {
  HelpPage page(HelpWidth());
  page.Paragraph("Records a Python program, with all its threads and child processes.").Blank();
  page.Paragraph("Usage: smiley-run [OPTIONS] PROGRAM").Blank();
  page.Paragraph("PROGRAM is one of:");
  page.Row("script.py ARGS...", "a script").Row("-m MODULE ARGS...", "a module");
  page.Row("-c CODE ARGS...", "code").Row("- ARGS...", "a script from standard input");
  page.Row("-- COMMAND ARGS...", "a command; the Python programs that it starts are recorded");
  page.Row("--attach PID", "a process that is running (Python 3.14 and newer)").Blank();
  page.Paragraph("Options, before PROGRAM:");
  page.Row("--shm", "record through shared memory (always on)");
  page.Row("--detail WHAT",
           "calls, arguments (calls with their arguments and return values), lines or values (default: values)");
  page.Row("--name TEXT", "a name for the run");
  page.Row("--python PYTHON", "the interpreter (default: that of the active virtual environment, else python3)");
  page.Row("--remote HOST:PORT", "record here and store on another machine; sent when the program has ended");
  page.Row("--no-follow", "do not record child processes");
  page.Row("-q, --quiet", "do not print the summary line").Blank();
  page.Paragraph("What to record:");
  page.Row("--include NAME|GLOB", "also this package or these files; may be repeated");
  page.Row("--exclude NAME|GLOB", "not this package or these files; may be repeated");
  page.Row("--include-stdlib", "also the standard library");
  page.Row("--no-site-packages", "not the packages installed in site-packages");
  page.Row("--max-depth N", "at most N recorded calls deep");
  page.Row("--start-at PLACE", "start when this FUNCTION is called or this FILE:LINE is reached");
  page.Row("--stop-after PLACE",
           "stop after this FUNCTION has ended, this FILE:LINE was reached, or N events of a thread");
  page.Row("--gc", "also garbage collections").Row("--imports", "also modules imported for the first time");
  page.Row("--log", "also log records").Row("--c-calls", "also calls of functions written in C");
  page.Row("--capture-fd",
           "also output of C code and non-Python child processes; its order among other events is approximate");
  page.Row("--explain-filters", "for each file, print why it was or was not recorded");
  page.Row("--where EXPR", "only calls that match EXPR when they begin");
  page.Row("--redact GLOB", "also hide the values of variables and keys with such names; may be repeated");
  page.Row("--no-redact", "hide nothing, not even passwords").Blank();
  page.Paragraph("How much of a value to record:");
  page.Row("--depth N", "levels of nesting (default: 3)").Row("--items N", "items of a container (default: 64)");
  page.Row("--chars N", "characters of a string (default: 256)");
  page.Row("--nodes N", "values within one event (default: 512)");
  page.Row("--bytes N", "bytes of one event (default: 4096)");
  page.Row("--deep", "deep parts of values, exact at every line (slower)").Blank();
  page.Paragraph("When the program is faster than the daemon:");
  page.Row("--on-full POLICY",
           "block (wait; the default), drop (lose events and count them) or overwrite (keep the newest events)");
  page.Row("--dump-on WHAT",
           "flight recorder: keep the newest events in memory and store them at exit, or at exit and each time that "
           "smiley-run gets a signal: signal[=SIGUSR1]");
  page.Row("--block-timeout S", "seconds to wait for a daemon that reads nothing (default: 10)");
  page.Row("--ring-size SIZE[,SIZE]", "ring of the first thread, and of each other thread, as in 4M,256K").Blank();
  page.Paragraph(
      "The exit code is that of the program. 125: smiley could not start it. 126: it cannot be executed. "
      "127: it was not found.");
  page.Blank()
      .Paragraph("Examples:")
      .Examples(
          "smiley-run app.py --verbose\n"
          "smiley-run --remote lab.example:4040 app.py\n"
          "smiley-run --include-stdlib -m json.tool data.json\n"
          "smiley-run --start-at Shop.pay --stop-after Shop.pay --max-depth 3 shop.py\n"
          "smiley-run --capture-fd -- make test\n"
          "smiley-run --dump-on signal=SIGUSR2 --ring-size 64M server.py\n"
          "smiley-run --where 'function == \"pay\"' -- ./serve.sh");
  return page.text();
}

int RefuseUsage(const std::string& message) {
  Say(message + " (see smiley-run --help)");
  return kExitRunFailed;
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// "4M", "256K", "65536"
std::optional<std::uint64_t> ParseSize(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty()) {
    const char last = text.back();
    if (last == 'K' || last == 'k') unit = 1024;
    if (last == 'M' || last == 'm') unit = 1024 * 1024;
    if (unit != 1) text.remove_suffix(1);
  }
  const auto number = ParseNumber(text);
  constexpr std::uint64_t kMost = shm::kMaxRingBlocks * shm::kBlockBytes;
  if (!number || *number > kMost / unit) return std::nullopt;
  const std::uint64_t bytes = *number * unit;
  if (bytes < shm::kMinRingBlocks * shm::kBlockBytes) return std::nullopt;
  return bytes;
}

class Parser {
 public:
  Parser(int argc, char** argv, RunOptions* out) : argc_(argc), argv_(argv), out_(out) {}

  std::optional<int> Parse() {
    while (at_ < argc_) {
      const std::string_view word = argv_[at_];
      if (word == "--") return TakeCommand();
      if (word == "-") return TakeProgram(ProgramKind::kStdin);
      if (word.size() < 2 || word[0] != '-') return TakeProgram(ProgramKind::kScript);
      if (word[1] == 'm') return TakeModuleOrCode(ProgramKind::kModule);
      if (word[1] == 'c') return TakeModuleOrCode(ProgramKind::kCode);
      if (const auto code = ParseOption(word)) return code;
    }
    if (!out_->attach.empty()) return CheckAttach();
    return RefuseUsage(
        "which program? smiley-run app.py, smiley-run -m module, smiley-run -c CODE or smiley-run -- command");
  }

 private:
  // The other process calls smiley.start(), which has fewer options.
  std::optional<int> CheckAttach() {
    static constexpr std::string_view kNotTaken[] = {"--python",     "--remote",  "--ring-size",
                                                     "--capture-fd", "--dump-on", "--explain-filters"};
    for (const std::string& name : names_) {
      if (std::find(std::begin(kNotTaken), std::end(kNotTaken), name) != std::end(kNotTaken))
        return RefuseUsage("--attach does not go with " + name);
    }
    return CheckCombinations();
  }
  std::optional<int> Finish() {
    if (!out_->attach.empty()) return RefuseUsage("--attach takes no program, it records a process that is running");
    for (int i = 1; i < program_at_; ++i) out_->given.emplace_back(argv_[i]);
    return CheckCombinations();
  }
  // Checks options that exclude each other.
  std::optional<int> CheckCombinations() {
    if (out_->hold) {
      const bool given = std::find(names_.begin(), names_.end(), "--on-full") != names_.end();
      if (given && out_->on_full != shm::OnFull::kOverwrite)
        return RefuseUsage("--dump-on goes with --on-full overwrite only");
      out_->on_full = shm::OnFull::kOverwrite;
    }
    if (out_->no_redact && !out_->redact.empty()) return RefuseUsage("give either --redact or --no-redact, not both");
    for (const auto& [name, place] : {std::pair{"--start-at", out_->start_at}, {"--stop-after", out_->stop_after}}) {
      if ((out_->detail == "calls" || out_->detail == "arguments") && place.find(':') != std::string::npos) {
        return RefuseUsage(std::string(name) + " FILE:LINE needs --detail lines or values");
      }
    }
    return std::nullopt;
  }
  std::optional<int> TakeProgram(ProgramKind kind) {
    program_at_ = at_;
    out_->kind = kind;
    for (int i = at_; i < argc_; ++i) out_->program.emplace_back(argv_[i]);
    if (kind == ProgramKind::kScript && out_->program[0].empty()) return RefuseUsage("the program's name is empty");
    return Finish();
  }
  std::optional<int> TakeCommand() {
    if (at_ + 1 >= argc_) return RefuseUsage("give a command after --");
    program_at_ = at_;
    ++at_;
    out_->kind = ProgramKind::kCommand;
    for (int i = at_; i < argc_; ++i) out_->program.emplace_back(argv_[i]);
    return Finish();
  }
  // "-m module" and "-mmodule", as Python takes them.
  std::optional<int> TakeModuleOrCode(ProgramKind kind) {
    const std::string_view word = argv_[at_];
    if (word.size() == 2 && at_ + 1 >= argc_) {
      return RefuseUsage(kind == ProgramKind::kModule ? "give a module after -m" : "give code after -c");
    }
    return TakeProgram(kind);
  }

  // Reads the value of an option: the text behind "=", or the next word.
  bool ReadValue(std::string_view word, std::string* value) {
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      *value = std::string(word.substr(equals + 1));
      return true;
    }
    if (at_ + 1 >= argc_) return false;
    *value = argv_[++at_];
    return true;
  }

  std::optional<int> ParseOption(std::string_view word) {
    const std::string name(word.substr(0, word.find('=')));
    names_.push_back(name);
    if (name == "-h" || name == "--help") {
      Output::Get().Write(HelpText());
      Output::Get().Flush();
      return 0;
    }
    if (const auto code = ParseFlag(name, word)) return *code == 0 ? std::nullopt : code;
    std::string value;
    const bool has_value = ReadValue(word, &value);
    const auto code = ParseValue(name, value, has_value);
    ++at_;
    return code;
  }

  // 0: the option is a flag; nullopt: it is not; otherwise the exit code.
  std::optional<int> ParseFlag(const std::string& name, std::string_view word) {
    bool* target = nullptr;
    bool shm = true;
    if (name == "--shm") target = &shm;
    if (name == "--include-stdlib") target = &out_->include_stdlib;
    if (name == "--no-site-packages") target = &out_->no_site_packages;
    if (name == "--no-redact") target = &out_->no_redact;
    if (name == "--deep") target = &out_->deep;
    if (name == "--gc") target = &out_->gc;
    if (name == "--imports") target = &out_->imports;
    if (name == "--log") target = &out_->logs;
    if (name == "--c-calls") target = &out_->c_calls;
    if (name == "--capture-fd") target = &out_->capture_fd;
    if (name == "--explain-filters") target = &out_->explain_filters;
    if (name == "-q" || name == "--quiet") target = &out_->quiet;
    if (name == "--no-follow") {
      out_->follow = false;
      target = &shm;
    }
    if (target == nullptr) return std::nullopt;
    if (name.size() != word.size()) return RefuseUsage(name + " takes no value");
    *target = true;
    ++at_;
    return 0;
  }

  std::optional<int> ParseValue(const std::string& name, const std::string& value, bool has_value) {
    static constexpr std::string_view kKnown[] = {
        "--detail",     "--on-full", "--dump-on", "--name",          "--include",   "--exclude",   "--where",
        "--redact",     "--python",  "--remote",  "--block-timeout", "--ring-size", "--max-depth", "--start-at",
        "--stop-after", "--attach",  "--depth",   "--items",         "--chars",     "--nodes",     "--bytes"};
    bool known = false;
    for (const std::string_view one : kKnown) known |= one == name;
    if (!known) return RefuseUsage("there is no option " + name + "; options of the program follow its name");
    if (!has_value) return RefuseUsage(name + " needs a value");
    if (name == "--name") out_->name = value;
    if (name == "--include") out_->include.push_back(value);
    if (name == "--exclude") out_->exclude.push_back(value);
    if (name == "--redact") out_->redact.push_back(value);
    if (name == "--python") {
      if (value.empty()) return RefuseUsage("--python needs a value");
      out_->python = value;
    }
    if (name == "--remote") {
      if (const auto address = daemon::ParseAddress(value); !address) return RefuseUsage(address.status().message());
      out_->remote = value;
    }
    if (name == "--detail") {
      if (value != "calls" && value != "arguments" && value != "lines" && value != "values") {
        return RefuseUsage("--detail takes calls, arguments, lines or values");
      }
      out_->detail = value;
    }
    if (name == "--on-full") {
      if (value == "block")
        out_->on_full = shm::OnFull::kBlock;
      else if (value == "drop")
        out_->on_full = shm::OnFull::kDrop;
      else if (value == "overwrite")
        out_->on_full = shm::OnFull::kOverwrite;
      else
        return RefuseUsage("--on-full takes block, drop or overwrite");
    }
    if (name == "--dump-on") return ParseDumpOn(value);
    if (name == "--where") return ParseWhere(value);
    if (name == "--start-at" || name == "--stop-after") return ParsePlace(name, value);
    if (name == "--block-timeout") return ParseBlockTimeout(value);
    if (name == "--ring-size") return ParseRingSize(value);
    if (name == "--attach") {
      const auto number = ParseNumber(value);
      if (!number || *number == 0 || *number > 0x7fffffffu) return RefuseUsage("--attach takes the id of a process");
      out_->attach = std::to_string(*number);
    }
    if (name == "--max-depth") {
      const auto number = ParseNumber(value);
      if (!number || *number == 0 || *number > 0xffffffffu) return RefuseUsage(name + " takes a whole number from 1");
      out_->max_depth = static_cast<std::uint32_t>(*number);
    }
    static constexpr std::string_view kLimits[] = {"--depth", "--items", "--chars", "--nodes", "--bytes"};
    for (std::size_t i = 0; i < std::size(kLimits); ++i) {
      if (kLimits[i] != name) continue;
      const auto number = ParseNumber(value);
      if (!number || *number == 0 || *number > 0xffffffffu) return RefuseUsage(name + " takes a whole number from 1");
      out_->limits[i] = static_cast<std::uint32_t>(*number);
    }
    return std::nullopt;
  }

  std::optional<int> ParseDumpOn(const std::string& value) {
    static constexpr std::pair<std::string_view, int> kSignals[] = {{"exit", 0},
                                                                    {"signal", SIGUSR1},
                                                                    {"signal=SIGUSR1", SIGUSR1},
                                                                    {"signal=SIGUSR2", SIGUSR2},
                                                                    {"signal=SIGHUP", SIGHUP},
                                                                    {"signal=SIGQUIT", SIGQUIT}};
    for (const auto& [word, signal] : kSignals) {
      if (word != value) continue;
      out_->hold = true;
      if (signal != 0) out_->dump_signal = signal;
      return std::nullopt;
    }
    return RefuseUsage("--dump-on takes exit, signal, or signal=SIGUSR1, SIGUSR2, SIGHUP or SIGQUIT");
  }

  std::optional<int> ParsePlace(const std::string& name, const std::string& value) {
    const auto number = ParseNumber(value);
    const std::size_t colon = value.rfind(':');
    const auto line =
        colon == std::string::npos ? std::nullopt : ParseNumber(std::string_view(value).substr(colon + 1));
    const bool start = name == "--start-at";
    if (value.empty() || (number && (start || *number == 0)) ||
        (colon != std::string::npos && (colon == 0 || !line || *line == 0))) {
      return RefuseUsage(name + " takes a function, as in Shop.pay, or a file and a line, as in shop.py:12" +
                         (start ? "" : ", or a number of events"));
    }
    (start ? out_->start_at : out_->stop_after) = value;
    return std::nullopt;
  }

  std::optional<int> ParseWhere(const std::string& value) {
    shm::ParseError error;
    const auto expression = shm::Expression::Parse(value, &error);
    if (!expression) {
      Say("--where: " + error.message);
      std::fprintf(stderr, "%s\n", shm::FormatParseError(value, error).c_str());
      return kExitRunFailed;
    }
    if (!expression->NeedsOnlyFrameStart()) {
      return RefuseUsage("--where is evaluated when a call begins, and '" + expression->NotKnownAtFrameStart() +
                         "' is unknown then; smiley-replay and smiley-tail accept every expression");
    }
    out_->where = value;
    return std::nullopt;
  }

  std::optional<int> ParseBlockTimeout(const std::string& value) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(seconds) || seconds < 0 ||
        seconds > 1e6) {
      return RefuseUsage("--block-timeout takes seconds, as in 10 or 0.5");
    }
    out_->block_timeout = std::chrono::milliseconds(std::llround(seconds * 1000));
    return std::nullopt;
  }

  std::optional<int> ParseRingSize(const std::string& value) {
    const std::size_t comma = value.find(',');
    const auto first = ParseSize(std::string_view(value).substr(0, comma));
    const auto others = comma == std::string::npos ? first : ParseSize(std::string_view(value).substr(comma + 1));
    if (!first || !others) return RefuseUsage("--ring-size takes 128K to 4096M, as in 4M or 4M,256K");
    out_->first_ring_bytes = *first;
    if (comma != std::string::npos) out_->ring_bytes = *others;
    return std::nullopt;
  }

  int argc_;
  char** argv_;
  RunOptions* out_;
  int at_ = 1;
  int program_at_ = 1;
  std::vector<std::string> names_;  // of the options given
};

}  // namespace

std::optional<int> ParseRunOptions(int argc, char** argv, RunOptions* out) { return Parser(argc, argv, out).Parse(); }

}  // namespace smiley::tools
