// Thread rule: call with the GIL held; one Encoder per traced thread. Never runs the program's code, keeps no
// reference.
//
// Encodes Python objects as CBOR (shm/FORMAT.md, "Values") within the capture limits. Fingerprint walks values in the
// same order; tests/tracer/walks.cc compares the two.
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
  // Encodes the value as one CBOR item, valid until the next call. *nested (may be null) is set when a part below the
  // first level can change while the first level stays the same.
  std::string_view EncodeValue(PyObject* object, bool* nested = nullptr);
  // Encodes a scalar. REQUIRES IsScalar(shape) and an object of exactly that builtin, no subclass.
  std::string_view EncodePlain(PyObject* object, Shape shape) {
    shm::CborWriter out(room_.get(), room_size_);
    WriteScalar(object, shape, &out);
    return out.view();
  }
  // Appends a part of a patch to `out`. The limits apply to the part. False: `out` has overflowed.
  bool Append(PyObject* object, shm::CborWriter* out);
  // Encodes [type, message] of an exception, the message as the builtin str() forms it from the args. Valid until the
  // next call of this function or EncodeValue.
  std::string_view EncodeException(PyObject* exception);
  // Copies the value that EncodeValue returned last to *out and marks each part below the first level as read at
  // event `seq` of this thread (FORMAT.md, tag 7). False: the value was cut to fit, so it cannot be marked.
  bool MarkParts(std::string_view value, std::uint64_t seq, std::string* out) const;
  // The number of nodes that the last EncodeValue or Append visited, including nodes that did not fit.
  int nodes_looked_at() const { return looked_at_; }
  // The fingerprint of the value that was encoded last, equal to Fingerprint::Of. 0: the value has none (it was cut
  // to fit, or it contains an exception or a redacted part).
  std::uint64_t print() const { return whole_ && printed_ ? print_.value() : 0; }
  std::string_view EncodeRedacted();
  // Adds the text of a redacted value to the secrets, so that it is masked in other values.
  void RememberSecret(PyObject* object);

 private:
  void WriteItem(PyObject* object, int depth, shm::CborWriter* out);
  // Writes an item or attribute and, in the first level, notes where a part with a form begins (for MarkParts).
  void WritePart(PyObject* object, int depth, shm::CborWriter* out) {
    const std::size_t at = out->size();
    WriteItem(object, depth, out);
    if (depth == 1 && out->size() > at && out->data()[at] == 0xc0 + shm::kCborFormTag) parts_.push_back(at);
  }
  void WriteContainer(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out);
  // Writes a list, tuple or dict (no subclass) of at most kFewItems items, reading the items in place. False: it is
  // another container or does not fit, and nothing was changed.
  bool WriteSmallContainer(PyObject* object, const TypeInfo& info, int depth, std::uint64_t id, shm::CborWriter* out);
  static constexpr Py_ssize_t kFewItems = 8;
  static constexpr std::size_t kUnreadableBytes = 64;  // room for the class alone, when the value does not fit
  // Writes the redacted form in place of the object.
  void WriteRedacted(PyObject* object, shm::CborWriter* out);
  // The state behind each written item of a container: bytes of output, objects seen, nodes left.
  struct Kept {
    std::size_t size, seen;
    int nodes;
  };
  // Rewrites a container that overflowed with as many whole items as fit. False: no item fits.
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
  // True: the object occurred earlier in this value, and a reference to it was written. *id: the object's number.
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
  // A number of all that the message of the exception consists of. 0: the message consists of more than the class and
  // at most one int or short str.
  std::uint64_t MessageBits(PyObject* exception) const;
  // A cached [type, message]. An exception passes many frames, and programs raise equal exceptions again and again.
  struct Message {
    std::uint64_t bits = 0;   // of MessageBits; 0: the entry is empty
    std::size_t secrets = 0;  // the number of secrets when it was encoded
    std::string class_name, cbor;
  };
  static constexpr std::size_t kMessages = 64;

  CaptureContext* context_;
  std::unique_ptr<unsigned char[]> room_;
  std::size_t room_size_;                       // bytes of one value: `bytes` of the limits
  SeenObjects seen_;                            // the objects of this value
  std::vector<std::uint64_t> ids_;              // their object numbers, in the same order
  std::vector<std::unique_ptr<Level>> levels_;  // scratch, one for each depth
  std::deque<std::vector<Kept>> kept_;          // scratch, one for each depth; growing keeps references valid
  std::vector<std::size_t> parts_;              // offsets of the first level's parts in the last encoding
  bool whole_ = true;                           // the last value was not cut to fit
  Print print_;                                 // the fingerprint of this value
  bool printed_ = true;                         // print_ covers every part
  std::string scratch_;
  std::unique_ptr<Message[]> messages_;  // direct-mapped
  int nodes_ = 0;                        // nodes left for this value
  int looked_at_ = 0;                    // nodes visited
  bool nested_ = false;
};

}  // namespace smiley::tracer
