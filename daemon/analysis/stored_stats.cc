#include "daemon/analysis/stored_stats.h"

#include <bit>

#include "daemon/events/snapshot.h"
#include "daemon/run/coding.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kVersion = 1;

void Write(FieldWriter* out, const Spent& spent) {
  out->Signed(spent.ns);
  out->Unsigned(std::bit_cast<std::uint64_t>(spent.cost_ns));
}
Spent ReadSpent(FieldReader* in) {
  Spent spent;
  spent.ns = in->Signed();
  spent.cost_ns = std::bit_cast<double>(in->Unsigned());
  return spent;
}

void Write(FieldWriter* out, const CallCounts& counts) {
  out->Unsigned(counts.calls);
  out->Unsigned(counts.primitive);
  Write(out, counts.own);
  Write(out, counts.cumulative);
  out->Unsigned(std::bit_cast<std::uint64_t>(counts.own_squares));
}
CallCounts ReadCounts(FieldReader* in) {
  CallCounts counts;
  counts.calls = in->Unsigned();
  counts.primitive = in->Unsigned();
  counts.own = ReadSpent(in);
  counts.cumulative = ReadSpent(in);
  counts.own_squares = std::bit_cast<double>(in->Unsigned());
  return counts;
}

}  // namespace

std::string EncodeStats(const ThreadStats& stats, const FunctionBook& book, const StatsTable& table) {
  FieldWriter out;
  out.Unsigned(kVersion);
  out.Unsigned(stats.events);
  out.Unsigned(stats.lost);
  Write(&out, stats.total);
  out.Unsigned(book.size());
  for (std::uint32_t number = 0; number < book.size(); ++number) {
    const Function& function = book.at(number);
    out.Bytes(function.file);
    out.Bytes(function.name);
    out.Unsigned(function.line);
    out.Unsigned(function.source);
    Write(&out, number < table.functions().size() ? table.functions()[number] : CallCounts());
  }
  out.Unsigned(table.edges().size());
  for (const StatsTable::Edge& edge : table.edges()) {
    out.Unsigned(edge.caller == StatsTable::kNobody ? 0 : std::uint64_t{edge.caller} + 1);
    out.Unsigned(edge.function);
    Write(&out, edge.counts);
  }
  return out.Take();
}

bool AddStats(std::string_view bytes, std::uint64_t events, std::uint64_t lost, ThreadStats* stats,
              FunctionBook* book, StatsTable* table) {
  FieldReader in(bytes);
  if (in.Unsigned() != kVersion) return false;
  ThreadStats read;
  read.events = in.Unsigned();
  read.lost = in.Unsigned();
  read.total = ReadSpent(&in);
  if (read.events != events || read.lost != lost) return false;
  std::vector<std::pair<Function, CallCounts>> functions;
  for (std::uint64_t count = in.Unsigned(); count > 0 && in.ok(); --count) {
    auto& [function, counts] = functions.emplace_back();
    function.file = in.Bytes();
    function.name = in.Bytes();
    function.line = in.Unsigned32();
    function.source = in.Unsigned32();
    counts = ReadCounts(&in);
  }
  std::vector<StatsTable::Edge> edges;
  for (std::uint64_t count = in.Unsigned(); count > 0 && in.ok(); --count) {
    StatsTable::Edge& edge = edges.emplace_back();
    const std::uint64_t caller = in.Unsigned();
    edge.caller = caller == 0 ? StatsTable::kNobody : static_cast<std::uint32_t>(caller - 1);
    edge.function = in.Unsigned32();
    edge.counts = ReadCounts(&in);
    if (caller > functions.size() || edge.function >= functions.size()) return false;
  }
  if (!in.ok() || !in.at_end()) return false;
  *stats = read;
  std::vector<std::uint32_t> numbers;
  numbers.reserve(functions.size());
  for (auto& [function, counts] : functions) {
    numbers.push_back(book->Number(std::move(function)));
    table->Function(numbers.back()) += counts;
  }
  for (const StatsTable::Edge& edge : edges) {
    const std::uint32_t caller = edge.caller == StatsTable::kNobody ? edge.caller : numbers[edge.caller];
    table->EdgeAt(table->EdgeOf(caller, numbers[edge.function])) += edge.counts;
  }
  return true;
}

Result<bool> StatsMaker::Step() {
  Archive& archive = store_.archive();
  if (!opened_) {
    auto threads = archive.Threads(run_);
    if (!threads) return threads.status();
    for (ThreadInfo& thread : *threads) {
      if (thread.events + thread.lost < least_events_) continue;
      const std::string key = StatsKey(thread.thread);
      const auto stored = archive.LastDerived(run_, key, key + '\0');
      if (!stored) return stored.status();
      if (!*stored) threads_.push_back(std::move(thread));
    }
    opened_ = true;
  }
  if (threads_.empty()) return true;
  const ThreadInfo& thread = threads_.back();
  if (job_ == nullptr) {
    CallScope scope;
    scope.run = run_;
    scope.thread = thread.thread;
    job_ = std::make_unique<StatsJob>(archive, std::move(scope), StatsJob::From::kChunks);
    if (Status status = job_->Open(); !status) return status;
    if (cost_) job_->TakeCost(*cost_);
  }
  auto more = job_->Step();
  if (!more) return more.status();
  if (*more) return false;
  cost_ = job_->cost();
  // Statistics of a damaged thread are not stored, because the query reports the damage.
  if (!job_->damaged()) {
    const ThreadStats stats{job_->events(), job_->lost(), job_->total()};
    const Status status =
        store_.PutDerived(run_, {{StatsKey(thread.thread), EncodeStats(stats, job_->book(), job_->table())}});
    if (!status) return status;
    ++made_;
  }
  job_.reset();
  threads_.pop_back();
  return threads_.empty();
}

}  // namespace smiley::daemon
