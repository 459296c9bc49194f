#include "daemon/live/live_lane.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "shm/clock.h"

namespace smiley::daemon {
namespace {

// A piece with at most this many events is decoded even when every watcher is over its rate, so that values stay
// known.
constexpr std::uint64_t kDecodeAnyway = 1500;
// The least time between the beginnings of two portions, for each watcher of the channel: a portion costs each of
// them a write and a wake-up.
constexpr std::chrono::microseconds kPace{400}, kMostPace{16'000};
constexpr std::size_t kTakeBytes = 256 * 1024;
constexpr std::size_t kPortionBytes = 64 * 1024;
// Bound on the bytes that wait for one watcher; beyond it the oldest portions are dropped. The watchers of a channel
// share portions.
constexpr std::size_t kQueueBytes = 4u << 20;

// The part of a rate that may come at once.
constexpr double kBurst = 10;

std::size_t BytesOf(const LivePortion& portion) {
  return sizeof(LivePortion) + portion.lines.size() + portion.marks.size() * sizeof(LivePortion::Line) +
         portion.skipped.size() * sizeof(SkippedEvents);
}

SkippedEvents From(const Piece& piece, std::uint64_t first_seq, std::uint64_t events) {
  return {piece.run, piece.thread, first_seq, piece.last_seq, events};
}

}  // namespace

LiveLane::~LiveLane() {
  std::thread thread;
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
    thread.swap(thread_);
  }
  wake_.NotifyAll();
  if (thread.joinable()) thread.join();
}

std::shared_ptr<LiveLane::Queue> LiveLane::Join(const LiveWish& wish, std::function<void()> wake) {
  std::shared_ptr<LiveFeed::Reader> reader = feed_.Watch([this] {
    const shm::MutexLock lock(mutex_);
    news_ = true;
    wake_.NotifyAll();
  });
  auto queue = std::make_shared<Queue>();
  queue->wake = std::move(wake);
  queue->from = feed_.latest() + 1;
  const shm::MutexLock lock(mutex_);
  if (reader_ == nullptr) {
    reader_.swap(reader);
    handled_ = queue->from - 1;
  }
  auto channel =
      std::find_if(channels_.begin(), channels_.end(), [&](const auto& one) { return one->wish.Same(wish); });
  if (channel == channels_.end()) {
    channel = channels_.insert(channels_.end(), std::make_shared<Channel>());
    (*channel)->wish = wish;
    (*channel)->tokens = std::max(wish.max_rate / kBurst, 1.0);
  }
  (*channel)->queues.push_back(queue);
  joined_.emplace_back(*channel, queue->from);
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  return queue;
}

void LiveLane::Leave(const std::shared_ptr<Queue>& queue) {
  std::shared_ptr<LiveFeed::Reader> reader;  // destroyed after the mutex is released
  const shm::MutexLock lock(mutex_);
  for (const auto& channel : channels_) std::erase(channel->queues, queue);
  std::erase_if(channels_, [](const auto& channel) { return channel->queues.empty(); });
  if (channels_.empty()) reader.swap(reader_);
  wake_.NotifyAll();
}

std::size_t LiveLane::CountQueues() const {
  std::size_t count = 0;
  for (const auto& channel : channels_) count += channel->queues.size();
  return count;
}

std::size_t LiveLane::watchers() const {
  const shm::MutexLock lock(mutex_);
  return CountQueues();
}

bool LiveLane::CaughtUp() const {
  const std::uint64_t latest = feed_.latest();
  const shm::MutexLock lock(mutex_);
  return handled_ >= latest;
}

std::vector<LivePortionPtr> LiveLane::Take(Queue& queue, std::size_t max_bytes) {
  const shm::MutexLock lock(mutex_);
  std::vector<LivePortionPtr> taken;
  for (SkippedEvents& skipped : queue.dropped) {
    auto portion = std::make_shared<LivePortion>();
    portion->run = skipped.run;
    portion->skipped.push_back(std::move(skipped));
    taken.push_back(std::move(portion));
  }
  queue.dropped.clear();
  const bool full = queue.bytes >= kQueueBytes / 2;
  std::size_t bytes = 0;
  while (!queue.portions.empty() && bytes < max_bytes) {
    const std::size_t size = BytesOf(*queue.portions.front());
    bytes += size;
    queue.bytes -= size;
    taken.push_back(std::move(queue.portions.front()));
    queue.portions.pop_front();
  }
  queue.armed = true;
  if (full) wake_.NotifyAll();  // there is room
  return taken;
}

bool LiveLane::SomebodyHasRoom() const {
  for (const auto& channel : channels_) {
    for (const auto& queue : channel->queues) {
      if (queue->bytes < kQueueBytes / 2) return true;
    }
  }
  return false;
}

void LiveLane::Run() {
  // Traced programs and the drainer have priority over watchers.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 5);
  SteadyClock::time_point next{};
  for (;;) {
    std::shared_ptr<LiveFeed::Reader> reader;
    {
      const shm::MutexLock lock(mutex_);
      while (!stopping_) {
        if (!(news_ && reader_ != nullptr && SomebodyHasRoom())) {
          if (channels_.empty()) runs_.clear();
          wake_.Wait(mutex_);
        } else if (SteadyClock::now() < next) {
          wake_.WaitUntil(mutex_, next);
        } else {
          break;
        }
      }
      if (stopping_) return;
      news_ = false;
      reader = reader_;
      next = SteadyClock::now() + std::min<std::chrono::nanoseconds>(kMostPace, kPace * CountQueues());
    }
    Work(*reader);
  }
}

// Handles a part of the feed, then the watchers that joined meanwhile.
void LiveLane::Work(LiveFeed::Reader& reader) {
  const LiveFeed::Taken taken = reader.Take(kTakeBytes);
  Channels channels;
  for (std::size_t i = 0; i < taken.entries.size() || i == 0; ++i) {
    const std::uint64_t number = i < taken.entries.size() ? taken.entries[i].number : UINT64_MAX;
    Channels flushed;
    {
      const shm::MutexLock lock(mutex_);
      channels = channels_;
      // A watcher that joined at this entry gets no earlier one.
      for (const auto& [channel, from] : joined_) {
        if (from <= number) flushed.push_back(channel);
      }
      std::erase_if(joined_, [&](const auto& one) { return one.second <= number; });
    }
    for (const auto& channel : flushed) Flush(*channel);
    if (i == 0) {
      for (const SkippedEvents& skipped : taken.skipped) {
        for (const auto& channel : channels) Skip(*channel, number, skipped);
      }
    }
    if (i < taken.entries.size()) TakeEntry(taken.entries[i], channels, taken.more || i + 1 < taken.entries.size());
  }
  for (const auto& channel : channels) Flush(*channel);
  const shm::MutexLock lock(mutex_);
  if (!taken.entries.empty()) handled_ = taken.entries.back().number;
  news_ = news_ || taken.more;
}

void LiveLane::TakeEntry(const LiveFeed::Entry& entry, const Channels& channels, bool newer) {
  if (entry.what == LiveFeed::Entry::What::kPiece) {
    TakePiece(entry, channels, newer);
  } else {
    TakeRun(entry, channels);
  }
}

void LiveLane::TakeRun(const LiveFeed::Entry& entry, const Channels& channels) {
  const bool ended = entry.what == LiveFeed::Entry::What::kRunEnded;
  for (const auto& channel : channels) {
    if (!channel->Wants(entry.run_id(), channel->wish.thread.value_or(0))) continue;
    Flush(*channel);
    auto portion = std::make_shared<LivePortion>();
    portion->what = ended ? LivePortion::What::kRunEnded : LivePortion::What::kRunBegan;
    portion->entry = entry.number;
    portion->run = entry.run_id();
    portion->info = entry.run;
    Deliver(*channel, std::move(portion));
    if (ended) channel->views.erase(entry.run_id());
  }
  if (ended) runs_.erase(entry.run_id());
}

void LiveLane::TakePiece(const LiveFeed::Entry& entry, const Channels& channels, bool newer) {
  const Piece& piece = *entry.piece;
  const std::int64_t now_ns = static_cast<std::int64_t>(shm::MonotonicNs()) + piece.time.wall_minus_mono_ns;
  const bool large = piece.events > kDecodeAnyway;
  const bool late = newer && large && now_ns - piece.last_ns > max_lag_.count();
  Decoder* decoder = nullptr;
  std::size_t takers = 0;
  for (const auto& channel : channels) {
    channel->takes = false;
    if (!channel->Wants(piece.run, piece.thread)) continue;
    channel->Refill();
    if (!late && !(channel->IsSpent() && large)) {
      if (decoder == nullptr) decoder = DecoderOf(piece);
      channel->takes = decoder != nullptr;
    }
    if (channel->takes) {
      channel->filter = FilterOf(*channel, piece);
      ++takers;
    } else {
      Skip(*channel, entry.number, From(piece, piece.first_seq, piece.events));
    }
  }
  if (takers == 0) return;

  decoder->Start(entry.piece);
  std::uint64_t left = piece.events;
  std::string plain, texted;
  while (decoder->Next(&event_)) {
    const bool counted = event_.kind != shm::Kind::kLost;
    if (counted && left > 0) --left;
    bool all_spent = true;
    plain.clear();
    texted.clear();
    for (const auto& channel : channels) {
      if (!channel->takes) continue;
      if (channel->filter == nullptr || channel->filter->Matches(event_, decoder)) {
        if (channel->IsSpent() && counted) {
          Skip(*channel, entry.number, {piece.run, piece.thread, event_.seq, event_.seq, 1});
        } else {
          Show(*channel, entry, event_, &plain, &texted);
        }
      }
      all_spent = all_spent && channel->IsSpent();
    }
    // Every watcher is over its rate, and the piece is too long to decode it only for its values.
    if (all_spent && left > kDecodeAnyway) {
      for (const auto& channel : channels) {
        if (channel->takes) Skip(*channel, entry.number, From(piece, event_.seq + 1, left));
      }
      return;
    }
  }
}

Decoder* LiveLane::DecoderOf(const Piece& piece) {
  RunState& run = runs_[piece.run];
  auto& decoder = run.decoders[piece.process];
  if (decoder == nullptr) {
    auto names = archive_.NamesOf(piece.run, piece.process);
    if (!names) return nullptr;
    decoder = std::make_unique<Decoder>(std::move(*names));
  }
  return decoder.get();
}

EventFilter* LiveLane::FilterOf(Channel& channel, const Piece& piece) {
  if (!channel.wish.where) return nullptr;
  Channel::View& view = channel.views[piece.run];
  if (view.filter == nullptr) view.filter = std::make_unique<EventFilter>(*channel.wish.where);
  if (view.named.insert(piece.thread).second) {
    auto thread = archive_.FindThread(piece.run, piece.thread);
    auto tasks = archive_.Tasks(piece.run);
    if (thread && tasks) view.filter->SetNames({*thread}, *tasks);
  }
  return view.filter.get();
}

void LiveLane::Show(Channel& channel, const LiveFeed::Entry& entry, const Event& event, std::string* plain,
                    std::string* texted) {
  std::string* line = channel.wish.text ? texted : plain;
  if (line->empty()) {
    RunState& run = runs_[entry.piece->run];
    auto& writer = channel.wish.text ? run.texted : run.plain;
    if (writer == nullptr) writer = std::make_unique<EventWriter>(archive_, entry.piece->run, channel.wish.text);
    writer->Append(line, event);
  }
  LivePortion& growing = GrowingPortion(channel, entry.number, entry.piece->run);
  growing.lines += *line;
  growing.marks.push_back({event.thread, static_cast<std::uint32_t>(growing.lines.size()), event.seq});
  channel.tokens -= 1;
  if (growing.lines.size() >= kPortionBytes) Flush(channel);
}

LivePortion& LiveLane::GrowingPortion(Channel& channel, std::uint64_t entry, const std::string& run) {
  if (channel.growing != nullptr && channel.growing->run != run) Flush(channel);
  if (channel.growing == nullptr) {
    channel.growing = std::make_unique<LivePortion>();
    channel.growing->entry = entry;
    channel.growing->run = run;
  }
  return *channel.growing;
}

void LiveLane::Skip(Channel& channel, std::uint64_t entry, const SkippedEvents& skipped) {
  if (skipped.events == 0 || !channel.Wants(skipped.run, skipped.thread)) return;
  if (channel.growing != nullptr && !channel.growing->marks.empty()) Flush(channel);
  AddSkipped(&GrowingPortion(channel, entry, skipped.run).skipped, skipped);
}

void LiveLane::Flush(Channel& channel) {
  if (channel.growing == nullptr) return;
  Deliver(channel, std::move(channel.growing));
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): moved from, so that the channel's portion is empty afterwards.
void LiveLane::Deliver(Channel& channel, LivePortionPtr portion) {
  const std::size_t size = BytesOf(*portion);
  const shm::MutexLock lock(mutex_);
  for (const auto& queue : channel.queues) {
    if (portion->entry < queue->from) continue;
    queue->portions.push_back(portion);
    queue->bytes += size;
    while (queue->bytes > kQueueBytes && queue->portions.size() > 1) {
      // Portions of events are dropped before portions about runs.
      auto oldest = std::find_if(queue->portions.begin(), queue->portions.end(),
                                 [](const auto& one) { return one->what == LivePortion::What::kEvents; });
      if (oldest == queue->portions.end()) oldest = queue->portions.begin();
      for (const SkippedEvents& skipped : (*oldest)->skipped) AddSkipped(&queue->dropped, skipped);
      for (const LivePortion::Line& line : (*oldest)->marks)
        AddSkipped(&queue->dropped, {(*oldest)->run, line.thread, line.seq, line.seq, 1});
      queue->bytes -= BytesOf(**oldest);
      queue->portions.erase(oldest);
    }
    if (!queue->armed || !queue->wake) continue;
    queue->armed = false;
    queue->wake();  // only posts
  }
}

void LiveLane::Channel::Refill() {
  if (wish.max_rate <= 0) return;
  const auto now = SteadyClock::now();
  tokens += std::chrono::duration<double>(now - refilled).count() * wish.max_rate;
  tokens = std::min(tokens, std::max(wish.max_rate / kBurst, 1.0));
  refilled = now;
}

}  // namespace smiley::daemon
