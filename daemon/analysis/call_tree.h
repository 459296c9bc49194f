// Thread rule: each object belongs to one thread at a time.
//
// The folded call tree of a run: calls of the same function from the same chain of callers are one node.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/analysis/call_stats.h"

namespace smiley::daemon {

class CallTree {
 public:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::size_t kMaxNodes = 500'000;  // beyond it a new callee is counted as its caller
  struct Node {
    std::uint32_t function = 0, parent = kRoot, depth = 0;  // children of the root have depth 0
    std::uint64_t calls = 0;
    Spent own, cumulative;
    bool folded = false;  // includes its callees, which lie too deep or exceed kMaxNodes
  };
  // `depth`: deeper nodes are folded into their caller at depth - 1; 0 = no limit.
  explicit CallTree(std::uint32_t depth = 0) : nodes_(1), depth_(depth) {}
  // In order of first appearance; callees come after their callers. nodes()[0] is the root, not a function.
  const std::vector<Node>& nodes() const { return nodes_; }
  // The child of `parent` for this function; `parent` itself when no node may be added.
  std::uint32_t AddChild(std::uint32_t parent, std::uint32_t function);
  Node& at(std::uint32_t node) { return nodes_[node]; }
  // Computes cumulative times from own times. Call once, at the end.
  void Sum();

 private:
  struct PairHash {
    std::size_t operator()(std::uint64_t key) const {
      return static_cast<std::size_t>((key ^ (key >> 31)) * 0x9E3779B97F4A7C15u);
    }
  };
  std::vector<Node> nodes_;
  const std::uint32_t depth_;
  std::unordered_map<std::uint64_t, std::uint32_t, PairHash> children_;
};

// Builds the call tree of the part of a run that a CallScope names.
class TreeJob : public CallJob {
 public:
  // `by_thread`: the children of the root are nodes for the threads, with their names.
  TreeJob(Archive& archive, CallScope scope, std::uint32_t depth, bool by_thread = false)
      : CallJob(archive, std::move(scope)), tree_(depth), by_thread_(by_thread) {}
  CallTree& tree() { return tree_; }

 protected:
  std::unique_ptr<CallSink> SinkFor(const ThreadInfo& thread) override;

 private:
  CallTree tree_;
  const bool by_thread_;
};

}  // namespace smiley::daemon
