// Thread rule: each object belongs to one thread.
//
// Writes pieces word by word, as a tracer and the drainer would write them.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"
#include "shm/format.h"

namespace smiley::daemon {

inline std::string MadeCbor(const std::function<void(shm::CborWriter&)>& write) {
  std::string out;
  {
    shm::CborWriter writer(&out);
    write(writer);
  }
  return out;
}
inline std::string CborInt(std::int64_t n) {
  return MadeCbor([n](shm::CborWriter& w) { w.Int(n); });
}
inline std::string CborText(std::string_view text) {
  return MadeCbor([text](shm::CborWriter& w) { w.Text(text); });
}
inline std::string CborList(std::uint64_t id, const std::vector<int>& items) {
  return MadeCbor([&](shm::CborWriter& w) {
    w.Form(4);
    w.Int(kFormList);
    w.Unsigned(id);
    w.Int(0);
    w.ArrayHeader(items.size());
    for (const int item : items) w.Int(item);
  });
}
inline std::string CborAppend(int item) {
  return MadeCbor([&](shm::CborWriter& w) {
    w.ArrayHeader(1);
    w.ArrayHeader(2);
    w.Int(2);
    w.Int(item);
  });
}

// Code 1 "f" (line 10), code 2 "g" (line 20), code 3 "gen" (line 30); strings 1 "a", 2 "b", 3 "c".
class TestNames : public Names {
 public:
  TestNames() {
    const char* functions[] = {"f", "g", "gen"};
    for (std::uint32_t i = 0; i < 3; ++i) {
      CodeRecord code;
      code.file = "/abs/app.py";
      code.function = functions[i];
      code.first_line = 10 * (i + 1);
      code.source = 1;
      codes_[i + 1] = code;
      strings_[i + 1] = std::string(1, static_cast<char>('a' + i));
    }
  }
  void AddString(std::uint32_t id, std::string text) { strings_[id] = std::move(text); }
  const CodeRecord* FindCode(std::uint32_t id) const override {
    const auto at = codes_.find(id);
    return at == codes_.end() ? nullptr : &at->second;
  }
  const std::string* FindString(std::uint32_t id) const override {
    const auto at = strings_.find(id);
    return at == strings_.end() ? nullptr : &at->second;
  }

 private:
  std::map<std::uint32_t, CodeRecord> codes_;
  std::map<std::uint32_t, std::string> strings_;
};

// One unit is one nanosecond; unit 0 is 1,000,000 ns of the wall clock unless a test says otherwise.
class PieceMaker {
 public:
  explicit PieceMaker(std::uint64_t first_seq = 1, std::uint32_t thread = 1) {
    piece_.run = "test";
    piece_.process = 1;
    piece_.thread = thread;
    piece_.state.magic = shm::kBlockMagic;
    piece_.state.thread = thread;
    piece_.state.first_seq = first_seq;
    piece_.time = {0, 1'000'000, 0, 1.0};
  }

  PieceMaker& Event(shm::Kind kind, std::uint32_t id, std::uint32_t delta = 1, std::uint32_t flags = 0) {
    return Word(shm::EventWord(kind, flags, id, delta));
  }
  PieceMaker& Attach(shm::Kind kind, std::uint32_t id, const std::string& bytes) {
    if (bytes.size() <= 4 && !bytes.empty()) {
      std::uint32_t four = 0;
      std::memcpy(&four, bytes.data(), bytes.size());
      return Word(shm::InlineWord(kind, 0, id, four));
    }
    Word(shm::AttachmentWord(kind, 0, id, static_cast<std::uint32_t>(bytes.size())));
    for (std::size_t at = 0; at < bytes.size(); at += shm::kWordBytes) {
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < shm::kWordBytes && at + i < bytes.size(); ++i) {
        word |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
      }
      Word(word);
    }
    return *this;
  }
  PieceMaker& Words(shm::Kind kind, const std::vector<std::uint64_t>& words) {
    Word(shm::AttachmentWord(kind, 0, 0, static_cast<std::uint32_t>(words.size() * 8)));
    for (const std::uint64_t word : words) Word(word);
    return *this;
  }
  PieceMaker& Call(std::uint32_t code) { return Event(shm::Kind::kCall, code); }
  PieceMaker& Line(std::uint32_t line) { return Event(shm::Kind::kLine, line); }
  PieceMaker& Return(std::uint32_t line) { return Event(shm::Kind::kReturn, line); }
  PieceMaker& Set(std::uint32_t name, const std::string& cbor) { return Attach(shm::Kind::kSet, name, cbor); }
  PieceMaker& Patch(std::uint32_t name, const std::string& cbor) { return Attach(shm::Kind::kPatch, name, cbor); }
  PieceMaker& Frame(std::uint64_t frame) { return Words(shm::Kind::kFrame, {frame}); }
  PieceMaker& Loss(std::uint64_t first, std::uint64_t count, std::uint64_t from = 0, std::uint64_t to = 0) {
    Event(shm::Kind::kLost, 0, 0);
    return Words(shm::Kind::kLoss, {first, count, from, to});
  }
  PieceMaker& Word(std::uint64_t word) {
    piece_.words.push_back(word);
    return *this;
  }
  // The frames open before the piece, outermost first; `hidden` more are open further out.
  PieceMaker& Open(const std::vector<shm::OpenFrame>& frames, std::uint32_t hidden = 0) {
    piece_.state.shown = static_cast<std::uint32_t>(frames.size());
    piece_.state.depth = piece_.state.shown + hidden;
    for (std::size_t i = 0; i < frames.size(); ++i) piece_.state.frames[frames.size() - 1 - i] = frames[i];
    return *this;
  }
  PieceMaker& Base(std::uint64_t units, std::uint64_t last_frame = 0) {
    piece_.state.base_units = units;
    piece_.state.last_frame = last_frame;
    return *this;
  }
  Piece& piece() { return piece_; }
  PiecePtr Done() { return std::make_shared<const Piece>(piece_); }

 private:
  Piece piece_;
};

// All events that the decoder gives without another piece.
inline std::vector<Event> Drain(Decoder& decoder) {
  std::vector<Event> events;
  Event event;
  while (decoder.Next(&event)) events.push_back(event);
  return events;
}

inline std::string JsonOf(const ValuePtr& value, const Event& event) {
  std::string out;
  if (value == nullptr) return "absent";
  AppendJson(&out, *value, {event.thread, event.seq});
  return out;
}
// The variables that the event changed, as "a=1 b=2".
inline std::string Changed(const Event& event) {
  std::string out;
  for (const auto& [name, value] : event.changed)
    out += (out.empty() ? "" : " ") + *name + "=" + JsonOf(value, event);
  return out;
}
inline std::string State(const Decoder& decoder, std::uint64_t frame) {
  const auto* variables = decoder.Variables(frame);
  if (variables == nullptr) return "unknown frame";
  std::string out;
  for (const auto& [name, value] : *variables) {
    if (!out.empty()) out += ' ';
    out.append(*name).append("=");
    if (value == nullptr) {
      out += "absent";
    } else {
      AppendJson(&out, *value, value->read_at);
    }
  }
  return out;
}

}  // namespace smiley::daemon
