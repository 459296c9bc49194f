#include "daemon/analysis/timeline_lane.h"

#include <algorithm>
#include <cmath>

#include "daemon/protocol/json_object.h"
#include "shm/base/requires.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kMostSingle = 1500;  // most events that are listed one by one

// Recorded times are hostile: their difference may not fit into 64 bits.
double Between(std::int64_t from, std::int64_t to) { return static_cast<double>(to) - static_cast<double>(from); }

}  // namespace

TimelineLane::TimelineLane(std::int64_t from_ns, std::int64_t to_ns, std::size_t buckets)
    : from_ns_(from_ns), to_ns_(to_ns) {
  SMILEY_REQUIRES(from_ns < to_ns && buckets > 0);
  SMILEY_REQUIRES(static_cast<std::uint64_t>(to_ns) - static_cast<std::uint64_t>(from_ns) <= INT64_MAX);
  for (auto& counts : counts_) counts.assign(buckets, 0);
}

void TimelineLane::Spread(const Piece& piece) {
  exact_ = false;
  const std::size_t first = BucketOf(piece.first_ns), last = BucketOf(piece.last_ns);
  const double length = std::max(1.0, Between(piece.first_ns, piece.last_ns));
  for (std::size_t bucket = first; bucket <= last; ++bucket) {
    const std::int64_t begin = std::max(piece.first_ns, StartOf(bucket));
    const std::int64_t end = std::min(piece.last_ns, StartOf(bucket + 1));
    const double part = first == last ? 1.0 : std::max(0.0, Between(begin, end) / length);
    counts_[kEvents][bucket] += static_cast<std::uint64_t>(std::llround(part * static_cast<double>(piece.events)));
    counts_[kLost][bucket] += static_cast<std::uint64_t>(std::llround(part * static_cast<double>(piece.lost)));
    if (counts_[kSeq][bucket] == 0 && piece.first_seq != 0) {
      const double before = std::clamp(Between(piece.first_ns, begin) / length, 0.0, 1.0);
      counts_[kSeq][bucket] = piece.first_seq + static_cast<std::uint64_t>(
                                                    before * static_cast<double>(piece.last_seq - piece.first_seq));
    }
  }
  if (piece.events > 0 && first == last)
    counts_[kEvents][first] = std::max<std::uint64_t>(counts_[kEvents][first], 1);
  counts_[kExceptions][first] += piece.exceptions;
  if ((piece.kinds & shm::kOutputKinds) != 0) ++counts_[kWrites][first];
}

void TimelineLane::Add(const PieceWalker& walker) {
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
  if (IsOutput(walker.kind)) ++counts_[kWrites][bucket];
  if (single_.size() <= kMostSingle) single_.push_back({walker.seq, time, walker.kind, walker.open});
}

void TimelineLane::Append(std::string* out, const ThreadInfo& thread, std::uint32_t task) const {
  JsonObject o(out);
  o.Text("type", "lane").Number("process", thread.process).Number("thread", thread.thread);
  if (task != 0) o.Number("task", task);
  o.Signed("from_ns", from_ns_).Signed("to_ns", to_ns_).Flag("exact", exact_);
  constexpr std::array<const char*, kAll> kNames = {"events", "exceptions", "output", "lost", "seq"};
  for (std::size_t which = 0; which < kAll; ++which) {
    std::string list = "[";
    for (const std::uint64_t count : counts_[which]) {
      if (list.size() > 1) list += ',';
      list += std::to_string(count);
    }
    o.Raw(kNames[which], list + "]");
  }
  if (exact_ && single_.size() <= kMostSingle) {
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

std::size_t TimelineLane::BucketOf(std::int64_t time) const {
  const std::size_t last = counts_[0].size() - 1;
  if (time <= from_ns_) return 0;
  if (time >= to_ns_) return last;
  const double part = static_cast<double>(time - from_ns_) / static_cast<double>(to_ns_ - from_ns_);
  return std::min(last, static_cast<std::size_t>(part * static_cast<double>(counts_[0].size())));
}

std::int64_t TimelineLane::StartOf(std::size_t bucket) const {
  const double part = static_cast<double>(bucket) / static_cast<double>(counts_[0].size());
  return from_ns_ + static_cast<std::int64_t>(part * static_cast<double>(to_ns_ - from_ns_));
}

}  // namespace smiley::daemon
