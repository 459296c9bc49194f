// Thread rule: a WhenQuestion is immutable once made; a WhenMasks belongs to one thread.
//
// Computes at which kinds of events, in which code and on which lines an expression can hold. Each mask is computed
// once, so that a search evaluates few events and skips chunks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "shm/expression/expression.h"

namespace smiley::daemon {

// The properties of an expression, computed once.
struct WhenQuestion {
  explicit WhenQuestion(shm::Expression parsed);
  shm::Expression expression;
  std::vector<std::string> names;  // variables in the expression
  bool momentary = false;          // asks for something that belongs to one event, such as `value` or `x changed`
  bool flowing = false;            // asks for line, task or depth, which change without a variable
  bool asks_task = false, asks_changed = false, asks_line = false, asks_depth = false;
};

class WhenMasks {
 public:
  // The kinds of events (bits) at which the expression can hold, when the variables of the frame are known (`with`)
  // and when none is (`without`).
  struct Mask {
    bool made = false;
    std::uint32_t with = 0, without = 0;
  };
  struct DeepMask {
    std::uint32_t line = 0, depth = 0;
    Mask mask;
  };
  // The masks of one code object, and of its lines and depths when the expression asks for these.
  struct CodeMasks {
    bool found = false;
    const CodeRecord* code = nullptr;
    Mask any;
    std::vector<Mask> lines;       // by line, from the code's first line on
    std::vector<DeepMask> depths;  // direct-mapped
  };
  using Masks = std::vector<CodeMasks>;  // by code
  // `label`: the thread's name for the expression. All references must outlive the object.
  WhenMasks(const WhenQuestion& question, const Names& names, const ThreadInfo& thread, const std::string& label)
      : question_(question), names_(names), thread_(thread), label_(label) {}

  // The masks for pieces that change the names in `changed`. Bit n is the question's name n; the last bit is all
  // further names. A reference from MasksFor is valid until the next call of MasksFor, and one from MasksIn until the
  // next call of MasksIn.
  Masks& MasksFor(std::uint64_t changed) { return masks_[question_.asks_changed ? changed : 0]; }
  CodeMasks& MasksIn(Masks* masks, std::uint32_t code);
  // The mask for all lines together, and for one line at a depth. Line 0: the code's first line.
  const Mask& MaskOf(CodeMasks* masks, std::uint64_t changed);
  const Mask& MaskAt(CodeMasks* masks, std::uint32_t line, std::uint32_t depth, std::uint64_t changed) {
    if (!question_.asks_depth) return MaskAt(masks, line, changed);
    const std::size_t place = (line * 31 + depth) % kDepths;
    if (masks->depths.empty()) masks->depths.resize(kDepths);
    DeepMask& deep = masks->depths[place];
    if (!deep.mask.made || deep.line != line || deep.depth != depth) {
      deep = {line, depth, {}};
      // When the expression cannot hold at any depth, it cannot hold at this one.
      const Mask& at_all = MaskAt(masks, line, changed);
      if ((at_all.with | at_all.without) == 0) {
        deep.mask = at_all;
      } else {
        Make(&deep.mask, masks->code, question_.asks_line ? line : 0, depth, changed);
      }
    }
    return deep.mask;
  }
  // Whether the expression can hold on one of the lines in the summary.
  bool MayHoldOnLines(const Piece& summary, std::uint64_t changed);

 private:
  static constexpr std::size_t kDepths = 256;
  static constexpr std::int64_t kAnyDepth = -1;
  const Mask& MaskAt(CodeMasks* masks, std::uint32_t line, std::uint64_t changed);
  void Make(Mask* mask, const CodeRecord* code, std::uint32_t line, std::int64_t depth, std::uint64_t changed);

  const WhenQuestion& question_;
  const Names& names_;
  const ThreadInfo& thread_;
  const std::string& label_;
  std::map<std::uint64_t, Masks> masks_;  // by the names that change
};

}  // namespace smiley::daemon
