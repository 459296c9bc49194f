#include "daemon/exchange/import_attachments.h"

#include <cstring>

#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::CborReader;
using shm::CborWriter;
using shm::Kind;

Status TooLarge() { return Status(Code::kInvalid, "a value is larger than smiley stores"); }

AttachmentWords WordsOf(Kind kind, std::uint32_t id, std::string_view bytes) {
  AttachmentWords words(1 + shm::PayloadWords(bytes.size()));
  words[0] = shm::AttachmentWord(kind, 0, id, static_cast<std::uint32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(&words[1], bytes.data(), bytes.size());
  return words;
}

void PutText(CborWriter* out, std::string_view text) {
  if (IsUtf8(text)) {
    out->Text(text);
  } else {
    out->Bytes(text);
  }
}

// Reads one whole item as bytes.
bool TakeItem(CborReader* in, std::string_view* item) {
  const std::string_view rest = in->rest();
  const std::size_t before = in->consumed();
  if (!in->Skip()) return false;
  *item = rest.substr(0, in->consumed() - before);
  return true;
}

// Splits a container or object that is too large for one attachment: sets it empty, then adds item by item.
Status AppendInParts(std::uint32_t name, std::string_view cbor, std::vector<AttachmentWords>* out) {
  CborReader in(cbor);
  const CborReader::Item tag = in.Next();
  std::uint64_t fields = 0, form = 0;
  if (tag.type != CborReader::Type::kTag || tag.count != shm::kCborFormTag || !in.ReadArray(&fields) ||
      !in.ReadUnsigned(&form)) {
    return TooLarge();
  }
  const auto kind = static_cast<std::uint8_t>(form < 256 ? form : 0);
  const bool object = kind == kFormObject, pairs = IsDictForm(kind);
  const std::uint64_t before = object ? 3 : 2;  // id, cut and an object's class
  if ((!object && !pairs && !IsSequenceForm(kind)) || fields != before + 2) return TooLarge();
  std::string empty;
  {
    CborWriter writer(&empty);
    writer.Form(fields);
    writer.Unsigned(form);
    for (std::uint64_t i = 0; i < before; ++i) {
      std::string_view item;
      if (!TakeItem(&in, &item)) return TooLarge();
      writer.Raw(item);
    }
    writer.ArrayHeader(0);
  }
  if (Status status = AppendCbor(Kind::kSet, name, empty, out); !status) return status;
  std::uint64_t items = 0;
  if (!in.ReadArray(&items)) return TooLarge();
  const std::uint64_t step = object || pairs ? 2 : 1;
  for (std::uint64_t i = 0; i + step <= items; i += step) {
    std::string patch;
    {
      CborWriter writer(&patch);
      writer.ArrayHeader(1);
      writer.ArrayHeader(1 + step);
      writer.Unsigned(object ? 5 : pairs ? 3 : 2);
      for (std::uint64_t k = 0; k < step; ++k) {
        std::string_view item;
        if (!TakeItem(&in, &item)) return TooLarge();
        writer.Raw(item);
      }
    }
    if (Status status = AppendCbor(Kind::kPatch, name, patch, out); !status) return status;
  }
  return Status::Ok();
}

}  // namespace

AttachmentWords FrameAttachment(std::uint64_t frame) {
  return {shm::AttachmentWord(Kind::kFrame, 0, 0, shm::kWordBytes), frame};
}

AttachmentWords CodeAttachment(std::uint32_t code) { return {shm::AttachmentWord(Kind::kCode, 0, code, 0)}; }

AttachmentWords LossAttachment(std::uint64_t first, std::uint64_t count, std::int64_t first_ns,
                               std::int64_t last_ns) {
  return {shm::AttachmentWord(Kind::kLoss, 0, 0, 4 * shm::kWordBytes), first, count,
          static_cast<std::uint64_t>(first_ns), static_cast<std::uint64_t>(last_ns)};
}

Status AppendCbor(Kind kind, std::uint32_t id, std::string_view cbor, std::vector<AttachmentWords>* out) {
  if (cbor.size() > shm::kMaxAttachmentBytes) return TooLarge();
  if (cbor.size() > 4) {
    out->push_back(WordsOf(kind, id, cbor));
    return Status::Ok();
  }
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, cbor.data(), cbor.size());
  out->push_back({shm::InlineWord(kind, 0, id, bytes)});
  return Status::Ok();
}

Status AppendChange(std::uint32_t name, std::string_view cbor, std::vector<AttachmentWords>* out) {
  if (cbor.empty()) {
    out->push_back({shm::AttachmentWord(Kind::kUnset, 0, name, 0)});
    return Status::Ok();
  }
  if (cbor.size() <= shm::kMaxAttachmentBytes) return AppendCbor(Kind::kSet, name, cbor, out);
  return AppendInParts(name, cbor, out);
}

Status AppendException(std::string_view type, std::string_view message, std::vector<AttachmentWords>* out) {
  std::string cbor;
  {
    CborWriter writer(&cbor);
    writer.ArrayHeader(2);
    PutText(&writer, type);
    PutText(&writer, message);
  }
  if (cbor.size() > shm::kMaxAttachmentBytes) return TooLarge();
  out->push_back(WordsOf(Kind::kException, 0, cbor));
  return Status::Ok();
}

}  // namespace smiley::daemon
