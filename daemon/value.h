// Thread rule: Values are immutable and shared by pointer between threads.
//
// Captured values as a tree: decoded from CBOR (shm/FORMAT.md, "Values"), patched, written as JSON (the contract of
// the JSON Lines export).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace smiley::daemon {

struct Value;
using ValuePtr = std::shared_ptr<const Value>;

// Position at which a part was read: thread of the run and seq; 0 = not known.
struct ReadAt { std::uint32_t thread = 0; std::uint64_t seq = 0; };

struct Value {
  enum class Type : std::uint8_t {
    kNone, kBool, kInt, kFloat, kStr, kBytes,   // plain CBOR
    kForm,                                       // tag 6 arrays, `form` says which
  };
  Type type = Type::kNone;
  std::uint8_t form = 0;        // FORMAT.md, 1..24
  bool flag = false;            // kBool
  bool has_items = false;       // containers: items present (not cut by depth)
  std::int64_t integer = 0;     // kInt; form 16: bits
  double number = 0, imag = 0;  // kFloat; complex
  std::uint64_t id = 0;         // objects and containers
  std::uint64_t cut = 0;
  std::string text;             // str (UTF-8 / surrogates passed through), bytes, text forms, big int, class-only forms
  std::string type_name;        // form 18: $type
  std::string class_name;       // forms 11, 18, 19, 20, 24
  std::vector<ValuePtr> items;  // items; dicts: key, value, key, value …; exceptions: args; form 20: items[0] = inner
  std::vector<std::pair<std::string, ValuePtr>> attributes;  // forms 11, 20
  std::vector<std::string> notes;                            // form 19
  ValuePtr cause, context;                                   // form 19
  ReadAt read_at;               // when this node was read from the program
};

ValuePtr MakeLost();
ValuePtr MakeUnbound();
// Hostile-safe: depth and sizes bounded. `used` (may be null) gets the bytes consumed.
Result<ValuePtr> DecodeValue(std::string_view cbor, ReadAt at, std::size_t* used = nullptr);
// Applies a kPatch payload; nodes that the patch touches (and the first level itself) get `at`.
Result<ValuePtr> ApplyPatch(const ValuePtr& base, std::string_view patch, ReadAt at);
// Appends the contract's JSON. `at` = the event's position: nested parts read earlier get "asof".
void AppendJson(std::string* out, const Value& value, ReadAt at);
// A JSON string literal; lone surrogates become {"$type":"str","base64":"…"}.
void AppendJsonString(std::string* out, std::string_view text);
// The other way: from the contract's JSON to CBOR (import of JSON Lines). `json` is one JSON value.
Result<std::string> CborFromJson(std::string_view json);
// One line for people: Python-like, at most about `width` characters, control characters escaped.
std::string Display(const Value& value, std::size_t width);

}  // namespace smiley::daemon
