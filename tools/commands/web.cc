// smiley-web: opens the page in a browser.
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"

extern char** environ;

namespace smiley::tools {

namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The program that opens a browser. Empty when there is no display.
std::string Opener() {
  const std::string browser = Environment("BROWSER");
  if (!browser.empty()) return browser.substr(0, browser.find(':'));
  if (Environment("DISPLAY").empty() && Environment("WAYLAND_DISPLAY").empty()) return {};
  return "xdg-open";
}

// Starts the browser and does not wait for it. It gets the name of a file, so that no list of processes shows the
// code in the address.
Status OpenBrowser(const std::string& opener, const std::string& file) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // Ctrl-C here does not end it
  std::string program = opener, address = "file://" + file;
  char* words[] = {program.data(), address.data(), nullptr};
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, opener.c_str(), &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure == 0 ? Status::Ok() : Status::FromErrno("cannot start " + opener, failure);
}

}  // namespace

int WebMain(int argc, char** argv) {
  std::string selector;
  bool no_open = false, json = false;
  Arguments arguments(
      "Opens the runs in a browser. The address works once, within 30 seconds; the page that it opens keeps working.",
      "smiley-web   all runs\n"
      "smiley-web last   the newest run\n"
      "smiley-web --no-open   only print the address");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed", false)
      .Flag("--no-open", &no_open, "do not start a browser")
      .Flag("--json", &json, "print the address as one JSON object");
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kYes);
  if (!link) return Fail(link.status());
  std::string path;
  if (!selector.empty()) {
    const Result<RunView> run = AskRun(link->get(), selector);
    if (!run) return Fail(run.status());
    path = "run/" + run->id;
  }
  const Result<std::string> answer = (*link)->Ask("{\"op\":\"web\",\"path\":" + Quote(path) + "}");
  if (!answer) return Fail(answer.status());
  const auto object = nlohmann::json::parse(*answer, nullptr, false);
  if (!object.is_object() || !object.contains("url") || !object.contains("file")) {
    return Fail(Status(Code::kDamaged, "the daemon's answer has no address; smiley-daemon restart may help"));
  }
  const std::string url = object.value("url", ""), file = object.value("file", "");
  if (json) {
    Output::Get().Write("{\"type\":\"web\",\"url\":" + Quote(url) + ",\"file\":" + Quote(file) +
                        ",\"seconds\":" + std::to_string(object.value("seconds", 0)) + "}\n");
  } else {
    Output::Get().Write(url + "\n");
  }
  Output::Get().Flush();
  if (no_open) return kExitOk;
  const std::string opener = Opener();
  if (opener.empty()) {
    Say("no display for a browser; open the address above within 30 seconds (from another machine through ssh -L)");
    return kExitOk;
  }
  if (Status opened = OpenBrowser(opener, file); !opened) {
    Say(opened.message() + "; open the address above within 30 seconds");
    return kExitNo;
  }
  return kExitOk;
}

}  // namespace smiley::tools
