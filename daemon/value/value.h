// Thread rule: Values are immutable and shared by pointer between threads.
//
// Captured values as a tree: decoded from CBOR (shm/FORMAT.md, "Values"), patched, written as JSON (the contract of
// the JSON Lines export).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/base/status.h"
#include "shm/forms.h"

namespace smiley::daemon {

struct Value;
using ValuePtr = std::shared_ptr<const Value>;

// Position at which a part was read: thread of the run and seq; 0 = not known.
struct ReadAt {
  std::uint32_t thread = 0;
  std::uint64_t seq = 0;
  friend bool operator==(const ReadAt&, const ReadAt&) = default;
};

using shm::Form;
using enum shm::Form;
using shm::IsDictForm;
using shm::IsSequenceForm;

inline constexpr int kMaxValueDepth = 100;  // deeper values do not decode

struct Value {
  enum class Type : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kStr,
    kBytes,  // plain CBOR
    kForm,   // tag 6 arrays, `form` says which
  };
  Type type = Type::kNone;
  std::uint8_t form = 0;        // shm/forms.h; 0 when type is not kForm
  bool flag = false;            // kBool
  bool has_items = false;       // containers, objects: items or attributes present (not cut by depth)
  std::int64_t integer = 0;     // kInt; form 16: bits, 0 = not known
  double number = 0, imag = 0;  // kFloat; complex
  std::uint64_t id = 0;         // objects and containers
  std::uint64_t cut = 0;
  std::string text;             // str (UTF-8 / surrogates passed through), bytes, text forms, big int
  std::string type_name;        // form 18: $type
  std::string class_name;       // forms 11, 18, 19, 20, 24
  std::vector<ValuePtr> items;  // items; dicts: key, value, key, value …; exceptions: args; form 20: items[0] = inner
  std::vector<std::pair<std::string, ValuePtr>> attributes;  // forms 11, 20
  std::vector<std::string> notes;                            // form 19
  ValuePtr cause, context;                                   // form 19; null pointer = none
  ReadAt read_at;                                            // when this node was read from the program

  bool Is(Form which) const { return type == Type::kForm && form == which; }
  // A str, whether whole, cut or with lone surrogates: its characters are in `text`.
  bool IsStr() const { return type == Type::kStr || Is(kFormStrCut) || Is(kFormStrRaw); }
  bool IsBytes() const { return type == Type::kBytes || Is(kFormBytesCut) || Is(kFormBytearray); }
  // The value as the builtin that a subclass stands on; itself for all else.
  const Value& Builtin() const { return Is(kFormSubclass) && !items.empty() ? *items[0] : *this; }
};

ValuePtr MakeLost();
ValuePtr MakeUnbound();
ValuePtr MakeStr(std::string text, ReadAt at);
// Same type and contents, numbers compared by their bits, ids too, times of reading not.
bool SameValue(const Value& a, const Value& b);

// Hostile-safe: depth and sizes bounded. `used` (may be null) gets the bytes consumed; without it the whole of `cbor`
// must be one item. kDamaged when it is none.
Result<ValuePtr> DecodeValue(std::string_view cbor, ReadAt at, std::size_t* used = nullptr);
// The other way, for snapshots: appends the CBOR that DecodeValue, given the value's own time of reading, makes an
// equal value of.
void EncodeValue(std::string* out, const Value& value);
// Applies a kPatch payload; nodes that the patch touches (and the first level itself) get `at`. A base that is null
// or lost stays lost. kDamaged when an operation does not fit the base.
Result<ValuePtr> ApplyPatch(const ValuePtr& base, std::string_view patch, ReadAt at);
// The same, and takes the base over, so that one that nobody else holds is changed in place.
Result<ValuePtr> ApplyPatch(ValuePtr&& base, std::string_view patch, ReadAt at);
// Appends the contract's JSON. `at` = the event's position: nested parts read earlier get "asof".
void AppendJson(std::string* out, const Value& value, ReadAt at);
// A JSON string literal; what is not UTF-8 (lone surrogates) becomes {"$type":"str","base64":"…"}.
void AppendJsonString(std::string* out, std::string_view text);
// A JSON object from names to values; an array of [name, value] pairs when a name cannot be a JSON key.
void AppendJsonNames(std::string* out, const std::vector<std::pair<const std::string*, ValuePtr>>& values, ReadAt at);
// The other way: from the contract's JSON to CBOR (import of JSON Lines). `json` is one JSON value. kInvalid when it
// is not of the contract.
Result<std::string> CborFromJson(std::string_view json);
// The text of a JSON string or of {"$type":"str","base64":…}, as AppendJsonString wrote it.
Result<std::string> TextFromJson(std::string_view json);
// One line for people: Python-like, at most about `width` characters, control characters escaped.
std::string Display(const Value& value, std::size_t width);

}  // namespace smiley::daemon
