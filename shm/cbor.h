// Thread rule: a CborWriter or CborReader belongs to one thread; neither keeps anything alive.
//
// CBOR (RFC 8949), definite lengths only: the encoder of the tracer's hot path, and a pull reader for hostile bytes.
// shm/FORMAT.md, "Values", gives the meaning of the items.
//
//   char room[4096];
//   CborWriter w(room, sizeof room);
//   w.Form(3); w.Int(1); w.Int(id); w.Int(cut);     // tag 6, array of 3
//   if (w.overflow()) …                              // nothing was written beyond the room
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "shm/base/requires.h"

namespace smiley::shm {

inline constexpr std::uint64_t kCborFormTag = 6;  // the forms of FORMAT.md
inline constexpr std::uint64_t kCborReadAtTag =
    7;  // [thread, seq, value]: a part that was read earlier; thread 0: the value's own thread

class CborWriter {
 public:
  // Writes into a fixed room. After the first item that does not fit, overflow() is true and nothing is written.
  CborWriter(void* room, std::size_t size)
      : begin_(static_cast<unsigned char*>(room)), cursor_(begin_), end_(begin_ + size) {}
  // Appends to *out, which grows as needed and has its final size after Finish() or the writer's end.
  explicit CborWriter(std::string* out);
  ~CborWriter() { Finish(); }
  CborWriter(const CborWriter&) = delete;
  CborWriter& operator=(const CborWriter&) = delete;

  void Null() { Byte(0xf6); }
  void Bool(bool value) { Byte(value ? 0xf5 : 0xf4); }
  void Int(std::int64_t value) {
    if (value >= 0) {
      Head(0x00, static_cast<std::uint64_t>(value));
    } else {
      Head(0x20, ~static_cast<std::uint64_t>(value));
    }
  }
  void Unsigned(std::uint64_t value) { Head(0x00, value); }
  // Always 8 bytes. Keeps the bits (NaN payloads, -0.0).
  void Double(double value) {
    if (!Room(9)) return;
    std::uint64_t bits;
    std::memcpy(&bits, &value, 8);
    *cursor_++ = 0xfb;
    bits = __builtin_bswap64(bits);
    std::memcpy(cursor_, &bits, 8);
    cursor_ += 8;
  }
  // REQUIRES valid UTF-8 (form 13 of FORMAT.md is for other texts).
  void Text(const char* data, std::size_t size) { Blob(0x60, data, size); }
  void Text(std::string_view text) { Blob(0x60, text.data(), text.size()); }
  void Bytes(const void* data, std::size_t size) { Blob(0x40, data, size); }
  void Bytes(std::string_view bytes) { Blob(0x40, bytes.data(), bytes.size()); }
  void ArrayHeader(std::uint64_t items) { Head(0x80, items); }
  void MapHeader(std::uint64_t pairs) { Head(0xa0, pairs); }
  void Tag(std::uint64_t tag) { Head(0xc0, tag); }
  // Tag 6 and an array of `items` items, the form's number included.
  void Form(std::uint64_t items) {
    Byte(0xc6);
    Head(0x80, items);
  }
  // An array whose length is known only later: a header of three bytes, filled in by EndArray (at most 65,535 items).
  std::size_t BeginArray() {
    const std::size_t at = size();
    if (Room(3)) {
      cursor_[0] = 0x99;
      cursor_[1] = cursor_[2] = 0;
      cursor_ += 3;
    }
    return at;
  }
  // REQUIRES `at` from BeginArray, not cut away by Truncate since, and items <= 65,535.
  void EndArray(std::size_t at, std::size_t items) {
    SMILEY_REQUIRES(at + 3 <= size() || overflow_);
    SMILEY_REQUIRES(items <= 0xffff);
    if (overflow_ && at + 3 > size()) return;
    begin_[at + 1] = static_cast<unsigned char>(items >> 8);
    begin_[at + 2] = static_cast<unsigned char>(items);
  }
  // Appends complete items that are encoded already.
  void Raw(std::string_view items) {
    if (!Room(items.size())) return;
    if (!items.empty()) std::memcpy(cursor_, items.data(), items.size());
    cursor_ += items.size();
  }

  // Number of bytes in the room. Growing: number of bytes in the string, its earlier content included.
  std::size_t size() const { return static_cast<std::size_t>(cursor_ - begin_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - cursor_); }
  std::string_view view() const { return {reinterpret_cast<const char*>(begin_), size()}; }
  const unsigned char* data() const { return begin_; }
  bool overflow() const { return overflow_; }
  // Drops all bytes after `size`, and resets overflow(). REQUIRES size <= size().
  void Truncate(std::size_t size) {
    SMILEY_REQUIRES(size <= this->size());
    cursor_ = begin_ + size;
    overflow_ = false;
  }
  // Growing: gives the string its final size. The writer may continue afterwards.
  void Finish();

 private:
  bool Room(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - cursor_) >= bytes && !overflow_) [[likely]]
      return true;
    return Grow(bytes);
  }
  bool Grow(std::size_t bytes);  // slow path
  void Byte(unsigned char byte) {
    if (Room(1)) *cursor_++ = byte;
  }
  void Head(unsigned char major, std::uint64_t n) {
    // Near the end of a fixed room a short form may still fit.
    if (static_cast<std::size_t>(end_ - cursor_) < 9 || overflow_) [[unlikely]] {
      if (!Room(n < 24 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : n < (1ull << 32) ? 5 : 9)) return;
    }
    if (n < 24) {
      *cursor_++ = static_cast<unsigned char>(major | n);
    } else if (n < 256) {
      cursor_[0] = major | 24;
      cursor_[1] = static_cast<unsigned char>(n);
      cursor_ += 2;
    } else if (n < 65536) {
      cursor_[0] = major | 25;
      cursor_[1] = static_cast<unsigned char>(n >> 8);
      cursor_[2] = static_cast<unsigned char>(n);
      cursor_ += 3;
    } else if (n < (1ull << 32)) {
      cursor_[0] = major | 26;
      const std::uint32_t big = __builtin_bswap32(static_cast<std::uint32_t>(n));
      std::memcpy(cursor_ + 1, &big, 4);
      cursor_ += 5;
    } else {
      cursor_[0] = major | 27;
      const std::uint64_t big = __builtin_bswap64(n);
      std::memcpy(cursor_ + 1, &big, 8);
      cursor_ += 9;
    }
  }
  void Blob(unsigned char major, const void* data, std::size_t size) {
    const std::size_t before = this->size();
    Head(major, size);
    if (!Room(size)) {
      cursor_ = begin_ + before;  // drop the header, because its bytes do not fit
      return;
    }
    Copy(cursor_, data, size);
    cursor_ += size;
  }
  // Writes names and nearly all short texts without a call.
  static void Copy(unsigned char* to, const void* data, std::size_t size) {
    const auto* from = static_cast<const unsigned char*>(data);
    if (size > 32) {
      std::memcpy(to, from, size);
    } else if (size >= 16) {
      std::memcpy(to, from, 16);
      std::memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
      std::memcpy(to, from, 8);
      std::memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
      std::memcpy(to, from, 4);
      std::memcpy(to + size - 4, from + size - 4, 4);
    } else {
      for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
    }
  }

  unsigned char* begin_ = nullptr;
  unsigned char* cursor_ = nullptr;
  unsigned char* end_ = nullptr;
  std::string* growing_ = nullptr;
  bool overflow_ = false;
};

// Reads item heads one by one. It checks every length against the remaining bytes, so a count can be used to reserve
// memory. After the first bad item every item is kBad.
class CborReader {
 public:
  enum class Type : std::uint8_t {
    kEnd,
    kUnsigned,
    kNegative,
    kBytes,
    kText,
    kArray,
    kMap,
    kTag,
    kBool,
    kNull,
    kDouble,
    kBad
  };
  struct Item {
    Type type = Type::kBad;
    bool flag = false;
    std::uint64_t count = 0;   // kUnsigned: the value; kArray: items; kMap: pairs; kTag: its number
    std::int64_t integer = 0;  // kNegative, and kUnsigned up to 2^63 - 1
    double number = 0;
    std::string_view text;  // kText, kBytes: points into the input
  };

  explicit CborReader(std::string_view bytes)
      : begin_(reinterpret_cast<const unsigned char*>(bytes.data())), cursor_(begin_), end_(begin_ + bytes.size()) {}

  // The next item's head (arrays, maps and tags: their contents follow).
  Item Next();
  // Returns the type of the next item and does not consume it.
  Type Peek() const;
  // Skips one whole item of any depth, without recursion. False: bad.
  bool Skip();

  // Read one item of the type. False: the next item has another type; every later item is then bad.
  bool ReadUnsigned(std::uint64_t* value);
  bool ReadInt(std::int64_t* value);  // major types 0 and 1 within int64
  bool ReadText(std::string_view* text);
  bool ReadBytes(std::string_view* bytes);
  bool ReadTextOrBytes(std::string_view* bytes);
  bool ReadArray(std::uint64_t* items);
  bool ReadMap(std::uint64_t* pairs);
  bool ReadNull();  // consumes the next item and returns true if it is null; else has no effect

  bool bad() const { return bad_; }
  std::size_t consumed() const { return static_cast<std::size_t>(cursor_ - begin_); }
  std::string_view rest() const {
    return {reinterpret_cast<const char*>(cursor_), static_cast<std::size_t>(end_ - cursor_)};
  }

 private:
  Item Bad() {
    bad_ = true;
    return {};
  }
  const unsigned char* begin_;
  const unsigned char* cursor_;
  const unsigned char* end_;
  bool bad_ = false;
};

}  // namespace smiley::shm
