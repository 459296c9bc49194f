#include "daemon/analysis/call_tree.h"

namespace smiley::daemon {
namespace {

class TreeSink : public CallSink {
 public:
  TreeSink(CallTree* tree, std::uint32_t base) : tree_(tree), base_(base) {}
  void Enter(std::uint32_t function, std::int64_t, bool counted) override {
    const std::uint32_t parent = stack_.empty() ? base_ : stack_.back();
    const std::uint32_t node = tree_->AddChild(parent, function);
    if (counted && node != parent) ++tree_->at(node).calls;
    stack_.push_back(node);
  }
  void Leave(std::int64_t, bool) override { stack_.pop_back(); }
  void Spend(const Spent& spent) override { tree_->at(stack_.back()).own += spent; }

 private:
  CallTree* const tree_;
  const std::uint32_t base_;
  std::vector<std::uint32_t> stack_;
};

}  // namespace

std::uint32_t CallTree::AddChild(std::uint32_t parent, std::uint32_t function) {
  const std::uint32_t depth = parent == kRoot ? 0 : nodes_[parent].depth + 1;
  const std::uint64_t key = std::uint64_t{parent} << 32 | function;
  if (const auto at = children_.find(key); at != children_.end()) return at->second;
  if ((depth_ != 0 && depth >= depth_) || (nodes_.size() > kMaxNodes && parent != kRoot)) {
    nodes_[parent].folded = true;
    return parent;
  }
  const auto number = static_cast<std::uint32_t>(nodes_.size());
  children_.emplace(key, number);
  Node node;
  node.function = function;
  node.parent = parent;
  node.depth = depth;
  nodes_.push_back(node);
  return number;
}

void CallTree::Sum() {
  for (Node& node : nodes_) node.cumulative = node.own;
  for (std::size_t i = nodes_.size(); i-- > 1;) nodes_[nodes_[i].parent].cumulative += nodes_[i].cumulative;
}

std::unique_ptr<CallSink> TreeJob::SinkFor(const ThreadInfo& thread) {
  std::uint32_t base = CallTree::kRoot;
  if (by_thread_) {
    const std::string name = thread.name.empty() ? "thread " + std::to_string(thread.thread) : thread.name;
    base = tree_.AddChild(CallTree::kRoot, book_.Number({"", name, 0, 0}));
  }
  return std::make_unique<TreeSink>(&tree_, base);
}

}  // namespace smiley::daemon
