#include "daemon/drain/waiters.h"

#include <chrono>
#include <utility>

namespace smiley::daemon {

void Waiters::Add(const std::string& run, std::chrono::milliseconds timeout, std::function<void(Drained)> done) {
  waiters_.push_back({run, std::chrono::steady_clock::now() + timeout, agenda_.looks, std::move(done)});
  agenda_.look_now = true;
  agenda_.check_deaths = true;
  agenda_.nap.ShortenTo(NapLength::kShortest);
}

// The first process of the run has ended, and everything that it recorded is stored.
bool Waiters::IsDrained(const Waiter& waiter, const RunProgress& run) {
  bool drained = agenda_.looks > waiter.looks;
  if (!drained) agenda_.look_now = true;
  for (const ProcessProgress* process : run.processes) {
    if (!process->known || (run.first && process->identity == *run.first)) drained = false;
  }
  if (run.next_process == 1 && run.begun && !run.finish_known) drained = false;
  // A run without processes is about to end, and its end is worth waiting for.
  if (run.processes.empty() && (run.finish_known || !run.begun)) drained = false;
  return drained;
}

void Waiters::Check() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::pair<std::function<void(Drained)>, Drained>> done;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    Drained answer;
    const auto found = runs_.runs().find(waiter.run);
    if (found == runs_.runs().end()) {
      const auto info = store_.archive().FindRun(waiter.run);
      answer.drained = info.ok();
      if (info.ok()) answer.run = *info;
    } else {
      const RunProgress& run = *found->second;
      answer.drained = IsDrained(waiter, run);
      if (!answer.drained && now < waiter.deadline) return false;
      for (const ProcessProgress* process : run.processes) {
        if (!process->dead) answer.alive.push_back(process->identity.pid);
      }
      if (auto info = archive_.FindRun(waiter.run); info.ok()) answer.run = *info;
    }
    done.emplace_back(std::move(waiter.done), std::move(answer));
    return true;
  });
  for (auto& [call, answer] : done) call(std::move(answer));
}

void Waiters::Expire() {
  for (Waiter& waiter : waiters_) waiter.deadline = {};
}

}  // namespace smiley::daemon
