#include "shm/base/test_point.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace smiley::shm {
namespace {

enum class Action { kKill, kStop, kExit };

constexpr std::size_t kNameBytes = 64;
char g_name[kNameBytes];
Action g_action = Action::kKill;
std::atomic<long> g_left{0};  // number of passes left before the action

}  // namespace

bool g_test_points_armed = false;

void ReachTestPoint(const char* name) {
  if (std::strcmp(name, g_name) != 0) return;
  if (g_left.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  switch (g_action) {
    case Action::kKill:
      kill(getpid(), SIGKILL);
      break;
    case Action::kStop:
      kill(getpid(), SIGSTOP);
      break;
    case Action::kExit:
      _exit(86);
  }
}

void ArmTestPoints(const char* specification) {
  g_test_points_armed = false;
  if (!specification) specification = std::getenv("SMILEY_TEST_POINT");
  if (!specification || !*specification) return;
  const std::size_t length = std::strcspn(specification, ":=");
  if (length == 0 || length >= kNameBytes) return;
  std::memcpy(g_name, specification, length);
  g_name[length] = 0;
  const char* rest = specification + length;
  long nth = 1;
  if (*rest == ':') {
    char* end = nullptr;
    nth = std::strtol(rest + 1, &end, 10);
    rest = end;
  }
  if (nth < 1) return;
  g_action = Action::kKill;
  if (std::strcmp(rest, "=stop") == 0) g_action = Action::kStop;
  if (std::strcmp(rest, "=exit") == 0) g_action = Action::kExit;
  g_left.store(nth, std::memory_order_relaxed);
  g_test_points_armed = true;
}

}  // namespace smiley::shm
