#include "tracer/recording.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "shm/base/home.h"
#include "shm/base/run_id.h"
#include "shm/base/test_point.h"
#include "tracer/hooks/children.h"
#include "tracer/hooks/extras.h"
#include "tracer/hooks/hooks.h"
#include "tracer/hooks/output.h"
#include "tracer/interp/interp.h"
#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recorder/swap.h"
#include "tracer/recorder/waiting.h"

namespace smiley::tracer {
namespace {

HookSource* g_hooks = nullptr;
bool g_hooked = false;

// Takes the program's text from the command line or the standard input, where it has no file.
void ReadProgramText(const SmileyStartConfig& config, SourceTexts* sources) {
  for (std::uint32_t i = 0; i + 1 < config.command_count; ++i) {
    if (std::strcmp(config.command[i], "-c") == 0) {
      sources->SetProgram("<string>", config.command[i + 1]);
      break;
    }
    if (config.command[i][0] != '-') break;
  }
  if (config.stdin_source == nullptr) return;
  if (FILE* file = std::fopen(config.stdin_source, "re")) {
    std::string text;
    char buffer[65536];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
    std::fclose(file);
    std::remove(config.stdin_source);
    sources->SetProgram("<stdin>", std::move(text));
  }
}

// The folder of this library: lib/smiley. The folder bin is beside lib.
std::filesystem::path OwnFolder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&BeginRecording), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code error;
  return std::filesystem::canonical(info.dli_fname, error).parent_path();
}

// The configuration of a program that starts its own recording, as the preload library would pass it. It lives as
// long as the process.
struct OwnConfig {
  SmileyStartConfig config{};
  std::vector<std::string> texts;
  std::vector<std::vector<const char*>> lists;

  const char* Keep(std::string text) {
    texts.push_back(std::move(text));
    return texts.back().c_str();
  }
  void KeepAll(const std::vector<std::string>& from, const char* const** items, std::uint32_t* count) {
    std::vector<const char*>& list = lists.emplace_back();
    for (const std::string& text : from) list.push_back(Keep(text));
    *items = list.data();
    *count = static_cast<std::uint32_t>(list.size());
  }
};

std::int64_t NowNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::string BeginRecording(const SmileyStartConfig& config) {
  if (config.version != SMILEY_START_VERSION || config.bytes < sizeof(SmileyStartConfig)) {
    return "the preload library is of another version; build smiley again";
  }
  if (g_hooks != nullptr) return "recording has started already";
#ifdef Py_GIL_DISABLED
  return "free-threaded builds of Python are not recorded";
#endif
  if (const char* problem = smiley_layout_problem()) return problem;
  if (config.test_point != nullptr) shm::ArmTestPoints(config.test_point);
  Process* process = new Process(&config, OptionsFrom(config));
  if (const Status opened = process->Open(OwnFolder().string()); !opened.ok()) {
    delete process;
    return opened.message();
  }
  ReadProgramText(config, &process->sources());
  Process::Install(process);
  std::string error;
  const Detail detail = process->options().detail;
  HookSource* hooks =
      MakeHooks(detail == Detail::kCalls || detail == Detail::kArguments, process->options().c_calls).release();
  if (!WatchCompiling()) process->Note("warning", "texts given to exec, eval and compile are not shown");
  if (!hooks->Start(&error)) {
    UnwatchCompiling();
    process->SwitchOff(error.c_str());
    delete hooks;
    return error;
  }
  if (std::string why; !WatchOutput(config.ledger, &why))
    process->Note("warning", "what the program writes is not recorded: " + why);
  WatchChildren();
  if (!WatchExtras(process->options())) process->Note("warning", "garbage collections or imports are not shown");
  pthread_atfork(nullptr, nullptr, [] {
    Process::forked.store(true);
    Process::AdvanceTurn();
  });
  g_hooks = hooks;
  g_hooked = true;
  return {};
}

std::string StartInThisProcess(const StartRequest& request) {
  if (g_hooks != nullptr) return ResumeRecording();
  auto home = shm::Home::Open();
  if (!home.ok()) return home.status().message();
  const std::filesystem::path smiley = OwnFolder().parent_path().parent_path() / "bin" / "smiley";
  if (access(smiley.c_str(), X_OK) != 0)
    return "there is no " + smiley.string() + "; build or install smiley as a whole";
  if (!shm::DaemonHoldsLock(home.value())) {
    Py_BEGIN_ALLOW_THREADS;
    StartDaemon(home.value(), smiley.c_str());
    Py_END_ALLOW_THREADS;
    if (!shm::DaemonHoldsLock(home.value())) return "the daemon does not start; smiley-daemon start says why";
  }
  OwnConfig* own = new OwnConfig;
  own->texts.reserve(16 + request.command.size() + request.include.size() + request.exclude.size() +
                     request.redact.size());
  own->lists.reserve(4);
  SmileyStartConfig& config = own->config;
  config.version = SMILEY_START_VERSION;
  config.bytes = sizeof config;
  config.run = own->Keep(shm::NewRunId());
  config.home = own->Keep(home.value().dir.string());
  config.name = own->Keep(request.name);
  config.smiley = own->Keep(smiley.string());
  config.where = request.where.empty() ? nullptr : own->Keep(request.where);
  config.wall_minus_mono_ns = NowNs(CLOCK_REALTIME) - NowNs(CLOCK_MONOTONIC);
  config.kind = kSmileyFirst;
  config.detail = request.detail == "calls"       ? kSmileyCalls
                  : request.detail == "arguments" ? kSmileyArguments
                  : request.detail == "lines"     ? kSmileyLines
                                                  : kSmileyValues;
  if (getrandom(&config.token, sizeof config.token, GRND_NONBLOCK) != sizeof config.token || config.token == 0)
    config.token = 1;
  config.follow = request.follow;
  own->KeepAll(request.command, &config.command, &config.command_count);
  own->KeepAll(request.include, &config.include, &config.include_count);
  own->KeepAll(request.exclude, &config.exclude, &config.exclude_count);
  own->KeepAll(request.redact, &config.redact, &config.redact_count);
  config.argv = config.command;
  config.argv_count = config.command_count;
  config.on_full = static_cast<std::uint32_t>(request.on_full == "drop"        ? shm::OnFull::kDrop
                                              : request.on_full == "overwrite" ? shm::OnFull::kOverwrite
                                                                               : shm::OnFull::kBlock);
  config.block_timeout_ms = request.block_timeout_ms;
  config.start_at = request.start_at.empty() ? nullptr : own->Keep(request.start_at);
  config.stop_after = request.stop_after.empty() ? nullptr : own->Keep(request.stop_after);
  config.no_redact = !request.redaction;
  config.deep = request.deep;
  config.gc = request.gc;
  config.imports = request.imports;
  config.logs = request.log;
  config.c_calls = request.c_calls;
  config.max_frames = request.max_depth;
  config.max_depth = request.depth;
  config.max_items = request.items;
  config.max_chars = request.chars;
  config.max_nodes = request.nodes;
  config.max_bytes = request.bytes;
  config.include_stdlib = request.include_stdlib;
  config.no_site_packages = !request.site_packages;
  const std::string failed = BeginRecording(config);
  // With start_at, recording begins at that place.
  if (failed.empty() && !Process::instance()->waiting()) BeginStretch();
  return failed;
}

void BeginStretch() {
  g_hooks->Watch();
  Process::instance()->BeginStretch();
}

void PauseRecording(bool end) {
  Process* process = Process::instance();
  if (process == nullptr || process->off()) return;
  if (ThreadRecorder* recorder = end ? ThreadRecorder::Current() : nullptr)
    recorder->RecordInFrame(shm::Kind::kEnd, 0, {});
  process->Pause();
  if (g_hooked) g_hooks->Stop();
  g_hooked = false;
}

std::string ResumeRecording() {
  Process* process = Process::instance();
  if (process == nullptr || g_hooks == nullptr) return "recording was not started: smiley.start() does";
  if (!process->off()) return {};
  if (!process->paused() && !process->waiting()) return "recording has stopped for good: the run says why";
  std::string error;
  if (!g_hooked && !g_hooks->Start(&error)) return error;
  g_hooked = true;
  BeginStretch();
  return {};
}

bool IsRecording() { return g_hooks != nullptr && !Process::instance()->off(); }

std::string RunOfRecording() { return g_hooks != nullptr ? Process::instance()->run() : std::string(); }

bool RecordMark(PyObject* text, PyObject* values) {
  if (!IsRecording()) return false;
  KeepError keep;
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return false;
  Process* process = Process::instance();
  static Encoder* encoder = new Encoder(&process->capture());
  // The catalogue keeps every text, so only the first kNamedMarks texts are written there. Later ones are written to
  // the ring.
  constexpr int kNamedMarks = 1000;
  static int named = 0;
  std::vector<std::string> encoded;
  std::vector<ThreadRecorder::Part> parts;
  encoded.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(values)) + 1);
  std::string shown = Utf8(text);
  process->capture().secrets.Mask(&shown);
  std::uint32_t id = 0;
  if (named < kNamedMarks) {
    ++named;
    id = process->StringId(shown);
  }
  if (id == 0) {
    encoded.emplace_back(encoder->EncodeValue(text));
    parts.push_back({shm::Kind::kValue, 0, encoded.back()});
  }
  PyObject *name, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(values, &pos, &name, &value)) {
    const std::uint32_t name_id = PyUnicode_Check(name) ? process->StringId(Utf8(name)) : 0;
    if (name_id == 0) continue;
    if (process->capture().RedactsName(name)) {
      encoder->RememberSecret(value);
      encoded.emplace_back(encoder->EncodeRedacted());
    } else {
      encoded.emplace_back(encoder->EncodeValue(value));
    }
    parts.push_back({shm::Kind::kSet, name_id, encoded.back()});
  }
  recorder->RecordInFrame(shm::Kind::kMark, id, parts);
  return true;
}

}  // namespace smiley::tracer
