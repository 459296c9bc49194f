// Thread rule: functions of the main thread of a process without other threads.
//
// Starts the program as a shell would, and waits for its end. The program has the same terminal, process group,
// descriptors, signal masks and dispositions. It gets signals of the terminal directly; a signal that was sent to
// smiley-run alone is passed on.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "shm/base/status.h"
#include "tools/run/capture.h"
#include "tools/run/python.h"
#include "tools/run/stdin.h"

namespace smiley::tools {

struct Ended {
  int exit_code = 0;  // valid when signal is 0
  int signal = 0;     // 0 = the program exited
};

class ChildRunner {
 public:
  // Blocks the signals that it waits for. REQUIRES that no thread or child was started before.
  ChildRunner();
  ~ChildRunner();
  ChildRunner(const ChildRunner&) = delete;
  ChildRunner& operator=(const ChildRunner&) = delete;

  // kNotFound or kPermission: the program cannot be executed. `capture` must outlive the runner.
  Status Start(const ProgramToRun& program, const std::vector<std::string>& environment, StdinSource* input,
               Capture* capture);
  // Calls `dump` for `signal` instead of passing it on.
  void DumpOn(int signal, std::function<void()> dump) {
    dump_signal_ = signal;
    dump_ = std::move(dump);
  }
  // Waits for the program's end. REQUIRES a successful Start().
  Ended Wait(StdinSource* input);
  // A descriptor that is readable after SIGINT, SIGQUIT, SIGTERM or SIGHUP. Earlier signals are discarded.
  int FreshInterruptFd();

 private:
  void OnSignal(int signal, bool sent_by_process);
  void StartWitness();
  bool WitnessGot(int signal);
  void StopWitness();

  Capture* capture_ = nullptr;
  int dump_signal_ = 0;
  std::function<void()> dump_;
  int signals_ = -1;  // signalfd; -1 = it could not be created
  int child_ = -1;    // pid of the program; -1 = not started or waited for
  int witness_ = -1;  // pid of the witness (StartWitness); -1 = none
};

// Ends this process as the program ended: with its exit code or by its signal.
[[noreturn]] void EndAs(const Ended& ended);

}  // namespace smiley::tools
