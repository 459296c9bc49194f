#include "shm/cbor.h"

#include <algorithm>

namespace smiley::shm {

CborWriter::CborWriter(std::string* out) : growing_(out) {
  const std::size_t used = out->size();
  out->resize(std::max(out->capacity(), used + 256));
  begin_ = reinterpret_cast<unsigned char*>(out->data());
  cursor_ = begin_ + used;
  end_ = begin_ + out->size();
}

bool CborWriter::Grow(std::size_t bytes) {
  if (overflow_ || growing_ == nullptr) {
    overflow_ = true;
    return false;
  }
  const std::size_t used = size();
  growing_->resize(std::max(used + bytes + 9, (used + 128) * 2));
  begin_ = reinterpret_cast<unsigned char*>(growing_->data());
  cursor_ = begin_ + used;
  end_ = begin_ + growing_->size();
  return true;
}

void CborWriter::Finish() {
  if (growing_ == nullptr) return;
  growing_->resize(size());
  begin_ = reinterpret_cast<unsigned char*>(growing_->data());
  cursor_ = end_ = begin_ + growing_->size();
}

CborReader::Item CborReader::Next() {
  if (bad_) return {};
  Item item;
  if (cursor_ == end_) {
    item.type = Type::kEnd;
    return item;
  }
  const unsigned char first = *cursor_;
  const unsigned major = first >> 5;
  const unsigned info = first & 31;
  const auto left = static_cast<std::size_t>(end_ - cursor_);
  std::uint64_t n = info;
  std::size_t head = 1;
  if (info >= 24) {
    if (info > 27) return Bad();  // reserved, or an indefinite length
    head = 1 + (std::size_t{1} << (info - 24));
    if (left < head) return Bad();
    n = 0;
    for (std::size_t i = 1; i < head; ++i) n = (n << 8) | cursor_[i];
  }
  const std::size_t behind = left - head;
  switch (major) {
    case 0:
      item.type = Type::kUnsigned;
      item.count = n;
      item.integer = static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX));
      break;
    case 1:
      if (n > static_cast<std::uint64_t>(INT64_MAX)) return Bad();
      item.type = Type::kNegative;
      item.integer = -1 - static_cast<std::int64_t>(n);
      break;
    case 2:
    case 3:
      if (n > behind) return Bad();
      item.type = major == 2 ? Type::kBytes : Type::kText;
      item.text = {reinterpret_cast<const char*>(cursor_ + head), static_cast<std::size_t>(n)};
      head += static_cast<std::size_t>(n);
      break;
    case 4:
      if (n > behind) return Bad();  // an item takes at least one byte
      item.type = Type::kArray;
      item.count = n;
      break;
    case 5:
      if (n > behind / 2) return Bad();
      item.type = Type::kMap;
      item.count = n;
      break;
    case 6:
      if (behind == 0) return Bad();
      item.type = Type::kTag;
      item.count = n;
      break;
    default:
      if (first == 0xf4 || first == 0xf5) {
        item.type = Type::kBool;
        item.flag = first == 0xf5;
      } else if (first == 0xf6) {
        item.type = Type::kNull;
      } else if (first == 0xfb) {
        item.type = Type::kDouble;
        std::memcpy(&item.number, &n, 8);
      } else {
        return Bad();
      }
  }
  cursor_ += head;
  return item;
}

CborReader::Type CborReader::Peek() const {
  CborReader copy = *this;
  return copy.Next().type;
}

bool CborReader::Skip() {
  // `open` is the number of items still to skip. Next() bounds every count by the remaining bytes, and each step
  // takes at least one byte. So the loop ends.
  std::uint64_t open = 1;
  while (open > 0) {
    const Item item = Next();
    --open;
    switch (item.type) {
      case Type::kArray:
        open += item.count;
        break;
      case Type::kMap:
        open += 2 * item.count;
        break;
      case Type::kTag:
        open += 1;
        break;
      case Type::kEnd:
      case Type::kBad:
        bad_ = true;
        return false;
      default:
        break;
    }
    if (open > static_cast<std::uint64_t>(end_ - cursor_)) {
      bad_ = true;
      return false;
    }
  }
  return true;
}

bool CborReader::ReadUnsigned(std::uint64_t* value) {
  const Item item = Next();
  if (item.type != Type::kUnsigned) return !(bad_ = true);
  *value = item.count;
  return true;
}

bool CborReader::ReadInt(std::int64_t* value) {
  const Item item = Next();
  if (item.type != Type::kNegative &&
      (item.type != Type::kUnsigned || item.count > static_cast<std::uint64_t>(INT64_MAX))) {
    return !(bad_ = true);
  }
  *value = item.integer;
  return true;
}

bool CborReader::ReadText(std::string_view* text) {
  const Item item = Next();
  if (item.type != Type::kText) return !(bad_ = true);
  *text = item.text;
  return true;
}

bool CborReader::ReadBytes(std::string_view* bytes) {
  const Item item = Next();
  if (item.type != Type::kBytes) return !(bad_ = true);
  *bytes = item.text;
  return true;
}

bool CborReader::ReadTextOrBytes(std::string_view* bytes) {
  const Item item = Next();
  if (item.type != Type::kText && item.type != Type::kBytes) return !(bad_ = true);
  *bytes = item.text;
  return true;
}

bool CborReader::ReadArray(std::uint64_t* items) {
  const Item item = Next();
  if (item.type != Type::kArray) return !(bad_ = true);
  *items = item.count;
  return true;
}

bool CborReader::ReadMap(std::uint64_t* pairs) {
  const Item item = Next();
  if (item.type != Type::kMap) return !(bad_ = true);
  *pairs = item.count;
  return true;
}

bool CborReader::ReadNull() {
  if (Peek() != Type::kNull) return false;
  Next();
  return true;
}

}  // namespace smiley::shm
