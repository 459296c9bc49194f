// Thread rule: functions of the main thread of a process without other threads.
//
// Starts the program as the shell would have, and stays out of its way until it ends: same terminal and process
// group, same descriptors, masks and dispositions. Signals from the terminal reach the program by themselves; those
// that somebody sent to smiley-run alone are passed on.
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
  int exit_code = 0;  // when signal == 0
  int signal = 0;
};

class ChildRunner {
 public:
  // Blocks the signals that it waits for, before anything else may start threads or children.
  ChildRunner();
  ~ChildRunner();
  ChildRunner(const ChildRunner&) = delete;
  ChildRunner& operator=(const ChildRunner&) = delete;

  // Fails when the program cannot be executed: kNotFound or kPermission as exec says.
  // `capture` outlives the runner.
  Status Start(const ProgramToRun& program, const std::vector<std::string>& environment, StdinSource* input,
               Capture* capture);
  // `signal` is not passed on: `dump` is called instead.
  void DumpOn(int signal, std::function<void()> dump) {
    dump_signal_ = signal;
    dump_ = std::move(dump);
  }
  // Until the program ends. REQUIRES a successful Start().
  Ended Wait(StdinSource* input);
  // Readable when somebody presses Ctrl-C (or asks to stop) while we do something else; forgets those of before.
  int FreshInterruptFd();

 private:
  void OnSignal(int signal, bool sent_by_process);
  void StartWitness();
  bool WitnessGot(int signal);
  void StopWitness();

  Capture* capture_ = nullptr;
  int dump_signal_ = 0;
  std::function<void()> dump_;
  int signals_ = -1;
  int child_ = -1;
  int witness_ = -1;
};

// Ends this process as the program ended.
[[noreturn]] void EndAs(const Ended& ended);

}  // namespace smiley::tools
