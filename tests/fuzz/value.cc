// A fuzz target: reads any bytes as a captured value, as a patch and as the words of a piece. A decoded value is
// displayed, exported, imported and exported again; both exports must be equal.
#include "daemon/value/value.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/daemon/piece_maker.h"

using namespace smiley::daemon;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Exported(const Value& value) {
  std::string json;
  AppendJson(&json, value, {1, 5});
  return json;
}

void RoundTrip(const Value& value) {
  (void)Display(value, 40);
  const std::string json = Exported(value);
  const auto cbor = CborFromJson(json);
  Require(cbor.ok());
  const auto imported = DecodeValue(*cbor, {1, 5});
  Require(imported.ok() && Exported(**imported) == json);
}

void ReadWords(std::string_view bytes) {
  PieceMaker piece;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    piece.Word(word);
  }
  Decoder decoder(std::make_shared<TestNames>());
  for (const bool inside : {false, true}) {
    piece.piece().begins_inside = inside;
    decoder.Start(piece.Done());
    for (const Event& event : Drain(decoder)) {
      for (const auto& [name, value] : event.changed) (void)Exported(*value);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t used = 0;
  const auto value = DecodeValue(bytes, {1, 5}, &used);
  if (value.ok()) {
    Require(used <= size);
    RoundTrip(**value);
    const auto patched = ApplyPatch(*value, bytes.substr(used), {1, 5});
    if (patched.ok()) RoundTrip(**patched);
  }
  (void)CborFromJson(bytes);
  ReadWords(bytes);
  return 0;
}
