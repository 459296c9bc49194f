#include "shm/base/run_id.h"

#include <algorithm>

#include "shm/base/random.h"

namespace smiley::shm {
namespace {

constexpr std::size_t kNewIdBytes = 8;

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsRunId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRunIdBytes && IsLetter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

std::string NewRunId() {
  static constexpr char kCharacters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string id;
  while (id.size() < kNewIdBytes) {
    unsigned char bytes[32];
    if (!FillRandom(bytes, sizeof bytes)) return {};
    for (const unsigned char byte : bytes) {
      if (byte >= 252) continue;  // 7 * 36: larger bytes would favour some characters
      const unsigned value = byte % 36;
      if (id.empty() && value >= 26) continue;
      id.push_back(kCharacters[value]);
      if (id.size() == kNewIdBytes) break;
    }
  }
  return id;
}

}  // namespace smiley::shm
