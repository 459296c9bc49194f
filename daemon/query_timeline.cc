#include "daemon/query_timeline.h"

#include <algorithm>
#include <array>
#include <vector>

#include "daemon/piece_walk.h"
#include "daemon/query_json.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kMostBuckets = 2000, kUsualBuckets = 600;
constexpr std::size_t kMostLanes = 256;
// Chunks of a lane whose words are read: about a tenth of a second's worth of a busy program.
constexpr std::size_t kExactChunks = 32;
constexpr std::size_t kMostSingle = 1500;   // events told one by one
constexpr std::size_t kIndexPortion = 4096;

constexpr std::uint32_t Bit(shm::Kind kind) { return std::uint32_t{1} << static_cast<unsigned>(kind); }
constexpr std::uint32_t kOutput = Bit(shm::Kind::kStdout) | Bit(shm::Kind::kStderr);

struct Single {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  std::uint32_t open = 0;
};

// One lane while it is counted.
class Lane {
 public:
  Lane(std::int64_t from_ns, std::int64_t to_ns, std::size_t buckets) : from_ns_(from_ns), to_ns_(to_ns) {
    for (auto& counts : counts_) counts.assign(buckets, 0);
  }

  bool Touches(const Piece& piece) const { return piece.first_ns <= to_ns_ && piece.last_ns >= from_ns_; }

  // A chunk by its summary: its events lie evenly over its time.
  void Spread(const Piece& piece) {
    const std::size_t first = BucketOf(piece.first_ns), last = BucketOf(piece.last_ns);
    const double length = std::max<double>(1.0, static_cast<double>(piece.last_ns - piece.first_ns));
    for (std::size_t bucket = first; bucket <= last; ++bucket) {
      const std::int64_t begin = std::max(piece.first_ns, StartOf(bucket));
      const std::int64_t end = std::min(piece.last_ns, StartOf(bucket + 1));
      const double part = first == last ? 1.0 : std::max(0.0, static_cast<double>(end - begin) / length);
      counts_[kEvents][bucket] += static_cast<std::uint64_t>(part * static_cast<double>(piece.events) + 0.5);
      counts_[kLost][bucket] += static_cast<std::uint64_t>(part * static_cast<double>(piece.lost) + 0.5);
      if (counts_[kSeq][bucket] == 0 && piece.first_seq != 0) {
        const double before = std::clamp(static_cast<double>(begin - piece.first_ns) / length, 0.0, 1.0);
        counts_[kSeq][bucket] =
            piece.first_seq + static_cast<std::uint64_t>(before * static_cast<double>(piece.last_seq - piece.first_seq));
      }
    }
    if (piece.events > 0 && first == last) counts_[kEvents][first] = std::max<std::uint64_t>(counts_[kEvents][first], 1);
    counts_[kExceptions][first] += piece.exceptions;
    if ((piece.kinds & kOutput) != 0) ++counts_[kWrites][first];
  }

  void Add(const PieceWalker& walker) {
    const std::int64_t time = walker.TimeNs();
    if (time < from_ns_ || time > to_ns_) return;
    const std::size_t bucket = BucketOf(time);
    if (counts_[kSeq][bucket] == 0) counts_[kSeq][bucket] = walker.seq;
    if (walker.kind == shm::Kind::kLost) {
      counts_[kLost][bucket] += walker.count;
    } else {
      ++counts_[kEvents][bucket];
    }
    if (walker.kind == shm::Kind::kRaise) ++counts_[kExceptions][bucket];
    if ((kOutput & Bit(walker.kind)) != 0) ++counts_[kWrites][bucket];
    if (single_.size() <= kMostSingle) single_.push_back({walker.seq, time, walker.kind, walker.open});
  }

  void Write(std::string* out, const ThreadInfo& thread, bool exact) const {
    JsonObject o(out);
    o.Text("type", "lane").Number("process", thread.process).Number("thread", thread.thread);
    o.Signed("from_ns", from_ns_).Signed("to_ns", to_ns_).Flag("exact", exact);
    constexpr std::array<const char*, kAll> kNames = {"events", "exceptions", "output", "lost", "seq"};
    for (std::size_t which = 0; which < kAll; ++which) {
      std::string list = "[";
      for (const std::uint64_t count : counts_[which]) {
        if (list.size() > 1) list += ',';
        list += std::to_string(count);
      }
      o.Raw(kNames[which], list + "]");
    }
    if (exact && single_.size() <= kMostSingle) {
      std::string list = "[";
      for (const Single& one : single_) {
        if (list.size() > 1) list += ',';
        list += "[" + std::to_string(one.seq) + "," + std::to_string(one.time_ns - from_ns_) + ",\"" +
                std::string(shm::KindName(one.kind)) + "\"," + std::to_string(one.open) + "]";
      }
      o.Raw("single", list + "]");
    }
    o.End();
    *out += '\n';
  }

 private:
  enum Which { kEvents, kExceptions, kWrites, kLost, kSeq, kAll };
  std::size_t BucketOf(std::int64_t time) const {
    const std::size_t last = counts_[0].size() - 1;
    if (time <= from_ns_) return 0;
    if (time >= to_ns_) return last;
    const double part = static_cast<double>(time - from_ns_) / static_cast<double>(to_ns_ - from_ns_);
    return std::min(last, static_cast<std::size_t>(part * static_cast<double>(counts_[0].size())));
  }
  std::int64_t StartOf(std::size_t bucket) const {
    const double part = static_cast<double>(bucket) / static_cast<double>(counts_[0].size());
    return from_ns_ + static_cast<std::int64_t>(part * static_cast<double>(to_ns_ - from_ns_));
  }

  const std::int64_t from_ns_, to_ns_;
  std::array<std::vector<std::uint64_t>, kAll> counts_;
  std::vector<Single> single_;
};

class TimelineProducer : public Producer {
 public:
  TimelineProducer(Archive& archive, std::string run, std::vector<ThreadInfo> threads, std::int64_t from_ns,
                   std::int64_t to_ns, std::size_t buckets)
      : archive_(archive), run_(std::move(run)), threads_(std::move(threads)), from_ns_(from_ns), to_ns_(to_ns), buckets_(buckets) {}

  Result<Next> Step(std::string* out) override {
    if (at_ >= threads_.size()) return Next::kDone;
    const ThreadInfo& thread = threads_[at_++];
    Lane lane(from_ns_, to_ns_, buckets_);
    std::vector<PieceEntry> near;  // while they are few
    bool few = true;
    for (std::uint64_t from = 0;;) {
      auto entries = archive_.Index(run_, thread.thread, from, kIndexPortion);
      if (!entries) return entries.status();
      for (const PieceEntry& entry : *entries) {
        if (entry.piece->last_seq != 0 && entry.piece->last_seq < from) continue;
        if (!lane.Touches(*entry.piece)) continue;
        if (few && near.size() == kExactChunks) {
          few = false;
          for (const PieceEntry& one : near) lane.Spread(*one.piece);
          near.clear();
        }
        if (few) {
          near.push_back(entry);
        } else {
          lane.Spread(*entry.piece);
        }
      }
      if (entries->size() < kIndexPortion || entries->back().piece->first_ns > to_ns_) break;
      const std::uint64_t next = entries->back().piece->last_seq + 1;
      if (next <= from) break;
      from = next;
    }
    for (const PieceEntry& entry : near) {
      auto piece = archive_.ReadPiece(run_, entry);
      if (!piece) {
        lane.Spread(*entry.piece);  // damaged: its summary still tells
        damaged_ = true;
        continue;
      }
      ++chunks_read_;
      walker_.Start(**piece);
      while (walker_.Next()) lane.Add(walker_);
    }
    lane.Write(out, thread, few);
    return at_ < threads_.size() ? Next::kMore : Next::kDone;
  }

  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(threads_.size()) + ",\"chunks_read\":" + std::to_string(chunks_read_) +
           (damaged_ ? ",\"damaged\":true" : "");
  }

 private:
  Archive& archive_;
  const std::string run_;
  const std::vector<ThreadInfo> threads_;
  const std::int64_t from_ns_, to_ns_;
  const std::size_t buckets_;
  std::size_t at_ = 0;
  std::uint64_t chunks_read_ = 0;
  bool damaged_ = false;
  PieceWalker walker_;
};

}  // namespace

Reply MakeTimeline(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto from = request.Integer("from_ns", INT64_MIN, INT64_MAX);
  const auto to = request.Integer("to_ns", INT64_MIN, INT64_MAX);
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto buckets = request.Integer("buckets", 1, kMostBuckets);
  for (const Status& status : {selector.status(), from.status(), to.status(), thread.status(), buckets.status()}) {
    if (!status) return Refuse(status);
  }
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  auto threads = services.archive.Threads(run->id);
  if (!threads) return Refuse(threads.status());
  std::int64_t first = INT64_MAX, last = run->start_ns;
  for (const ThreadInfo& info : *threads) {
    if (info.events + info.lost == 0) continue;
    first = std::min(first, info.first_ns);
    last = std::max(last, info.last_ns);
  }
  if (first > last) first = run->start_ns;
  if (thread->has_value()) std::erase_if(*threads, [&](const ThreadInfo& info) { return info.thread != **thread; });
  if (threads->size() > kMostLanes) threads->resize(kMostLanes);
  const std::int64_t from_ns = from->value_or(first), to_ns = to->value_or(last);
  if (from->has_value() && to->has_value() && from_ns > to_ns) return Refuse(Status(Code::kInvalid, "'from_ns' lies behind 'to_ns'"));
  Reply reply;
  reply.stream = std::make_unique<TimelineProducer>(services.archive, run->id, std::move(*threads), from_ns,
                                                    std::max(to_ns, from_ns + 1),
                                                    static_cast<std::size_t>(buckets->value_or(kUsualBuckets)));
  return reply;
}

}  // namespace smiley::daemon
