// Thread rule: call with the GIL held; one Encoder per traced thread. Never runs the program's code, keeps no
// reference.
//
// Objects to CBOR (shm/FORMAT.md, "Values"), within the capture limits.
#pragma once

#include <Python.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/cbor.h"
#include "shm/forms.h"
#include "tracer/values/capture_context.h"
#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/seen.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

using enum shm::Form;

class Encoder {
 public:
  explicit Encoder(CaptureContext* context);
  // The value as one CBOR item; valid until the next call. `nested` (may be null): set when parts below the first
  // level may change without the first level showing it.
  std::string_view EncodeValue(PyObject* object, bool* nested = nullptr);
  // Likewise. REQUIRES the shape of a scalar, and no subclass of it.
  std::string_view EncodePlain(PyObject* object, Shape shape) {
    shm::CborWriter out(room_.get(), room_size_);
    WriteScalar(object, shape, &out);
    return out.view();
  }
  // For patches: the same, within what is left of the limits, appended to a growing array.
  bool Append(PyObject* object, shm::CborWriter* out);
  // [type, message] of an exception, from its args as the builtin str() gives it; valid until the next call of that
  // or Value.
  std::string_view EncodeException(PyObject* exception);
  // The latest Value again, its parts below the first level marked as read at that event of this thread (FORMAT.md,
  // tag 7). False: the marks cannot be set, for it was cut to fit.
  bool MarkParts(std::string_view value, std::uint64_t seq, std::string* out) const;
  // Nodes that were looked at for the latest Value or Append, those that did not fit included.
  int nodes_looked_at() const { return looked_at_; }
  // Of the latest Value, what Fingerprint::Of says of it; 0: not known, or cannot be said.
  std::uint64_t print() const { return whole_ && printed_ ? print_.value() : 0; }
  std::string_view EncodeRedacted();
  // Takes note of what a redacted value was, so that it is masked elsewhere.
  void RememberSecret(PyObject* object);

 private:
  void WriteItem(PyObject* object, int depth, shm::CborWriter* out);
  // One that stands in the first level, and may have parts of its own.
  void WritePart(PyObject* object, int depth, shm::CborWriter* out) {
    const std::size_t at = out->size();
    WriteItem(object, depth, out);
    if (depth == 1 && out->size() > at && out->data()[at] == 0xc0 + shm::kCborFormTag) parts_.push_back(at);
  }
  void WriteContainer(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out);
  // A plain list, tuple or dict of few items, from where they lie. False: it is another one or does not fit, and
  // nothing is changed.
  bool WriteSmallContainer(PyObject* object, const TypeInfo& info, int depth, std::uint64_t id, shm::CborWriter* out);
  static constexpr Py_ssize_t kFewItems = 8;
  static constexpr std::size_t kUnreadableBytes = 64;  // room for a value of which only the class fits
  // In place of a value that is not to be shown.
  void WriteRedacted(PyObject* object, shm::CborWriter* out);
  // How far a container had come behind each of its items.
  struct Kept {
    std::size_t size, seen;
    int nodes;
  };
  // A container that had no room for all items, again with those that are whole. False: with none of them.
  bool Shorten(const std::vector<Kept>& kept, std::size_t start, int form, std::uint64_t id, Py_ssize_t total,
               int per_item, shm::CborWriter* out);
  void WriteObject(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out);
  void WriteAttributes(const Level& level, int depth, Py_ssize_t limit, shm::CborWriter* out, bool* cut);
  void WriteException(PyObject* object, const TypeInfo& info, int depth, shm::CborWriter* out);
  void WriteScalar(PyObject* object, Shape shape, shm::CborWriter* out);
  void WriteInt(PyObject* object, shm::CborWriter* out);
  void WriteStr(PyObject* object, shm::CborWriter* out);
  void WriteText(std::string_view text, Py_ssize_t cut, bool surrogates, shm::CborWriter* out);
  void WriteTextForm(const char* type, std::string_view text, std::string_view class_name, shm::CborWriter* out);
  void WriteKnownText(PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  // True: it stands earlier in the same value, and that is written.
  bool FindReference(PyObject* object, std::uint64_t* id, shm::CborWriter* out);
  void MixTotals(const Level& level) {
    print_.Mix(static_cast<std::uint64_t>(level.total));
    print_.Mix(static_cast<std::uint64_t>(level.attribute_total));
  }
  void ForgetSeen(std::size_t seen) {
    seen_.Truncate(seen);
    ids_.resize(seen);
  }
  void Begin();
  // What makes up the message of an exception, as one number, where MessageIsArguments; 0: more than its class and
  // one plain argument.
  std::uint64_t MessageBits(PyObject* exception) const;
  // Exceptions come through many frames, and the same ones again and again: what they were encoded to.
  struct Message {
    std::uint64_t bits = 0;
    std::size_t secrets = 0;  // how many were masked
    std::string class_name, cbor;
  };
  static constexpr std::size_t kMessages = 64;

  CaptureContext* context_;
  std::unique_ptr<unsigned char[]> room_;
  std::size_t room_size_;  // of a value, `bytes` of the limits
  SeenObjects seen_;
  std::vector<std::uint64_t> ids_;              // of those, in the same order
  std::vector<std::unique_ptr<Level>> levels_;  // scratch, one a depth
  std::deque<std::vector<Kept>> kept_;          // likewise; a deque, because deeper ones come while one is in use
  std::vector<std::size_t> parts_;              // of the latest value: where those of the first level begin
  bool whole_ = true;                           // and they still stand there
  Print print_;
  bool printed_ = true;  // of all that was looked at
  std::string scratch_;
  std::unique_ptr<Message[]> messages_;  // direct-mapped
  int nodes_ = 0;                        // that there is still room for
  int looked_at_ = 0;
  bool nested_ = false;
};

}  // namespace smiley::tracer
