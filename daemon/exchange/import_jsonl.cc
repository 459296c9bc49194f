// Reads the JSON Lines export (a contract, daemon/exchange/EXPORT.md), line by line, with simdjson.
#include <openssl/evp.h>
#include <simdjson.h>

#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "daemon/exchange/import_format.h"
#include "daemon/exchange/import_words.h"
#include "daemon/value/value.h"
#include "shm/base/run_id.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxLine = 256u << 20;

// One member's value as JSON text, valid as long as the line.
using Raw = std::string_view;

bool ReadRaw(ondemand::value value, Raw* raw) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    return value.get_object().get(object) == simdjson::SUCCESS && object.raw_json().get(*raw) == simdjson::SUCCESS;
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    return value.get_array().get(array) == simdjson::SUCCESS && array.raw_json().get(*raw) == simdjson::SUCCESS;
  }
  *raw = value.raw_json_token();
  while (!raw->empty() && (raw->back() == ' ' || raw->back() == '\t' || raw->back() == '\r')) raw->remove_suffix(1);
  return true;
}

// Splits JSON text into its members or items. The parser's copy is padded.
class Splitter {
 public:
  // Calls take(key, raw) for each member. False: the text is no object.
  template <typename Take>
  bool Members(Raw json, const Take& take) {
    ondemand::document document;
    ondemand::object object;
    if (!Begin(json) || parser_.iterate(padded_).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS) {
      return false;
    }
    for (auto field : object) {
      std::string_view key;
      Raw raw;
      if (field.error() != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
      const std::string name(key);
      ondemand::value value;
      if (field.value().get(value) != simdjson::SUCCESS || !ReadRaw(value, &raw)) return false;
      if (!take(name, raw)) return false;
    }
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }
  template <typename Take>
  bool Items(Raw json, const Take& take) {
    ondemand::document document;
    ondemand::array array;
    if (!Begin(json) || parser_.iterate(padded_).get(document) != simdjson::SUCCESS ||
        document.get_array().get(array) != simdjson::SUCCESS) {
      return false;
    }
    for (auto item : array) {
      Raw raw;
      ondemand::value value;
      if (item.get(value) != simdjson::SUCCESS || !ReadRaw(value, &raw)) return false;
      if (!take(raw)) return false;
    }
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

 private:
  bool Begin(Raw json) {
    if (buffer_.capacity() < json.size() + simdjson::SIMDJSON_PADDING) {
      buffer_.reserve(2 * json.size() + simdjson::SIMDJSON_PADDING);
    }
    buffer_.assign(json);
    padded_ = simdjson::padded_string_view(buffer_.data(), buffer_.size(), buffer_.capacity());
    return true;
  }
  ondemand::parser parser_;
  std::string buffer_;
  simdjson::padded_string_view padded_;
};

template <typename Integer>
bool ToInteger(Raw raw, Integer* number) {
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), *number);
  return error == std::errc() && end == raw.data() + raw.size();
}
template <typename Integer>
bool ToIntegerOrNull(Raw raw, Integer* number) {
  return raw == "null" || ToInteger(raw, number);
}
bool ToOptional(Raw raw, std::optional<int>* number) {
  if (raw == "null") return true;
  int value = 0;
  if (!ToInteger(raw, &value)) return false;
  *number = value;
  return true;
}
bool ToText(Raw raw, std::string* text) {
  if (raw == "null") return true;
  auto read = TextFromJson(raw);
  if (!read) return false;
  *text = std::move(*read);
  return true;
}
bool ToFlag(Raw raw, bool* flag) {
  *flag = raw == "true";
  return *flag || raw == "false";
}

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

class JsonlImport : public ImportFormat {
 public:
  JsonlImport(Archive& archive, Store& store) : sink_(archive, store), encoder_(&sink_) {}

  Status Feed(std::string_view bytes) override {
    std::size_t from = 0;
    for (;;) {
      const std::size_t end = bytes.find('\n', from);
      if (end == std::string_view::npos) break;
      Status status;
      if (partial_.empty()) {
        status = Line(bytes.substr(from, end - from));
      } else {
        partial_.append(bytes, from, end - from);
        const std::string line = std::exchange(partial_, {});
        status = Line(line);
      }
      if (!status) return status;
      from = end + 1;
    }
    partial_.append(bytes.substr(from));
    if (partial_.size() > kMaxLine) return Bad("it is too long");
    return Status::Ok();
  }

  Result<RunInfo> Finish() override {
    if (!partial_.empty() || !ended_) {
      return Status(Code::kDamaged, "the export is damaged: it ends too early (was it cut off?)");
    }
    return sink_.Finish();
  }

 private:
  enum Order { kNothing, kRun, kProcess, kThread, kTask, kSource, kEvent, kEnd };

  Status Bad(const std::string& what) const {
    return Status(Code::kDamaged, "the export is damaged: line " + std::to_string(line_) + ": " + what);
  }

  Status Line(std::string_view line) {
    ++line_;
    if (ended_) return Bad("it follows the end");
    members_.clear();
    std::string type;
    const bool good = splitter_.Members(line, [&](const std::string& key, Raw raw) {
      if (key == "type") return ToText(raw, &type);
      // A copy, because the same parser reads the values.
      members_.emplace_back(key, std::string(raw));
      return true;
    });
    if (!good) return Bad("it is no JSON object");
    static constexpr std::pair<std::string_view, Order> kTypes[] = {
        {"event", kEvent}, {"run", kRun},       {"process", kProcess}, {"thread", kThread},
        {"task", kTask},   {"source", kSource}, {"end", kEnd}};
    Order order = kNothing;
    for (const auto& [name, place] : kTypes) {
      if (type == name) order = place;
    }
    if (order == kNothing) return Bad("its type is unknown");
    if (order < order_ || (order == kRun) != (order_ == kNothing)) return Bad("it is out of order");
    order_ = order;
    Status status;
    switch (order) {
      case kRun:
        return TakeRun();
      case kProcess:
        status = TakeProcess();
        break;
      case kThread:
        status = TakeThread();
        break;
      case kTask:
        status = TakeTask();
        break;
      case kSource:
        status = TakeSource();
        break;
      case kEvent:
        status = TakeEvent();
        break;
      default:
        status = TakeEnd();
        break;
    }
    if (!status && status.code() == Code::kDamaged) return Bad(status.message());
    return status;
  }

  // Calls take(key, raw) for each member. When it returns false, the error names the member.
  template <typename Take>
  Status Each(const Take& take) {
    for (const auto& [key, raw] : members_) {
      if (!take(std::string_view(key), Raw(raw))) return Status(Code::kDamaged, "bad " + key);
    }
    return Status::Ok();
  }

  bool ToTexts(Raw raw, std::vector<std::string>* texts) {
    return splitter_.Items(raw, [&](Raw item) {
      std::string text;
      if (!ToText(item, &text)) return false;
      texts->push_back(std::move(text));
      return true;
    });
  }

  Status TakeRun() {
    RunInfo run;
    std::int64_t version = 0;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "version") return ToInteger(raw, &version);
      if (key == "id") return ToText(raw, &run.id);
      if (key == "command") return ToTexts(raw, &run.command);
      if (key == "cwd") return ToText(raw, &run.cwd);
      if (key == "python") return ToText(raw, &run.python);
      if (key == "detail") return ToText(raw, &run.detail);
      if (key == "start_ns") return ToIntegerOrNull(raw, &run.start_ns);
      return true;
    });
    if (!status) return Bad(status.message());
    if (version > kVersion) {
      return Status(Code::kVersion, "the export was written by a newer smiley (JSON Lines version " +
                                        std::to_string(version) + ", this one reads up to " +
                                        std::to_string(kVersion) + ")");
    }
    if (version != kVersion || !shm::IsRunId(run.id))
      return Status(Code::kForeign, "this is not an export of smiley");
    return sink_.Begin(run);
  }

  Status TakeProcess() {
    ProcessInfo process;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "process") return ToInteger(raw, &process.process);
      if (key == "pid") return ToIntegerOrNull(raw, &process.pid);
      if (key == "parent") return ToIntegerOrNull(raw, &process.parent);
      if (key == "command") return ToTexts(raw, &process.command);
      if (key == "python") return ToText(raw, &process.python);
      return true;
    });
    if (!status) return status;
    return sink_.AddProcess(std::move(process));
  }

  Status TakeThread() {
    ThreadInfo thread;
    thread.ended = true;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "process") return ToInteger(raw, &thread.process);
      if (key == "thread") return ToInteger(raw, &thread.thread);
      if (key == "name") return ToText(raw, &thread.name);
      return true;
    });
    if (!status) return status;
    return sink_.AddThread(std::move(thread));
  }

  Status TakeTask() {
    TaskInfo task;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "process") return ToInteger(raw, &task.process);
      if (key == "task") return ToInteger(raw, &task.task);
      if (key == "name") return ToText(raw, &task.name);
      return true;
    });
    if (!status) return status;
    return sink_.AddTask(std::move(task));
  }

  Status TakeSource() {
    SourceInfo source;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "source") return ToInteger(raw, &source.source);
      if (key == "file") return ToText(raw, &source.file);
      if (key == "sha256") return ToText(raw, &source.sha256);
      if (key == "text") return ToText(raw, &source.text);
      return true;
    });
    if (!status) return status;
    if (!source.sha256.empty() && source.sha256 != Sha256Hex(source.text)) {
      return Status(Code::kDamaged, "the text does not fit its sha256");
    }
    return sink_.AddSource(std::move(source));
  }

  bool ReadChanged(Raw raw, JsonEvent* event) {
    const auto change = [&](std::string name, Raw value) {
      JsonEvent::Change& added = event->changed.emplace_back();
      added.name = std::move(name);
      if (value == R"({"$type":"unbound"})") return true;
      auto cbor = CborFromJson(value);
      if (cbor) added.cbor = std::move(*cbor);
      return cbor.ok();
    };
    if (!raw.empty() && raw.front() == '[') {  // pairs, because a name cannot be a JSON key
      std::vector<std::string> pairs;
      if (!splitter_.Items(raw, [&](Raw pair) {
            pairs.emplace_back(pair);
            return true;
          })) {
        return false;
      }
      for (const std::string& pair : pairs) {
        std::vector<std::string> both;
        if (!splitter_.Items(pair, [&](Raw item) {
              both.emplace_back(item);
              return true;
            })) {
          return false;
        }
        std::string name;
        if (both.size() != 2 || !ToText(both[0], &name) || !change(std::move(name), both[1])) return false;
      }
      return true;
    }
    return splitter_.Members(raw, [&](const std::string& key, Raw value) { return change(key, value); });
  }

  bool ReadException(Raw raw, JsonEvent* event) {
    event->has_exception = true;
    return splitter_.Members(raw, [&](const std::string& key, Raw value) {
      if (key == "type") return ToText(value, &event->exception_type);
      if (key == "message") return ToText(value, &event->exception_message);
      return true;
    });
  }

  bool ReadValue(Raw raw, JsonEvent* event) {
    auto cbor = CborFromJson(raw);
    if (!cbor) return false;
    event->value = std::move(*cbor);
    if (auto text = TextFromJson(raw); text && raw.find("\"cut\"") == Raw::npos) {
      event->value_text = std::move(*text);
      event->value_is_text = true;
    }
    return true;
  }

  Status TakeEvent() {
    JsonEvent event;
    bool has_file = false, has_function = false;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "process") return ToInteger(raw, &event.process);
      if (key == "thread") return ToInteger(raw, &event.thread);
      if (key == "seq") return ToInteger(raw, &event.seq);
      if (key == "time_ns") return ToInteger(raw, &event.time_ns);
      if (key == "event") {
        std::string name;
        const bool text = ToText(raw, &name);
        const auto kind = shm::ParseKind(name);
        if (kind) event.kind = *kind;
        return text && kind.has_value();
      }
      if (key == "source") return ToInteger(raw, &event.source);
      if (key == "file") return has_file = true, ToText(raw, &event.file);
      if (key == "line") return ToInteger(raw, &event.line);
      if (key == "function") return has_function = true, ToText(raw, &event.function);
      if (key == "frame") return ToInteger(raw, &event.frame);
      if (key == "parent") return ToInteger(raw, &event.parent);
      if (key == "depth") return event.has_depth = true, ToInteger(raw, &event.depth);
      if (key == "task") return ToInteger(raw, &event.task);
      if (key == "changed") return ReadChanged(raw, &event);
      if (key == "value") return ReadValue(raw, &event);
      if (key == "exception") return ReadException(raw, &event);
      if (key == "propagated") return ToFlag(raw, &event.propagated);
      if (key == "count") return ToInteger(raw, &event.lost_count);
      if (key == "first_ns") return ToInteger(raw, &event.lost_first_ns);
      if (key == "last_ns") return ToInteger(raw, &event.lost_last_ns);
      return true;
    });
    if (!status) return status;
    if (event.kind == shm::Kind{}) return Status(Code::kDamaged, "the event is missing");
    if (has_file != has_function) return Status(Code::kDamaged, "file and function belong together");
    event.has_code = has_file;
    if ((event.kind == shm::Kind::kLost) != (event.lost_count != 0)) return Status(Code::kDamaged, "bad count");
    if (event.depth > (1u << 30) || event.lost_first_ns > event.lost_last_ns)
      return Status(Code::kDamaged, "bad numbers");
    if (event.process == 0 || event.thread == 0) return Status(Code::kDamaged, "process and thread are missing");
    return encoder_.Add(event);
  }

  Status TakeEnd() {
    RunInfo end;
    std::uint64_t events = 0, lost = 0;
    Status status = Each([&](std::string_view key, Raw raw) {
      if (key == "exit_code") return ToOptional(raw, &end.exit_code);
      if (key == "signal") return ToOptional(raw, &end.signal);
      if (key == "end_ns") return ToIntegerOrNull(raw, &end.end_ns);
      if (key == "events") return ToInteger(raw, &events);
      if (key == "lost") return ToInteger(raw, &lost);
      if (key == "complete") return ToFlag(raw, &end.complete);
      return true;
    });
    if (!status) return status;
    if (status = encoder_.Finish(); !status) return status;
    if (events != sink_.events() || lost < sink_.lost()) {
      return Status(Code::kDamaged, "the number of events does not agree with what came before");
    }
    sink_.SetEnd(end);
    ended_ = true;
    return Status::Ok();
  }

  ImportSink sink_;
  EventEncoder encoder_;
  Splitter splitter_;
  std::vector<std::pair<std::string, std::string>> members_;
  std::string partial_;
  std::uint64_t line_ = 0;
  Order order_ = kNothing;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ImportFormat> MakeJsonlImport(Archive& archive, Store& store) {
  return std::make_unique<JsonlImport>(archive, store);
}

Result<std::optional<std::string>> PeekJsonlRun(std::string_view head) {
  const std::size_t end = head.find('\n');
  if (end == std::string_view::npos) return std::optional<std::string>();
  Splitter splitter;
  std::string type, id;
  std::int64_t version = 0;
  const bool good = splitter.Members(head.substr(0, end), [&](const std::string& key, Raw raw) {
    if (key == "type") return ToText(raw, &type);
    if (key == "id") return ToText(raw, &id);
    if (key == "version") return ToInteger(raw, &version);
    return true;
  });
  if (!good || type != "run") return Status(Code::kForeign, "this is not an export of smiley");
  if (version > kVersion) {
    return Status(Code::kVersion, "the export was written by a newer smiley (JSON Lines version " +
                                      std::to_string(version) + ", this one reads up to " + std::to_string(kVersion) +
                                      ")");
  }
  if (!shm::IsRunId(id)) return Status(Code::kForeign, "this is not an export of smiley");
  return std::optional<std::string>(id);
}

}  // namespace smiley::daemon
