// Thread rule: pure functions.
//
// Bytes as CBOR: valid UTF-8 as text, other bytes as a byte string.
#pragma once

#include <string_view>

#include "shm/cbor.h"

namespace smiley::tracer {

// Whether the bytes are well-formed UTF-8 without surrogates, as CBOR text must be.
inline bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    std::size_t more = 0;
    if (c >= 0x80) {
      if (c < 0xc2 || c > 0xf4) return false;
      more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
      if (i + more >= text.size()) return false;
      const unsigned char next = static_cast<unsigned char>(text[i + 1]);
      if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) || (c == 0xf0 && next < 0x90) ||
          (c == 0xf4 && next > 0x8f)) {
        return false;
      }
      for (std::size_t k = 1; k <= more; ++k) {
        if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
      }
    }
    i += more + 1;
  }
  return true;
}

// Writes a CBOR text where the bytes are UTF-8, else a byte string.
inline void PutText(shm::CborWriter* out, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    out->Text(bytes);
  } else {
    out->Bytes(bytes);
  }
}

}  // namespace smiley::tracer
