#include "daemon/protocol/json_object.h"

#include <fmt/format.h>

#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

struct CodeNameEntry {
  Code code;
  const char* name;
};
constexpr CodeNameEntry kCodeNames[] = {
    {Code::kOk, "ok"},
    {Code::kNotFound, "not_found"},
    {Code::kInvalid, "invalid"},
    {Code::kDamaged, "damaged"},
    {Code::kForeign, "foreign"},
    {Code::kVersion, "version"},
    {Code::kNoSpace, "no_space"},
    {Code::kPermission, "permission"},
    {Code::kBusy, "busy"},
    {Code::kGone, "gone"},
    {Code::kInterrupted, "interrupted"},
    {Code::kIo, "io"},
};

}  // namespace

void JsonObject::Key(std::string_view key) {
  if (!first_) *out_ += ',';
  first_ = false;
  *out_ += '"';
  *out_ += key;
  *out_ += "\":";
}
JsonObject& JsonObject::Text(std::string_view key, std::string_view value) {
  Key(key);
  AppendJsonString(out_, value);
  return *this;
}
JsonObject& JsonObject::TextOrNull(std::string_view key, std::string_view value) {
  return value.empty() ? Null(key) : Text(key, value);
}
JsonObject& JsonObject::Texts(std::string_view key, const std::vector<std::string>& values) {
  Key(key);
  *out_ += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) *out_ += ',';
    AppendJsonString(out_, values[i]);
  }
  *out_ += ']';
  return *this;
}
JsonObject& JsonObject::Number(std::string_view key, std::uint64_t value) {
  Key(key);
  *out_ += std::to_string(value);
  return *this;
}
JsonObject& JsonObject::Signed(std::string_view key, std::int64_t value) {
  Key(key);
  *out_ += std::to_string(value);
  return *this;
}
JsonObject& JsonObject::Real(std::string_view key, double value) {
  Key(key);
  *out_ += fmt::format("{:.4g}", value == value && value < 1e300 && value > -1e300 ? value : 0.0);
  return *this;
}
JsonObject& JsonObject::Flag(std::string_view key, bool value) {
  Key(key);
  *out_ += value ? "true" : "false";
  return *this;
}
JsonObject& JsonObject::Null(std::string_view key) {
  Key(key);
  *out_ += "null";
  return *this;
}
JsonObject& JsonObject::Raw(std::string_view key, std::string_view json) {
  Key(key);
  *out_ += json;
  return *this;
}

const char* CodeName(Code code) {
  for (const auto& entry : kCodeNames) {
    if (entry.code == code) return entry.name;
  }
  return "io";
}

Code CodeOfName(std::string_view name) {
  for (const auto& entry : kCodeNames) {
    if (name == entry.name) return entry.code;
  }
  return Code::kIo;
}

std::string ErrorMember(const Status& status) {
  std::string out = "\"error\":";
  JsonObject o(&out);
  o.Text("code", CodeName(status.code())).Text("message", status.message());
  o.End();
  return out;
}

}  // namespace smiley::daemon
