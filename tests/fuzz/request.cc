// A fuzz target: reads any bytes as a request line and as an answer line.
#include "daemon/protocol/request.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace smiley;
using namespace smiley::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  RequestParser parser;
  bool broken = false;
  auto request = parser.Parse(line, &broken);
  if (request.ok()) {
    // The part of a request that an answer repeats must be one short piece of JSON.
    if (broken || request->id_json.empty() || request->id_json.size() > 256) std::abort();
    const std::string answer = "{\"id\":" + request->id_json + ",\"ok\":true}";
    auto parsed = ParseAnswer(answer);
    if (!parsed.ok() || !parsed->ok || answer.find('\n') != std::string::npos) std::abort();
    for (const auto& [name, field] : request->fields) {
      static_cast<void>(request->Text(name));
      static_cast<void>(request->Texts(name));
      static_cast<void>(request->Integer(name, 0, 10));
      static_cast<void>(request->Flag(name, false));
    }
  }
  static_cast<void>(ParseAnswer(line));
  return 0;
}
