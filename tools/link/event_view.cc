#include "tools/link/event_view.h"

#include <simdjson.h>

#include "daemon/value/value.h"
#include "shm/kind_names.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace od = simdjson::ondemand;

struct EventParser::State {
  od::parser parser;
  std::string padded;
};

EventParser::EventParser() : state_(std::make_unique<State>()) {}
EventParser::~EventParser() = default;

namespace {

template <typename T>
void Number(od::value& value, T* out) {
  std::uint64_t unsigned_number;
  if (value.get_uint64().get(unsigned_number) == simdjson::SUCCESS) *out = static_cast<T>(unsigned_number);
}
void Signed(od::value& value, std::int64_t* out) {
  std::int64_t number;
  if (value.get_int64().get(number) == simdjson::SUCCESS) *out = number;
}
// A name is a string, or the contract's object for text with lone surrogates. The JSON of that object is shown.
void Text(od::value& value, std::string* out) {
  std::string_view text;
  od::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return;
  if (type == od::json_type::string) {
    if (value.get_string().get(text) == simdjson::SUCCESS) *out = std::string(text);
  } else if (type != od::json_type::null && simdjson::to_json_string(value).get(text) == simdjson::SUCCESS) {
    *out = std::string(text);
  }
}
void Raw(od::value& value, std::string* out) {
  std::string_view text;
  if (simdjson::to_json_string(value).get(text) != simdjson::SUCCESS) return;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  *out = std::string(text);
}

// Compares keys in sequence: string comparison decides by length and first bytes, which is fast enough.
simdjson::error_code Field(std::string_view key, od::value& value, StreamObject* out) {
  EventView& event = out->event;
  if (key == "type") {
    Text(value, &out->type);
  } else if (key == "process") {
    Number(value, &event.process);
  } else if (key == "thread") {
    Number(value, &event.thread);
  } else if (key == "seq") {
    Number(value, &event.seq);
  } else if (key == "time_ns") {
    Signed(value, &event.time_ns);
  } else if (key == "event") {
    std::string_view name;
    if (value.get_string().get(name) == simdjson::SUCCESS)
      event.kind = shm::ParseKind(name).value_or(shm::Kind::kPad);
  } else if (key == "source") {
    Number(value, &event.source);
  } else if (key == "file") {
    Text(value, &event.file);
  } else if (key == "line") {
    Number(value, &event.line);
  } else if (key == "function") {
    Text(value, &event.function);
  } else if (key == "frame") {
    Number(value, &event.frame);
  } else if (key == "depth") {
    Number(value, &event.depth);
  } else if (key == "task") {
    Number(value, &event.task);
  } else if (key == "propagated") {
    bool propagated;
    if (value.get_bool().get(propagated) == simdjson::SUCCESS) event.propagated = propagated;
  } else if (key == "changed") {
    od::object names;
    if (auto error = value.get_object().get(names)) return error;
    for (auto field : names) {
      std::string_view name;
      od::value item;
      if (auto error = field.unescaped_key().get(name)) return error;
      std::string name_text(name);
      if (auto error = field.value().get(item)) return error;
      std::string json;
      Raw(item, &json);
      event.changed.emplace_back(std::move(name_text), std::move(json));
    }
  } else if (key == "value") {
    Raw(value, &event.value);
  } else if (key == "exception") {
    od::object fields;
    if (auto error = value.get_object().get(fields)) return error;
    for (auto field : fields) {
      std::string_view name;
      od::value item;
      if (auto error = field.unescaped_key().get(name)) return error;
      const bool is_type = name == "type";
      const bool is_message = name == "message";
      if (auto error = field.value().get(item)) return error;
      if (is_type) Text(item, &event.exception_type);
      if (is_message) Text(item, &event.exception_message);
    }
  } else if (key == "count") {
    Number(value, &event.lost);
  } else if (key == "first_ns") {
    Signed(value, &event.lost_first_ns);
  } else if (key == "last_ns") {
    Signed(value, &event.lost_last_ns);
  } else if (key == "text") {
    Text(value, &event.text);
  } else if (key == "name") {
    Text(value, &event.name);
  } else if (key == "skipped") {
    Number(value, &out->skipped);
  }
  return simdjson::SUCCESS;
}

}  // namespace

Status EventParser::Parse(std::string_view line, StreamObject* out) {
  *out = StreamObject{};
  const auto bad = [](simdjson::error_code error) {
    return Status(Code::kDamaged,
                  std::string("an answer of the daemon cannot be read (") + simdjson::error_message(error) + ")");
  };
  std::string& padded = state_->padded;
  padded.assign(line);
  padded.reserve(line.size() + simdjson::SIMDJSON_PADDING);
  od::document document;
  if (auto error =
          state_->parser.iterate(simdjson::padded_string_view(padded.data(), padded.size(), padded.capacity()))
              .get(document))
    return bad(error);
  od::object fields;
  if (auto error = document.get_object().get(fields)) return bad(error);
  for (auto field : fields) {
    std::string_view key;
    od::value value;
    if (auto error = field.unescaped_key().get(key)) return bad(error);
    const std::string_view kept = key;
    if (auto error = field.value().get(value)) return bad(error);
    if (auto error = Field(kept, value, out)) return bad(error);
  }
  return Status::Ok();
}

std::string DisplayJson(const std::string& json, std::size_t width) {
  if (json == "null") return "None";
  if (json == "true") return "True";
  if (json == "false") return "False";
  if (!json.empty() && json.size() < 24 && json.find_first_not_of("0123456789-+.eE") == std::string::npos)
    return json;
  const Result<std::string> cbor = daemon::CborFromJson(json);
  if (cbor.ok()) {
    const Result<daemon::ValuePtr> value = daemon::DecodeValue(*cbor, daemon::ReadAt{});
    if (value.ok() && *value != nullptr) return Clean(daemon::Display(**value, width));
  }
  return Cut(Clean(json), width);
}

}  // namespace smiley::tools
