#include "daemon/query/stats.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>

#include "daemon/analysis/call_tree.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

// The sort keys of pstats.SortKey. Numbers of calls and times are sorted with the largest first.
enum class SortBy { kCalls, kCumulative, kFile, kLine, kName, kNameFileLine, kPrimitive, kStandardName, kTime };

Result<SortBy> ReadSort(const std::string& key) {
  static const std::vector<std::pair<std::string_view, SortBy>> keys = {
      {"calls", SortBy::kCalls},        {"ncalls", SortBy::kCalls},     {"cumulative", SortBy::kCumulative},
      {"cumtime", SortBy::kCumulative}, {"file", SortBy::kFile},        {"filename", SortBy::kFile},
      {"module", SortBy::kFile},        {"line", SortBy::kLine},        {"name", SortBy::kName},
      {"nfl", SortBy::kNameFileLine},   {"pcalls", SortBy::kPrimitive}, {"stdname", SortBy::kStandardName},
      {"time", SortBy::kTime},          {"tottime", SortBy::kTime}};
  std::string all;
  for (const auto& [name, by] : keys) {
    if (name == key) return by;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return Status(Code::kInvalid, "there is no sort key '" + key.substr(0, 40) + "': it is one of " + all);
}

bool ComesFirst(SortBy by, const Function& a, const CallCounts& ac, const Function& b, const CallCounts& bc) {
  switch (by) {
    case SortBy::kCalls:
      if (ac.calls != bc.calls) return ac.calls > bc.calls;
      break;
    case SortBy::kPrimitive:
      if (ac.primitive != bc.primitive) return ac.primitive > bc.primitive;
      break;
    case SortBy::kCumulative:
      if (ac.cumulative.own_ns() != bc.cumulative.own_ns()) return ac.cumulative.own_ns() > bc.cumulative.own_ns();
      break;
    case SortBy::kTime:
      if (ac.own.own_ns() != bc.own.own_ns()) return ac.own.own_ns() > bc.own.own_ns();
      break;
    case SortBy::kLine:
      if (a.line != b.line) return a.line < b.line;
      break;
    case SortBy::kName:
    case SortBy::kNameFileLine:
      if (a.name != b.name) return a.name < b.name;
      break;
    case SortBy::kFile:
    case SortBy::kStandardName:
      break;
  }
  return std::tie(a.file, a.line, a.name) < std::tie(b.file, b.line, b.name);
}

void AddTimes(JsonObject* object, const CallCounts& counts) {
  object->Number("calls", counts.calls).Number("primitive", counts.primitive);
  object->Signed("own_ns", counts.own.own_ns()).Signed("cumulative_ns", counts.cumulative.own_ns());
  object->Signed("recorded_own_ns", counts.own.ns).Signed("recorded_cumulative_ns", counts.cumulative.ns);
}

// The members about times in the end lines of "stats" and "calls".
std::string FormatTimeMembers(const CallJob& job) {
  std::string object;
  JsonObject o(&object);
  o.Number("events", job.events()).Number("lost", job.lost());
  o.Signed("own_ns", job.total().own_ns()).Signed("recorded_ns", job.total().ns);
  o.Signed("cost_ns", job.total().ns - job.total().own_ns());
  o.Real("cost_per_event_ns", job.events() == 0 ? 0 : job.total().cost_ns / static_cast<double>(job.events()));
  if (job.damaged()) o.Flag("damaged", true);
  o.End();
  return object.substr(1, object.size() - 2);
}

class StatsProducer : public Producer {
 public:
  StatsProducer(Archive& archive, CallScope scope, SortBy by, std::uint64_t limit, bool callers)
      : job_(archive, std::move(scope), StatsJob::From::kDerived), by_(by), limit_(limit), callers_(callers) {}
  Status Open() { return job_.Open(); }

  Result<Next> Step(std::string* out) override {
    if (!counted_) {
      auto more = job_.Step();
      if (!more) return more.status();
      if (*more) return Next::kMore;
      Sort();
      counted_ = true;
    }
    StepLimit limit;
    while (at_ < order_.size()) {
      Append(out, order_[at_++]);
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(order_.size()) + ",\"functions\":" + std::to_string(all_) +
           ",\"calls\":" + std::to_string(calls_) + ",\"primitive\":" + std::to_string(primitive_) + "," +
           FormatTimeMembers(job_) + ",\"threads_kept\":" + std::to_string(job_.known());
  }

 private:
  void Sort() {
    const auto& functions = job_.table().functions();
    for (std::uint32_t i = 0; i < functions.size() && i < job_.book().size(); ++i) {
      if (functions[i].calls == 0 && functions[i].own.ns == 0 && functions[i].cumulative.ns == 0) continue;
      order_.push_back(i);
      calls_ += functions[i].calls;
      primitive_ += functions[i].primitive;
    }
    all_ = order_.size();
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return ComesFirst(by_, job_.book().at(a), functions[a], job_.book().at(b), functions[b]);
    });
    if (order_.size() > limit_) order_.resize(limit_);
    if (!callers_) return;
    const auto& edges = job_.table().edges();
    edges_of_.resize(functions.size());
    for (std::uint32_t i = 0; i < edges.size(); ++i) {
      if (edges[i].caller != StatsTable::kNobody) edges_of_[edges[i].function].push_back(i);
    }
  }

  void Append(std::string* out, std::uint32_t number) {
    JsonObject o(out);
    o.Text("type", "function");
    AddFunction(&o, job_.book().at(number));
    AddTimes(&o, job_.table().functions()[number]);
    if (callers_) {
      auto& edges = edges_of_[number];
      const auto& all = job_.table().edges();
      std::sort(edges.begin(), edges.end(), [&](std::uint32_t a, std::uint32_t b) {
        return ComesFirst(SortBy::kCalls, job_.book().at(all[a].caller), all[a].counts, job_.book().at(all[b].caller),
                          all[b].counts);
      });
      std::string list = "[";
      for (const std::uint32_t edge : edges) {
        if (list.size() > 1) list += ',';
        JsonObject c(&list);
        AddFunction(&c, job_.book().at(all[edge].caller));
        AddTimes(&c, all[edge].counts);
        c.End();
      }
      o.Raw("callers", list + "]");
    }
    o.End();
    *out += '\n';
  }

  StatsJob job_;
  const SortBy by_;
  const std::uint64_t limit_;
  const bool callers_;
  bool counted_ = false;
  std::vector<std::uint32_t> order_;
  std::vector<std::vector<std::uint32_t>> edges_of_;  // by function: its edges from callers
  std::size_t at_ = 0, all_ = 0;
  std::uint64_t calls_ = 0, primitive_ = 0;
};

class CallsProducer : public Producer {
 public:
  CallsProducer(Archive& archive, CallScope scope, std::uint32_t depth, bool by_count, std::uint64_t least)
      : job_(archive, std::move(scope), depth), by_count_(by_count), least_(least) {}
  Status Open() { return job_.Open(); }

  Result<Next> Step(std::string* out) override {
    if (!counted_) {
      auto more = job_.Step();
      if (!more) return more.status();
      if (*more) return Next::kMore;
      job_.tree().Sum();
      Sort();
      counted_ = true;
    }
    StepLimit limit;
    while (!todo_.empty()) {
      const std::uint32_t number = todo_.back();
      todo_.pop_back();
      Append(out, number);
      AddCallees(number);
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(given_) + ",\"left_out\":" + std::to_string(left_out_) + "," +
           FormatTimeMembers(job_);
  }

 private:
  std::uint64_t Weight(const CallTree::Node& node) const {
    return by_count_ ? node.calls : static_cast<std::uint64_t>(node.cumulative.own_ns());
  }
  // Orders the nodes by parent, then by weight, the largest first.
  void Sort() {
    const auto& nodes = job_.tree().nodes();
    order_.resize(nodes.size() - 1);
    std::iota(order_.begin(), order_.end(), 1u);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (nodes[a].parent != nodes[b].parent) return nodes[a].parent < nodes[b].parent;
      const std::uint64_t of_a = Weight(nodes[a]), of_b = Weight(nodes[b]);
      return of_a != of_b ? of_a > of_b : a < b;
    });
    first_.assign(nodes.size() + 1, 0);
    for (const std::uint32_t number : order_) ++first_[nodes[number].parent + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    std::uint64_t total = 0;
    for (std::size_t i = first_[CallTree::kRoot]; i < first_[CallTree::kRoot + 1]; ++i)
      total += Weight(nodes[order_[i]]);
    least_weight_ = total / 1000 * least_ + total % 1000 * least_ / 1000;
    AddCallees(CallTree::kRoot);
  }
  void AddCallees(std::uint32_t number) {
    const auto& nodes = job_.tree().nodes();
    for (std::size_t i = first_[number + 1]; i-- > first_[number];) {
      const CallTree::Node& node = nodes[order_[i]];
      if (Weight(node) < least_weight_ || (node.calls == 0 && node.cumulative.ns == 0)) {
        ++left_out_;
      } else {
        todo_.push_back(order_[i]);
      }
    }
  }
  void Append(std::string* out, std::uint32_t number) {
    const CallTree::Node& node = job_.tree().nodes()[number];
    JsonObject o(out);
    o.Text("type", "call").Number("node", number);
    if (node.parent == CallTree::kRoot) {
      o.Null("parent");
    } else {
      o.Number("parent", node.parent);
    }
    o.Number("depth", node.depth);
    AddFunction(&o, job_.book().at(node.function));
    o.Number("calls", node.calls)
        .Signed("own_ns", node.own.own_ns())
        .Signed("cumulative_ns", node.cumulative.own_ns());
    o.Signed("recorded_own_ns", node.own.ns).Signed("recorded_cumulative_ns", node.cumulative.ns);
    o.Flag("folded", node.folded);
    o.End();
    *out += '\n';
    ++given_;
  }

  TreeJob job_;
  const bool by_count_;
  const std::uint64_t least_;       // smallest weight of a node to send, in thousandths of the total
  std::uint64_t least_weight_ = 0;  // the same as a number of calls or ns
  bool counted_ = false;
  std::vector<std::uint32_t> order_, todo_;
  std::vector<std::size_t> first_;  // by node: the index in order_ of its first callee
  std::uint64_t given_ = 0, left_out_ = 0;
};

// Reads the fields from_ns and to_ns.
Status ReadSpan(const Request& request, CallScope* scope) {
  const auto from = request.Integer("from_ns", INT64_MIN, INT64_MAX);
  const auto to = request.Integer("to_ns", INT64_MIN, INT64_MAX);
  for (const Status& status : {from.status(), to.status()}) {
    if (!status) return status;
  }
  scope->span = {from->value_or(INT64_MIN), to->value_or(INT64_MAX)};
  if (scope->span.from_ns > scope->span.to_ns) return Status(Code::kInvalid, "'from_ns' is later than 'to_ns'");
  return Status::Ok();
}

}  // namespace

void AddFunction(JsonObject* object, const Function& function) {
  object->TextOrNull("file", function.file);
  if (function.line != 0) {
    object->Number("line", function.line);
  } else {
    object->Null("line");
  }
  object->Text("function", function.name);
  if (function.source != 0) {
    object->Number("source", function.source);
  } else {
    object->Null("source");
  }
}

Result<CallScope> ReadCallScope(Archive& archive, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto task = request.Integer("task", 1, shm::kMaxId);
  const auto process = request.Integer("process", 1, UINT32_MAX);
  for (const Status& status : {selector.status(), thread.status(), task.status(), process.status()}) {
    if (!status) return status;
  }
  auto run = SelectRun(archive, *selector);
  if (!run) return run.status();
  CallScope scope;
  scope.run = run->id;
  if (thread->has_value()) scope.thread = static_cast<std::uint32_t>(**thread);
  if (task->has_value()) {
    scope.task = static_cast<std::uint32_t>(**task);
    auto tasks = archive.Tasks(scope.run);
    if (!tasks) return tasks.status();
    const auto found = std::find_if(tasks->begin(), tasks->end(), [&](const TaskInfo& info) {
      return info.task == scope.task && (!process->has_value() || info.process == **process);
    });
    if (found == tasks->end()) {
      return Status(Code::kNotFound, "run " + scope.run + " has no task " + std::to_string(scope.task) +
                                         (process->has_value() ? " in process " + std::to_string(**process) : ""));
    }
    scope.process = found->process;
  }
  return scope;
}

Reply AnswerStats(const Services& services, const Request& request) {
  auto scope = ReadCallScope(services.archive, request);
  const auto sort = request.Text("sort");
  const auto limit = request.Integer("limit", 0, INT64_MAX);
  const auto callers = request.Flag("callers", true);
  for (const Status& status : {scope.status(), sort.status(), limit.status(), callers.status()}) {
    if (!status) return Refuse(status);
  }
  if (Status status = ReadSpan(request, &*scope); !status) return Refuse(std::move(status));
  const auto by = ReadSort(sort->value_or("cumulative"));
  if (!by) return Refuse(by.status());
  auto producer = std::make_unique<StatsProducer>(services.archive, std::move(*scope), *by,
                                                  static_cast<std::uint64_t>(limit->value_or(INT64_MAX)), *callers);
  Reply reply;
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

Reply AnswerCalls(const Services& services, const Request& request) {
  auto scope = ReadCallScope(services.archive, request);
  const auto by = request.Text("by");
  const auto depth = request.Integer("depth", 1, 1'000'000);
  const auto least = request.Integer("least", 0, 1000);
  for (const Status& status : {scope.status(), by.status(), depth.status(), least.status()}) {
    if (!status) return Refuse(status);
  }
  if (Status status = ReadSpan(request, &*scope); !status) return Refuse(std::move(status));
  const std::string order = by->value_or("time");
  if (order != "time" && order != "count") {
    return Refuse(Status(Code::kInvalid, "'by' must be time or count"));
  }
  auto producer = std::make_unique<CallsProducer>(services.archive, std::move(*scope),
                                                  static_cast<std::uint32_t>(depth->value_or(0)), order == "count",
                                                  static_cast<std::uint64_t>(least->value_or(0)));
  Reply reply;
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
