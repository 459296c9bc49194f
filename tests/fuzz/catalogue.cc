// A fuzz target: reads any bytes as catalogue records, as the daemon keeps and resolves them. A record is a type, an
// id, a length and a payload.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/run/names.h"

using namespace smiley;
using namespace smiley::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  StoredNames names;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 3) {
    const auto byte = [&rest](std::size_t at) { return static_cast<unsigned char>(rest[at]); };
    const std::string_view payload = rest.substr(3, byte(2));
    names.Add(static_cast<shm::RecordType>(byte(0) % 8), byte(1), payload);
    rest.remove_prefix(3 + payload.size());
  }
  for (std::uint32_t id = 0; id < 256; ++id) {
    const std::string* const text = names.FindString(id);
    if (text != nullptr && text->size() > 255) std::abort();
    const CodeRecord* const code = names.FindCode(id);
    if (code != names.FindCode(id)) std::abort();
    if (code != nullptr && code->file.size() + code->function.size() > 512) std::abort();
  }
  return 0;
}
