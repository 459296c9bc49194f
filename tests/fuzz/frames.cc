// A fuzz target: reads any bytes as the payload of an export frame, or as a stream of frames in portions. The first
// byte chooses. A decoded payload is encoded and decoded again, and must be equal.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/exchange/smiley_frames.h"
#include "daemon/store/chunk.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <typename Decode, typename Encode>
void RoundTrip(std::string_view payload, Decode decode, Encode encode) {
  const auto first = decode(payload);
  if (!first.ok()) return;
  const std::string again = encode(*first);
  const auto second = decode(std::string_view(again));
  Require(second.ok() && encode(*second) == again);
}

void Catalogue(std::string_view payload) {
  std::vector<CatalogueEntry> entries;
  if (!DecodeCatalogueFrame(payload, "run1", &entries).ok() || entries.empty()) return;
  std::vector<CatalogueEntry> again;
  for (std::size_t at = 0; at < entries.size();) {
    const std::size_t before = at;
    Require(DecodeCatalogueFrame(EncodeCatalogueFrame(entries, &at), "run1", &again).ok() && at > before);
  }
  Require(again.size() == entries.size());
}

void Stream(std::string_view bytes, std::size_t portion) {
  FrameReader reader;
  FrameReader::Frame frame;
  while (!bytes.empty()) {
    reader.Feed(bytes.substr(0, portion));
    bytes.remove_prefix(std::min(portion, bytes.size()));
    for (;;) {
      const auto step = reader.Next(&frame);
      if (!step.ok()) return;
      if (*step == FrameReader::Step::kNeedMore) break;
      Require(frame.payload.size() <= kMaxExportFrame);
    }
  }
  static_cast<void>(reader.Finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 9) {
    case 0:
      RoundTrip(payload, DecodeRunFrame, EncodeRunFrame);
      break;
    case 1:
      RoundTrip(payload, DecodeProcessFrame, EncodeProcessFrame);
      break;
    case 2:
      RoundTrip(payload, DecodeThreadFrame, EncodeThreadFrame);
      break;
    case 3:
      RoundTrip(payload, DecodeTaskFrame, EncodeTaskFrame);
      break;
    case 4:
      RoundTrip(payload, DecodeSourceFrame, EncodeSourceFrame);
      break;
    case 5:
      RoundTrip(payload, DecodeEndFrame, EncodeEndFrame);
      break;
    case 6:
      Catalogue(payload);
      break;
    case 7: {
      Piece piece;
      static_cast<void>(DecodeChunk(payload, 0, &piece));
      break;
    }
    default:
      Stream(payload, payload.size());
      Stream(payload, 7);
  }
  return 0;
}
