// Thread rule: a WhenQuestion is immutable once made; a WhenMasks belongs to one thread.
//
// At which kinds of events, in which code and on which lines an expression may hold at all: worked out once for each,
// so that a search looks at few events and passes over chunks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "shm/expression/expression.h"

namespace smiley::daemon {

// What the expression asks, found out once.
struct WhenQuestion {
  explicit WhenQuestion(shm::Expression parsed);
  shm::Expression expression;
  std::vector<std::string> names;  // variables that may decide it
  bool momentary = false;          // asks what belongs to one event
  bool flowing = false;            // asks what changes within a frame while its variables do not: line, task, depth
  bool asks_task = false, asks_changed = false, asks_line = false, asks_depth = false;
};

class WhenMasks {
 public:
  // Kinds of events (bits) at which the expression may hold: with the variables of their frames, or with none of them
  // known.
  struct Mask {
    bool made = false;
    std::uint32_t with = 0, without = 0;
  };
  struct DeepMask {
    std::uint32_t line = 0, depth = 0;
    Mask mask;
  };
  // What may hold in one code object, and on each of its lines and at each depth where the expression asks for these.
  struct CodeMasks {
    bool found = false;
    const CodeInfo* code = nullptr;
    Mask any;
    std::vector<Mask> lines;       // from the code's first line on
    std::vector<DeepMask> depths;  // direct-mapped
  };
  using Masks = std::vector<CodeMasks>;  // by code
  // `thread`: its label. All are borrowed and must outlive it.
  WhenMasks(const WhenQuestion& question, const Names& names, const ThreadInfo& thread, const std::string& label)
      : question_(question), names_(names), thread_(thread), label_(label) {}

  // What holds for pieces that change these of the question's names (bit n: name n, the last one all further ones).
  // References stay valid until the next call of For; those of In until the next call of In.
  Masks& For(std::uint64_t changed) { return masks_[question_.asks_changed ? changed : 0]; }
  CodeMasks& In(Masks* masks, std::uint32_t code);
  // For all lines together, and for one at a depth; line 0: the code's first.
  const Mask& Of(CodeMasks* masks, std::uint64_t changed);
  const Mask& At(CodeMasks* masks, std::uint32_t line, std::uint32_t depth, std::uint64_t changed) {
    if (!question_.asks_depth) return At(masks, line, changed);
    const std::size_t place = (line * 31 + depth) % kDepths;
    if (masks->depths.empty()) masks->depths.resize(kDepths);
    DeepMask& deep = masks->depths[place];
    if (!deep.mask.made || deep.line != line || deep.depth != depth) {
      deep = {line, depth, {}};
      // Where it cannot hold at any depth, it does not at this one.
      const Mask& at_all = At(masks, line, changed);
      if ((at_all.with | at_all.without) == 0) {
        deep.mask = at_all;
      } else {
        Make(&deep.mask, masks->code, question_.asks_line ? line : 0, depth, changed);
      }
    }
    return deep.mask;
  }
  // Whether it may hold on one of the lines that the piece shows.
  bool MayHoldOnLines(const Piece& summary, std::uint64_t changed);

 private:
  static constexpr std::size_t kDepths = 256;
  static constexpr std::int64_t kAnyDepth = -1;
  const Mask& At(CodeMasks* masks, std::uint32_t line, std::uint64_t changed);
  void Make(Mask* mask, const CodeInfo* code, std::uint32_t line, std::int64_t depth, std::uint64_t changed);

  const WhenQuestion& question_;
  const Names& names_;
  const ThreadInfo& thread_;
  const std::string& label_;
  std::map<std::uint64_t, Masks> masks_;  // by which names change
};

}  // namespace smiley::daemon
