#include "daemon/protocol/request.h"

#include <simdjson.h>

#include <algorithm>

#include "daemon/value/text_codec.h"

namespace smiley::daemon {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxTexts = 100'000;

Status Invalid(std::string message) { return Status(Code::kInvalid, std::move(message)); }

std::string Quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

// A string, or {"$type":"str","base64":…} for text that JSON cannot carry.
std::optional<std::string> TextOf(const dom::element& element) {
  std::string_view text;
  if (element.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  dom::object object;
  if (element.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  std::string_view type, base64;
  if (object["$type"].get_string().get(type) != simdjson::SUCCESS || type != "str") return std::nullopt;
  if (object["base64"].get_string().get(base64) != simdjson::SUCCESS) return std::nullopt;
  return DecodeBase64(base64);
}

// Integers, at least one of them.
std::optional<std::vector<std::int64_t>> NumbersOf(const dom::array& array) {
  std::vector<std::int64_t> numbers;
  for (const dom::element item : array) {
    std::int64_t number = 0;
    if (item.get_int64().get(number) != simdjson::SUCCESS || numbers.size() >= kMaxTexts) return std::nullopt;
    numbers.push_back(number);
  }
  if (numbers.empty()) return std::nullopt;
  return numbers;
}

std::optional<Request::Field> FieldOf(const dom::element& element) {
  switch (element.type()) {
    case dom::element_type::BOOL:
      return Request::Field(bool(element));
    case dom::element_type::INT64:
      return Request::Field(std::int64_t(element));
    case dom::element_type::UINT64:  // a number beyond int64_t
      return Request::Field(static_cast<double>(std::uint64_t(element)));
    case dom::element_type::DOUBLE:
      return Request::Field(double(element));
    case dom::element_type::STRING:
    case dom::element_type::OBJECT: {
      auto text = TextOf(element);
      if (!text) return std::nullopt;
      return Request::Field(std::move(*text));
    }
    case dom::element_type::ARRAY: {
      if (auto numbers = NumbersOf(dom::array(element))) return Request::Field(std::move(*numbers));
      std::vector<std::string> texts;
      for (const dom::element item : dom::array(element)) {
        auto text = TextOf(item);
        if (!text || texts.size() >= kMaxTexts) return std::nullopt;
        texts.push_back(std::move(*text));
      }
      return Request::Field(std::move(texts));
    }
    default:
      return std::nullopt;  // null; in newer versions of simdjson also integers beyond 64 bits
  }
}

}  // namespace

struct RequestParser::State {
  dom::parser parser{kMaxRequestBytes + simdjson::SIMDJSON_PADDING};
  bool sized = false;
};

RequestParser::RequestParser() : state_(std::make_unique<State>()) {}
RequestParser::~RequestParser() = default;

Result<Request> RequestParser::Parse(std::string_view line, bool* broken) {
  *broken = true;
  if (line.size() > kMaxRequestBytes) return Invalid("the request is longer than 1 MiB");
  // The parser's memory grows with the lines that arrive. The depth is bounded at any size.
  const std::size_t capacity = line.size() < 4096 ? 4096 : kMaxRequestBytes;
  if (state_->parser.capacity() < line.size() || !state_->sized) {
    if (state_->parser.allocate(capacity, kMaxRequestDepth) != simdjson::SUCCESS) {
      return Status(Code::kNoSpace, "the daemon has no memory for the request: try a shorter one");
    }
    state_->sized = true;
  }
  dom::element root;
  const auto error = state_->parser.parse(line.data(), line.size(), true).get(root);
  if (error != simdjson::SUCCESS) {
    return Invalid(std::string("the request is not JSON: ") + simdjson::error_message(error));
  }
  dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) return Invalid("the request is not a JSON object");
  *broken = false;
  Request request;
  dom::element id;
  if (object["id"].get(id) == simdjson::SUCCESS) {
    if (id.is_object() || id.is_array()) return Invalid("'id' must be a number or a string");
    std::string text = simdjson::minify(id);
    if (text.size() > 256) return Invalid("'id' is longer than 256 characters");
    request.id_json = std::move(text);
  }
  std::string_view op;
  if (object["op"].get_string().get(op) != simdjson::SUCCESS) return Invalid("'op' is missing");
  request.op = std::string(op);
  for (const auto member : object) {
    if (member.key == "id" || member.key == "op") continue;
    if (auto field = FieldOf(member.value)) request.fields.emplace(std::string(member.key), std::move(*field));
  }
  return request;
}

Result<std::optional<std::string>> Request::Text(std::string_view name) const {
  const auto it = fields.find(name);
  if (it == fields.end()) return std::optional<std::string>();
  const auto* text = std::get_if<std::string>(&it->second);
  if (text == nullptr) return Invalid(Quoted(name) + " must be a string");
  return std::optional<std::string>(*text);
}

Result<std::string> Request::NeedText(std::string_view name) const {
  auto text = Text(name);
  if (!text) return text.status();
  if (!text->has_value()) return Invalid(Quoted(name) + " is missing");
  return **text;
}

Result<std::optional<std::int64_t>> Request::Integer(std::string_view name, std::int64_t least,
                                                     std::int64_t most) const {
  const auto it = fields.find(name);
  if (it == fields.end()) return std::optional<std::int64_t>();
  const auto* number = std::get_if<std::int64_t>(&it->second);
  if (number == nullptr || *number < least || *number > most) {
    return Invalid(Quoted(name) + " must be an integer from " + std::to_string(least) + " to " +
                   std::to_string(most));
  }
  return std::optional<std::int64_t>(*number);
}

Result<bool> Request::Flag(std::string_view name, bool absent) const {
  const auto it = fields.find(name);
  if (it == fields.end()) return absent;
  const auto* flag = std::get_if<bool>(&it->second);
  if (flag == nullptr) return Invalid(Quoted(name) + " must be true or false");
  return *flag;
}

Result<std::vector<std::string>> Request::Texts(std::string_view name) const {
  const auto it = fields.find(name);
  if (it == fields.end()) return std::vector<std::string>();
  if (const auto* text = std::get_if<std::string>(&it->second)) return std::vector<std::string>{*text};
  const auto* texts = std::get_if<std::vector<std::string>>(&it->second);
  if (texts == nullptr) return Invalid(Quoted(name) + " must be an array of strings");
  return *texts;
}

Result<std::optional<std::vector<std::int64_t>>> Request::Integers(std::string_view name, std::int64_t least,
                                                                   std::int64_t most, std::size_t count) const {
  const auto it = fields.find(name);
  if (it == fields.end()) return std::optional<std::vector<std::int64_t>>();
  const auto* texts = std::get_if<std::vector<std::string>>(&it->second);
  if (texts != nullptr && texts->empty())
    return std::optional(std::vector<std::int64_t>());  // an empty array is parsed as texts
  const auto* numbers = std::get_if<std::vector<std::int64_t>>(&it->second);
  const bool fits =
      numbers != nullptr && numbers->size() <= count &&
      std::all_of(numbers->begin(), numbers->end(), [&](std::int64_t one) { return one >= least && one <= most; });
  if (!fits) {
    return Invalid(Quoted(name) + " must be an array of at most " + std::to_string(count) + " integers from " +
                   std::to_string(least) + " to " + std::to_string(most));
  }
  return std::optional(*numbers);
}

Result<Answer> ParseAnswer(std::string_view line) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(line.data(), line.size(), true).get(root) != simdjson::SUCCESS) return Invalid("not JSON");
  dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) return Invalid("not a JSON object");
  Answer answer;
  dom::object error;
  if (object["error"].get_object().get(error) == simdjson::SUCCESS) {
    std::string_view code, message;
    if (error["code"].get_string().get(code) == simdjson::SUCCESS) answer.error_code = std::string(code);
    if (error["message"].get_string().get(message) == simdjson::SUCCESS) answer.error_message = std::string(message);
    return answer;
  }
  bool flag = false;
  if (object["ok"].get_bool().get(flag) == simdjson::SUCCESS && flag) answer.ok = true;
  if (object["end"].get_bool().get(flag) == simdjson::SUCCESS && flag) answer.ok = true;
  if (!answer.ok) return Invalid("neither ok nor an error");
  return answer;
}

}  // namespace smiley::daemon
