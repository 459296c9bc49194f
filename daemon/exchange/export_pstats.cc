// The `pstats` format: the dump of Python's own profilers, which the module pstats and other tools read.
#include <cstring>

#include "daemon/analysis/call_stats.h"
#include "daemon/exchange/export.h"
#include "daemon/value/text_codec.h"

namespace smiley::daemon {
namespace {

// Writes Python's marshal format, version 2, which every Python reads.
class Marshal {
 public:
  explicit Marshal(std::string* out) : out_(out) {}
  void BeginDict() { *out_ += '{'; }
  void EndDict() { *out_ += '0'; }
  void Tuple(std::uint32_t size) {
    *out_ += '(';
    Put(size);
  }
  void Text(std::string_view text) {  // lone surrogates are copied
    *out_ += 'u';
    Put(static_cast<std::uint32_t>(text.size()));
    *out_ += text;
  }
  void Integer(std::uint64_t number) {
    if (number <= INT32_MAX) {
      *out_ += 'i';
      Put(static_cast<std::uint32_t>(number));
      return;
    }
    *out_ += 'l';
    std::string digits;
    std::uint32_t count = 0;
    for (; number != 0; number >>= 15, ++count) {
      const auto digit = static_cast<std::uint16_t>(number & 0x7fff);
      digits += static_cast<char>(digit & 0xff);
      digits += static_cast<char>(digit >> 8);
    }
    Put(count);
    *out_ += digits;
  }
  void Real(double number) {
    *out_ += 'g';
    char bytes[sizeof(number)];
    std::memcpy(bytes, &number, sizeof(number));
    out_->append(bytes, sizeof(number));
  }

 private:
  void Put(std::uint32_t number) {
    char bytes[sizeof(number)];
    std::memcpy(bytes, &number, sizeof(number));
    out_->append(bytes, sizeof(number));
  }
  std::string* const out_;
};

double Seconds(const Spent& spent) { return static_cast<double>(spent.own_ns()) / 1e9; }

// {(file, line, name): (primitive, calls, own, cumulative, {caller: (calls, primitive, own, cumulative)})}
class PstatsProducer : public Producer {
 public:
  PstatsProducer(Archive& archive, std::string run)
      : job_(archive, {std::move(run), {}, 0, 0, {}}, StatsJob::From::kDerived) {}
  Status Open() { return job_.Open(); }

  Result<Next> Step(std::string* out) override {
    Marshal marshal(out);
    if (!counted_) {
      auto more = job_.Step();
      if (!more) return more.status();
      if (*more) return Next::kMore;
      counted_ = true;
      const auto& edges = job_.table().edges();
      edges_of_.resize(job_.book().size());
      for (std::uint32_t i = 0; i < edges.size(); ++i) {
        if (edges[i].caller != StatsTable::kNobody) edges_of_[edges[i].function].push_back(i);
      }
      marshal.BeginDict();
    }
    StepLimit limit;
    const auto& functions = job_.table().functions();
    for (; at_ < edges_of_.size() && at_ < functions.size(); ++at_) {
      if (functions[at_].calls != 0) Write(&marshal, at_);
      if (limit.Reached(*out)) {
        ++at_;
        return Next::kMore;
      }
    }
    marshal.EndDict();
    return Next::kDone;
  }

 private:
  void WriteName(Marshal* marshal, std::uint32_t number) {
    const Function& function = job_.book().at(number);
    marshal->Tuple(3);
    marshal->Text(function.built_in() ? "~" : function.file);
    marshal->Integer(function.line);
    marshal->Text(function.name);
  }
  void Write(Marshal* marshal, std::uint32_t number) {
    const CallCounts& counts = job_.table().functions()[number];
    WriteName(marshal, number);
    marshal->Tuple(5);
    marshal->Integer(counts.primitive);
    marshal->Integer(counts.calls);
    marshal->Real(Seconds(counts.own));
    marshal->Real(Seconds(counts.cumulative));
    marshal->BeginDict();
    for (const std::uint32_t edge : edges_of_[number]) {
      const StatsTable::Edge& by = job_.table().edges()[edge];
      if (by.counts.calls == 0) continue;
      WriteName(marshal, by.caller);
      marshal->Tuple(4);
      marshal->Integer(by.counts.calls);
      marshal->Integer(by.counts.primitive);
      marshal->Real(Seconds(by.counts.own));
      marshal->Real(Seconds(by.counts.cumulative));
    }
    marshal->EndDict();
  }

  StatsJob job_;
  bool counted_ = false;
  std::uint32_t at_ = 0;
  std::vector<std::vector<std::uint32_t>> edges_of_;
};

}  // namespace

Result<std::unique_ptr<Producer>> MakePstatsExport(Archive& archive, const std::string& run) {
  auto producer = std::make_unique<PstatsProducer>(archive, run);
  if (Status status = producer->Open(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace smiley::daemon
