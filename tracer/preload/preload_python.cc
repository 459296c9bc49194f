// Starts the tracer in a Python. An audit hook, added before Py_Initialize, gets the event cpython.run_* before the
// program runs.
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/preload/preload.h"

// Functions of the process's Python; null in a process that is no Python. The loader resolves these weak symbols, so
// no lookup by name is needed at run time.
extern "C" {
using AuditHook = int (*)(const char* event, void* args, void* user);
__attribute__((weak)) int PySys_AddAuditHook(AuditHook hook, void* user);
__attribute__((weak)) const char* Py_GetVersion();
__attribute__((weak)) extern const unsigned long Py_Version;  // since 3.11
__attribute__((weak)) void _Py_NegativeRefcount();            // debug builds only
}

namespace smiley::tracer {
namespace {

constexpr unsigned kOldest = 0x030b;
char g_module_path[PATH_MAX];
bool g_started = false;

bool IsFreeThreaded() { return Py_GetVersion && strstr(Py_GetVersion(), "free-threading"); }

// The tag of this Python's extension modules: "311", "313t", "312d" and so on. False for an unknown Python.
bool AbiTag(char* out, size_t size) {
  const unsigned version = static_cast<unsigned>(Py_Version >> 16);
  const unsigned minor = version & 255;
  if (size < 8) return false;
  char* at = out;
  *at++ = static_cast<char>('0' + (version >> 8));
  if (minor >= 100) return false;
  if (minor >= 10) *at++ = static_cast<char>('0' + minor / 10);
  *at++ = static_cast<char>('0' + minor % 10);
  if (IsFreeThreaded()) *at++ = 't';
  if (_Py_NegativeRefcount) *at++ = 'd';
  *at = 0;
  return true;
}

// Finds folder/_smiley.cpython-<tag>-*.so and sets g_module_path.
bool FindModule(const char* folder) {
  static constexpr char kPrefix[] = "_smiley.cpython-";
  char tag[16];
  if (!AbiTag(tag, sizeof tag)) return false;
  DIR* const dir = opendir(folder);
  if (!dir) return false;
  bool found = false;
  while (const dirent* entry = readdir(dir)) {
    const char* const name = entry->d_name;
    if (strncmp(name, kPrefix, sizeof kPrefix - 1) != 0) continue;
    const char* const rest = name + sizeof kPrefix - 1;
    const size_t length = strlen(tag);
    if (strncmp(rest, tag, length) != 0 || rest[length] != '-') continue;
    const size_t size = strlen(rest);
    if (size < 3 || strcmp(rest + size - 3, ".so") != 0) continue;
    if (strlen(folder) + 1 + strlen(name) >= sizeof g_module_path) continue;
    strcpy(g_module_path, folder);
    strcat(g_module_path, "/");
    strcat(g_module_path, name);
    found = true;
    break;
  }
  closedir(dir);
  return found;
}

void Say(const char* text, const char* more) {
  char line[1024];
  size_t size = 0;
  const char* const words[] = {"smiley: ", text, more, "; the program goes on unrecorded"};
  for (const char* word : words) {
    for (; *word && size < sizeof line - 1; ++word) line[size++] = *word == '\n' ? ' ' : *word;
  }
  line[size++] = '\n';
  const ssize_t written = write(STDERR_FILENO, line, size);
  (void)written;  // there is no other place to report it
}

void SetToken(uint64_t token) {
  // A forked child has a new pid. The start time is 0: its reader finds it by the pid.
  WriteHead(g_handoff->child_entry, token, static_cast<uint32_t>(getpid()), 0);
}

int OnAudit(const char* event, void*, void* user) {
  if (g_started || strncmp(event, "cpython.run_", 12) != 0) return 0;
  if (syscall(SYS_gettid) != getpid()) return 0;
  g_started = true;
  void* const module = dlopen(g_module_path, RTLD_NOW | RTLD_LOCAL);
  if (!module) {
    const char* const why = dlerror();
    Say("the tracer does not load: ", why ? why : g_module_path);
    return 0;
  }
  const auto start = reinterpret_cast<SmileyTracerStart>(dlsym(module, "smiley_tracer_start"));
  if (!start) {
    Say("not a tracer module: ", g_module_path);
    return 0;
  }
  char error[512] = "";
  SmileyStartConfig& config = static_cast<Handoff*>(user)->config;
  config.audit_hook = OnAudit;
  config.audit_user = user;
  config.set_token = g_follow ? SetToken : nullptr;
  config.error = error;
  config.error_bytes = sizeof error;
  if (start(&config) != 0) Say(error[0] ? error : "the tracer did not start", "");
  config.error = nullptr;
  config.error_bytes = 0;
  return 0;
}

}  // namespace

bool IsPython() { return PySys_AddAuditHook != nullptr; }

bool WatchPython(Handoff* handoff) {
  const char* const program = handoff->config.argv_count ? handoff->config.argv[0] : "python";
  if (!&Py_Version || (Py_Version >> 16) < kOldest) {
    NoteUnrecordable(program, "a Python older than 3.11");
    return false;
  }
  if (!FindModule(handoff->module_dir)) {
    NoteUnrecordable(program,
                     IsFreeThreaded() ? "a free-threaded Python" : "no tracer is built for its version of Python");
    return false;
  }
  return PySys_AddAuditHook(OnAudit, handoff) == 0;
}

}  // namespace smiley::tracer
