#include "tools/link/answer.h"

#include <nlohmann/json.hpp>

#include "daemon/value/value.h"
#include "tools/link/ask.h"

namespace smiley::tools {

using Json = nlohmann::ordered_json;

struct AnswerObject::State {
  Json json = Json::object();
  const Json* At(const char* key) const {
    const auto at = json.find(key);
    return at == json.end() ? nullptr : &*at;
  }
  template <typename T>
  T NumberAt(const char* key) const {
    const Json* value = At(key);
    return value != nullptr && value->is_number() ? value->get<T>() : T{};
  }
};

AnswerObject::AnswerObject() : state_(std::make_unique<State>()) {}
AnswerObject::~AnswerObject() = default;
AnswerObject::AnswerObject(AnswerObject&&) noexcept = default;
AnswerObject& AnswerObject::operator=(AnswerObject&&) noexcept = default;

Result<AnswerObject> AnswerObject::Parse(std::string_view line) {
  AnswerObject object;
  object.state_->json = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!object.state_->json.is_object()) {
    return Status(Code::kDamaged, "an answer of the daemon cannot be read; smiley-daemon restart may help");
  }
  return object;
}

std::string AnswerObject::Text(const char* key) const {
  const Json* value = state_->At(key);
  if (value == nullptr || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  auto text = daemon::TextFromJson(value->dump(-1, ' ', false, Json::error_handler_t::replace));
  return text ? std::move(*text) : std::string();
}
std::uint64_t AnswerObject::Number(const char* key) const { return state_->NumberAt<std::uint64_t>(key); }
std::int64_t AnswerObject::Signed(const char* key) const { return state_->NumberAt<std::int64_t>(key); }
double AnswerObject::Real(const char* key) const { return state_->NumberAt<double>(key); }
bool AnswerObject::Flag(const char* key) const {
  const Json* value = state_->At(key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}
bool AnswerObject::Has(const char* key) const {
  const Json* value = state_->At(key);
  return value != nullptr && !value->is_null();
}
std::vector<AnswerObject> AnswerObject::List(const char* key) const {
  std::vector<AnswerObject> objects;
  const Json* value = state_->At(key);
  if (value == nullptr || !value->is_array()) return objects;
  for (const Json& item : *value) {
    if (item.is_object()) objects.emplace_back().state_->json = item;
  }
  return objects;
}
AnswerObject AnswerObject::Object(const char* key) const {
  AnswerObject object;
  if (const Json* value = state_->At(key); value != nullptr && value->is_object()) object.state_->json = *value;
  return object;
}
std::string AnswerObject::AsTotals(std::string_view type) const {
  Json totals = {{"type", type}};
  for (const auto& [key, value] : state_->json.items()) {
    if (key != "id" && key != "end") totals[key] = value;
  }
  return totals.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status ForEachAnswer(Link* link, std::string_view request, bool json, Progress* progress,
                     const std::function<void(const AnswerObject&)>& each, std::string* end) {
  Status broken;
  const Status status = ForEachLine(
      link, request,
      [&](const std::string& line) {
        if (progress != nullptr) progress->Clear();
        if (json) {
          Output::Get().Write(line + "\n");
          return !Interrupted();
        }
        const auto object = AnswerObject::Parse(line);
        if (!object) {
          broken = object.status();
          return false;
        }
        each(*object);
        return !Interrupted();
      },
      end);
  if (progress != nullptr) progress->Clear();
  return status.ok() ? broken : status;
}

}  // namespace smiley::tools
