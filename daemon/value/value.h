// Thread rule: Values are immutable and shared by pointer between threads.
//
// Captured values as a tree. It is decoded from CBOR (shm/FORMAT.md, "Values"), patched, and written as JSON. The
// JSON is the contract of the JSON Lines export.
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

// The event at which the tracer read a value. `thread` is the number in the run; 0 in either member: not known.
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
    kForm,   // a tag 6 array; `form` names it
  };
  Type type = Type::kNone;
  std::uint8_t form = 0;        // shm/forms.h; 0 when type is not kForm
  bool flag = false;            // kBool
  bool has_items = false;       // containers and objects: false when the depth limit left the contents out
  std::int64_t integer = 0;     // kInt: the number; form 16: the number of bits, 0 = not known
  double number = 0, imag = 0;  // kFloat; complex
  std::uint64_t id = 0;         // of objects and containers: the number in the process; 0 = none
  std::uint64_t cut = 0;        // how many items, characters or bytes the limits left out
  std::string text;             // str (UTF-8 with surrogates as they are), bytes, text forms, big int
  std::string type_name;        // form 18: $type
  std::string class_name;       // forms 11, 18, 19, 20, 24
  std::vector<ValuePtr> items;  // items; dicts: key, value, key, value …; exceptions: args; form 20: the inner value
  std::vector<std::pair<std::string, ValuePtr>> attributes;  // forms 11, 20
  std::vector<std::string> notes;                            // form 19
  ValuePtr cause, context;                                   // form 19; null = none
  ReadAt read_at;                                            // the event at which this node was read

  bool Is(Form which) const { return type == Type::kForm && form == which; }
  // A str, whether whole, cut or with lone surrogates. `text` holds its characters.
  bool IsStr() const { return type == Type::kStr || Is(kFormStrCut) || Is(kFormStrRaw); }
  bool IsBytes() const { return type == Type::kBytes || Is(kFormBytesCut) || Is(kFormBytearray); }
  // The built-in value inside an instance of a subclass; any other value itself.
  const Value& Builtin() const { return Is(kFormSubclass) && !items.empty() ? *items[0] : *this; }
};

ValuePtr MakeLost();
ValuePtr MakeUnbound();
ValuePtr MakeStr(std::string text, ReadAt at);
// Whether type, contents and ids are equal. Numbers are compared by their bits; times of reading do not count.
bool SameValue(const Value& a, const Value& b);

// Decodes one CBOR item from bytes that may be hostile; depth and sizes are bounded. `*used` gets the number of bytes
// read; when `used` is null, the item must fill `cbor`. kDamaged: the bytes are no such item.
Result<ValuePtr> DecodeValue(std::string_view cbor, ReadAt at, std::size_t* used = nullptr);
// Appends CBOR for snapshots. DecodeValue, given the value's own time of reading, returns an equal value.
void EncodeValue(std::string* out, const Value& value);
// Applies a kPatch payload. The root and each node that the patch touches get `at`. A base that is null or lost gives
// a lost value. kDamaged: an operation does not fit the base.
Result<ValuePtr> ApplyPatch(const ValuePtr& base, std::string_view patch, ReadAt at);
// Takes the base over. A base that nobody else holds is changed in place.
Result<ValuePtr> ApplyPatch(ValuePtr&& base, std::string_view patch, ReadAt at);
// Appends the contract's JSON. `at` is the event; nested parts that were read at an earlier event get "asof".
void AppendJson(std::string* out, const Value& value, ReadAt at);
// Appends a JSON string literal. A text that is not UTF-8 (lone surrogates) becomes {"$type":"str","base64":"…"}.
void AppendJsonString(std::string* out, std::string_view text);
// Appends a JSON object from names to values; an array of [name, value] pairs when a name cannot be a JSON key.
void AppendJsonNames(std::string* out, const std::vector<std::pair<const std::string*, ValuePtr>>& values, ReadAt at);
// Converts one JSON value of the contract to CBOR, for the import of JSON Lines. kInvalid: the value breaks the
// contract.
Result<std::string> CborFromJson(std::string_view json);
// Reads the text that AppendJsonString wrote.
Result<std::string> TextFromJson(std::string_view json);
// One line that looks like Python, with about `width` characters at most. Control characters are escaped.
std::string Display(const Value& value, std::size_t width);

}  // namespace smiley::daemon
