// Thread rule: functions are safe from any thread; a JsonObject belongs to one thread at a time.
//
// JSON objects written member by member, and the names of errors in answers (daemon/protocol/PROTOCOL.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"

namespace smiley::daemon {

// Appends members one after the other: {"a":1,"b":"x"}. REQUIRES plain ASCII keys.
class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(out) { *out_ += '{'; }
  JsonObject& Text(std::string_view key, std::string_view value);
  JsonObject& TextOrNull(std::string_view key, std::string_view value);  // null when empty
  JsonObject& Texts(std::string_view key, const std::vector<std::string>& values);
  JsonObject& Number(std::string_view key, std::uint64_t value);
  JsonObject& Signed(std::string_view key, std::int64_t value);
  JsonObject& Real(std::string_view key, double value);
  JsonObject& Flag(std::string_view key, bool value);
  JsonObject& Null(std::string_view key);
  JsonObject& Raw(std::string_view key, std::string_view json);
  void End() { *out_ += '}'; }

 private:
  void Key(std::string_view key);
  std::string* out_;
  bool first_ = true;
};

// The snake_case name of a Code, as in answers.
const char* CodeName(Code code);
// The Code of a name; kIo when the name is unknown.
Code CodeOfName(std::string_view name);
// "error":{"code":…,"message":…}
std::string ErrorMember(const Status& status);

}  // namespace smiley::daemon
