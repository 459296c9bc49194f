// Thread rule: plain values; RequestParser belongs to one thread at a time.
//
// Request and answer lines of daemon/protocol/PROTOCOL.md, parsed with simdjson. Hostile-safe: length, depth and
// counts are bounded; what is not understood is ignored or refused, never guessed.
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

// One request. Fields of other types than these (objects, nested arrays) are left out, as unknown fields are.
class Request {
 public:
  using Field =
      std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, std::vector<std::int64_t>>;

  std::string id_json = "null";  // the request's id, as JSON, to be repeated in its answer
  std::string op;
  std::map<std::string, Field, std::less<>> fields;

  // Absent (or null): nullopt. kInvalid when the field has another type or does not fit.
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
  // kInvalid when the line is not one JSON object with an "op" (`*broken` is then true when it was not JSON at all:
  // the connection cannot go on).
  Result<Request> Parse(std::string_view line, bool* broken);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What a client needs of an answer line.
struct Answer {
  bool ok = false;
  std::string error_code, error_message;
};
Result<Answer> ParseAnswer(std::string_view line);

}  // namespace smiley::daemon
