#include "daemon/live/live_feed.h"

#include <algorithm>
#include <utility>

namespace smiley::daemon {

void AddSkipped(std::vector<SkippedEvents>* all, const SkippedEvents& more) {
  for (SkippedEvents& one : *all) {
    if (one.thread != more.thread || one.run != more.run) continue;
    one.first_seq = std::min(one.first_seq, more.first_seq);
    one.last_seq = std::max(one.last_seq, more.last_seq);
    one.events += more.events;
    return;
  }
  all->push_back(more);
}

std::size_t LiveFeed::BytesOf(const Entry& entry) {
  return sizeof(Entry) +
         (entry.piece ? sizeof(Piece) + entry.piece->words.size() * shm::kWordBytes : sizeof(RunInfo));
}

LiveFeed::Reader::~Reader() { feed_->Unwatch(this); }

LiveFeed::Taken LiveFeed::Reader::Take(std::size_t max_bytes) {
  const shm::MutexLock lock(feed_->mutex_);
  Taken taken;
  taken.skipped = std::exchange(skipped_, {});
  if (!feed_->entries_.empty() && next_ < feed_->entries_.front().number) next_ = feed_->entries_.front().number;
  std::size_t bytes = 0;
  while (!feed_->entries_.empty() && next_ <= feed_->entries_.back().number) {
    const Entry& entry = feed_->entries_[next_ - feed_->entries_.front().number];
    bytes += BytesOf(entry);
    if (bytes > max_bytes && !taken.entries.empty()) {
      taken.more = true;
      break;
    }
    taken.entries.push_back(entry);
    ++next_;
  }
  armed_ = true;
  return taken;
}

std::unique_ptr<LiveFeed::Reader> LiveFeed::Watch(std::function<void()> wake) {
  std::unique_ptr<Reader> reader(new Reader(this));
  const shm::MutexLock lock(mutex_);
  reader->next_ = latest_ + 1;
  reader->wake_ = std::move(wake);
  readers_.push_back(reader.get());
  return reader;
}

void LiveFeed::Unwatch(Reader* reader) {
  const shm::MutexLock lock(mutex_);
  std::erase(readers_, reader);
}

std::size_t LiveFeed::readers() const {
  const shm::MutexLock lock(mutex_);
  return readers_.size();
}

std::uint64_t LiveFeed::latest() const {
  const shm::MutexLock lock(mutex_);
  return latest_;
}

void LiveFeed::Publish(PiecePtr piece) {
  Entry entry;
  entry.piece = std::move(piece);
  Add(std::move(entry));
}

void LiveFeed::PublishRun(Entry::What what, std::shared_ptr<const RunInfo> run) {
  Entry entry;
  entry.what = what;
  entry.run = std::move(run);
  Add(std::move(entry));
}

void LiveFeed::Add(Entry entry) {
  const shm::MutexLock lock(mutex_);
  entry.number = ++latest_;
  bytes_ += BytesOf(entry);
  entries_.push_back(std::move(entry));
  // Without readers nothing is kept.
  const std::size_t capacity = readers_.empty() ? 0 : capacity_bytes_;
  while (bytes_ > capacity && !entries_.empty()) {
    const Entry& oldest = entries_.front();
    for (Reader* reader : readers_) {
      if (reader->next_ > oldest.number || !oldest.piece) continue;
      const Piece& piece = *oldest.piece;
      AddSkipped(&reader->skipped_, {piece.run, piece.thread, piece.first_seq, piece.last_seq, piece.events});
    }
    bytes_ -= BytesOf(oldest);
    entries_.pop_front();
  }
  for (Reader* reader : readers_) {
    if (!entries_.empty() && reader->armed_ && reader->wake_) {
      reader->armed_ = false;
      reader->wake_();  // only posts
    }
  }
}

}  // namespace smiley::daemon
