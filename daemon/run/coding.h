// Thread rule: plain values; each object belongs to one thread at a time.
//
// The store's encoding (daemon/store/STORE.md): big-endian integers in keys, varints and length-prefixed bytes in
// values. Reading is bounded: a reader that reached the end too early is not ok(), and reads zeros from then on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::daemon {

inline void AppendBig(std::string* out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}
// REQUIRES at + bytes <= key.size().
inline std::uint64_t ReadBig(std::string_view key, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(key[at + static_cast<std::size_t>(i)]);
  return value;
}

class FieldWriter {
 public:
  void Unsigned(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void Signed(std::int64_t value) {
    Unsigned(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void Bytes(std::string_view bytes) {
    Unsigned(bytes.size());
    out_.append(bytes);
  }
  void Texts(const std::vector<std::string>& texts) {
    Unsigned(texts.size());
    for (const std::string& text : texts) Bytes(text);
  }
  // REQUIRES that the values are sorted and distinct.
  void Ascending(const std::vector<std::uint32_t>& values) {
    Unsigned(values.size());
    std::uint32_t last = 0;
    for (std::uint32_t value : values) {
      Unsigned(value - last);
      last = value;
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t Unsigned() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Fail();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail();
  }
  std::uint32_t Unsigned32() { return static_cast<std::uint32_t>(Unsigned()); }
  std::int64_t Signed() {
    const std::uint64_t value = Unsigned();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string Bytes() {
    const std::uint64_t size = Unsigned();
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    std::string bytes(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return bytes;
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (std::uint64_t count = Unsigned(); count > 0 && ok_; --count) texts.push_back(Bytes());
    return texts;
  }
  std::vector<std::uint32_t> Ascending() {
    std::vector<std::uint32_t> values;
    std::uint32_t last = 0;
    for (std::uint64_t count = Unsigned(); count > 0 && ok_; --count) values.push_back(last += Unsigned32());
    return values;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace smiley::daemon
