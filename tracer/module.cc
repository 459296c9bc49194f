// The extension module's two doors: the C entry that the preload library calls, and the Python module for programs
// that import it.
#include <Python.h>
#include <pthread.h>
#include <pybind11/pybind11.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "shm/test_point.h"
#include "tracer/children.h"
#include "tracer/hooks.h"
#include "tracer/interp.h"
#include "tracer/output.h"
#include "tracer/process.h"
#include "tracer/start_config.h"
#include "tracer/swap.h"

namespace smiley::tracer {
namespace {

HookSource* g_hooks = nullptr;

// The program's text where the interpreter has no file of it.
void ReadProgramText(const SmileyStartConfig& config, SourceBook* sources) {
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

std::string Begin(const SmileyStartConfig& config) {
  if (config.version != SMILEY_START_VERSION || config.bytes < sizeof(SmileyStartConfig)) {
    return "the preload library is of another version; build smiley again";
  }
  if (g_hooks != nullptr) return "recording has started already";
#ifdef Py_GIL_DISABLED
  return "free-threaded builds of Python are not recorded";
#endif
  if (config.test_point != nullptr) shm::ArmTestPoints(config.test_point);
  Process* process = new Process(&config, OptionsFrom(config));
  if (const Status opened = process->Open(); !opened.ok()) {
    delete process;
    return opened.message();
  }
  ReadProgramText(config, &process->sources());
  Process::Install(process);
  std::string error;
  HookSource* hooks = MakeHooks(process->options().detail == Detail::kCalls).release();
  if (!WatchCompiling()) process->Note("warning", "texts given to exec, eval and compile are not shown");
  if (!hooks->Start(&error)) {
    UnwatchCompiling();
    process->SwitchOff(error.c_str());
    delete hooks;
    return error;
  }
  if (std::string why; !WatchOutput(&why)) process->Note("warning", "what the program writes is not recorded: " + why);
  WatchChildren();
  pthread_atfork(nullptr, nullptr, [] { Process::forked.store(true); });
  g_hooks = hooks;
  return {};
}

}  // namespace
}  // namespace smiley::tracer

extern "C" int smiley_tracer_start(const SmileyStartConfig* config) {
  std::string error;
  try {
    error = smiley::tracer::Begin(*config);
  } catch (const std::exception& problem) {
    error = problem.what();
  }
  PyErr_Clear();
  if (error.empty()) {
    smiley_unlink_audit_hook(reinterpret_cast<void*>(config->audit_hook), config->audit_user);
    return 0;
  }
  std::snprintf(config->error, config->error_bytes, "%s", error.c_str());
  return 1;
}

PYBIND11_MODULE(_smiley, module) {
  module.doc() = "smiley's recorder: tells whether this process is being recorded, and under which run";
  module.def(
      "recording", [] { return smiley::tracer::g_hooks != nullptr && !smiley::tracer::Process::instance()->off(); },
      "True while this process is being recorded.");
  module.attr("__version__") = SMILEY_VERSION;
}
