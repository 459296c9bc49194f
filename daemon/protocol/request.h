// Thread rule: plain values; RequestParser belongs to one thread at a time.
//
// Parses request and answer lines of daemon/protocol/PROTOCOL.md with simdjson. Safe against hostile input: length,
// depth and counts are bounded. Unknown fields are ignored, and wrong ones are refused.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shm/base/status.h"

namespace smiley::daemon {

inline constexpr std::size_t kMaxRequestBytes = 1u << 20;
inline constexpr std::size_t kMaxRequestDepth = 32;

// One request. Fields of other types than these (objects, nested arrays) are omitted, like unknown fields.
class Request {
 public:
  using Field =
      std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, std::vector<std::int64_t>>;

  std::string id_json = "null";  // the request's id as JSON, for its answer
  std::string op;
  std::map<std::string, Field, std::less<>> fields;

  // A field by its name. Absent or null: nullopt. kInvalid: it has another type, or is out of range.
  Result<std::optional<std::string>> Text(std::string_view name) const;
  Result<std::optional<std::int64_t>> Integer(std::string_view name, std::int64_t least, std::int64_t most) const;
  Result<bool> Flag(std::string_view name, bool absent) const;
  Result<std::vector<std::string>> Texts(std::string_view name) const;  // absent: empty; one string: that string
  // An array of at most `count` integers; absent: nullopt. Each from `least` to `most`, else kInvalid.
  Result<std::optional<std::vector<std::int64_t>>> Integers(std::string_view name, std::int64_t least,
                                                            std::int64_t most, std::size_t count) const;
  // Like Text; kInvalid "'run' is missing" when absent.
  Result<std::string> NeedText(std::string_view name) const;
};

class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  // kInvalid: the line is not one JSON object with an "op". `*broken` is then true when it is not a JSON object, or
  // too long: the connection has to end.
  Result<Request> Parse(std::string_view line, bool* broken);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The outcome of an answer line.
struct Answer {
  bool ok = false;
  std::string error_code, error_message;
};
Result<Answer> ParseAnswer(std::string_view line);

}  // namespace smiley::daemon
