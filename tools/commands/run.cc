// smiley-run: prepares everything, reports the begin, runs the program, reports the end. The program starts only
// after every step that can fail.
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/protocol/remote_access.h"
#include "shm/base/home.h"
#include "shm/base/run_id.h"
#include "shm/redact.h"
#include "tools/commands/verbs.h"
#include "tools/run/attach.h"
#include "tools/run/capture.h"
#include "tools/run/child.h"
#include "tools/run/filters.h"
#include "tools/run/handoff.h"
#include "tools/run/options.h"
#include "tools/run/python.h"
#include "tools/run/report.h"
#include "tools/run/stdin.h"
#include "tools/terminal/terminal.h"

extern char** environ;

namespace smiley::tools {

namespace {

std::int64_t NowNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Opens /dev/null on descriptors 0 to 2 that are closed, so that smiley-run's own files do not get their numbers. The
// program sees them closed.
void ReserveClosedDescriptors() {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int FailBeforeStart(const Status& status) {
  Say(status.message());
  return kExitRunFailed;
}

shm::Redactor MakeRedactor(const RunOptions& options) {
  if (options.no_redact) return shm::Redactor::Off();
  shm::Redactor redactor;
  for (const std::string& glob : options.redact) redactor.Add(glob);
  return redactor;
}

std::vector<std::string> MaskCommand(const RunOptions& options) {
  std::vector<std::string> command = options.program;
  const shm::Redactor redactor = MakeRedactor(options);
  if (redactor.off()) return command;
  redactor.MaskArguments(&command);
  if (options.kind == ProgramKind::kCode) {
    for (std::string& word : command) redactor.MaskSource(&word);
  }
  return command;
}

// The secrets in the command and the environment that are long enough to be found in other text.
std::vector<std::string> CollectSecrets(const RunOptions& options) {
  std::vector<std::string> secrets, command = options.program, variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  const shm::Redactor redactor = MakeRedactor(options);
  redactor.MaskArguments(&command, &secrets);
  redactor.MaskArguments(&variables, &secrets);
  std::erase_if(secrets, [](const std::string& secret) { return secret.size() < shm::kShortestShown; });
  return secrets;
}

}  // namespace

int RunMain(int argc, char** argv) {
  ReserveClosedDescriptors();
  RunOptions options;
  if (const auto code = ParseRunOptions(argc, argv, &options)) return *code;
  const auto installation = FindInstallation();
  if (!installation) return FailBeforeStart(installation.status());
  if (!options.attach.empty()) {
    const auto home = shm::Home::Open();
    return home ? Attach(options, *installation, *home) : FailBeforeStart(home.status());
  }
  const Prepared prepared = PrepareProgram(options, *installation);
  if (prepared.exit_code != 0) return prepared.exit_code;
  const auto home = shm::Home::Open();
  if (!home) return FailBeforeStart(home.status());
  if (!options.remote.empty()) {
    const auto token = daemon::FindToken(*home, options.remote);
    if (!token) return FailBeforeStart(token.status());
    options.remote_token = daemon::FormatToken(*token);
  }
  mkdir(home->SpoolDir().c_str(), 0700);  // children leave notes there

  RunStart start;
  start.id = shm::NewRunId();
  start.command = MaskCommand(options);
  start.start_ns = NowNs(CLOCK_REALTIME);
  Handoff handoff;
  handoff.run = start.id;
  handoff.wall_minus_mono_ns = start.start_ns - NowNs(CLOCK_MONOTONIC);

  StdinSource input;
  if (prepared.program.reads_stdin) {
    if (const Status taken = input.Take(*home, start.id); !taken) return FailBeforeStart(taken);
    handoff.stdin_source = input.file();
  }
  Capture capture;
  if (options.capture_fd) {
    if (const Status prepared_capture = capture.Prepare(*home, start.id); !prepared_capture) {
      input.Remove();
      return FailBeforeStart(prepared_capture);
    }
    handoff.ledger = capture.ledger_path();
  }
  const auto environment = RecordedEnvironment(environ, options, handoff, *home, *installation);
  if (!environment) {
    input.Remove();
    return FailBeforeStart(environment.status());
  }
  if (const Status begun = ReportBegin(*home, options, start); !begun) {
    if (options.on_full != shm::OnFull::kOverwrite || !options.remote.empty()) {
      input.Remove();
      Say("the program was not started, because no daemon would store its events: " + begun.message());
      return kExitRunFailed;
    }
    Say("no daemon stores the run; its newest events stay in memory: " + begun.message());
  }

  ChildRunner runner;
  if (options.capture_fd) {
    if (const Status started =
            capture.Start(*home, start.id, handoff.wall_minus_mono_ns, options, CollectSecrets(options));
        !started) {
      input.Remove();
      ReportNeverStarted(*home, start, kExitRunFailed);
      return FailBeforeStart(started);
    }
  }
  if (const Status started = runner.Start(prepared.program, *environment, &input, &capture); !started) {
    const int code = started.code() == Code::kNotFound ? kExitRunNotFound : kExitRunNotExecutable;
    capture.CloseProgramEnds();
    capture.Finish(runner.FreshInterruptFd());
    input.Remove();
    ReportNeverStarted(*home, start, code);
    Say(started.message());
    return code;
  }
  if (options.dump_signal != 0) runner.DumpOn(options.dump_signal, [&] { ReportDump(*home, options, start); });
  const Ended ended = runner.Wait(&input);
  input.Remove();
  const int interrupt_fd = runner.FreshInterruptFd();
  capture.Finish(interrupt_fd);
  ReportEnd(*home, options, start, ended, interrupt_fd);
  if (options.explain_filters) ExplainFilters(*home, start.id);
  EndAs(ended);
}

}  // namespace smiley::tools
