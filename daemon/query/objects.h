// Thread rule: functions are safe from any thread.
//
// The objects of daemon/protocol/PROTOCOL.md other than events, as JSON: what the answers and streams are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/registry.h"
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

// {"type":"run", …}: everything known about a run.
void AppendRun(std::string* out, const RunInfo& run);
void AppendProcess(std::string* out, const ProcessInfo& process);
// `lines`: how many different lines it ran; absent where that was not counted.
void AppendThread(std::string* out, const ThreadInfo& thread, std::optional<std::uint64_t> lines);
void AppendTask(std::string* out, const TaskInfo& task);
void AppendSource(std::string* out, const SourceInfo& source, bool with_text);
// The members of the answer to "status" (without braces).
void AppendForward(std::string* out, const ForwardStatus& status);
std::string StatusMembers(const DaemonStatus& status);
// "error":{"code":…,"message":…}
std::string ErrorMember(const Status& status);

}  // namespace smiley::daemon
