#include "tests/model/ring_model.h"

namespace smiley::model {
namespace {

// Producer's steps.
enum {
  kBegin,
  kEntered,
  kIntend,
  kWord,
  kPublish,
  kLeft,
  kLookForRoom,
  kCountFirst,
  kCount,
  kLossWord,
  kLossPublish,
  kLossClear,
};
// Consumer's steps.
enum { kLookWrite = 0, kLookIntent, kCopyHeader, kCopyWords, kLookAgain, kCheck, kCommitOne, kCommitTwo, kFree };

constexpr int kMostDeaths = 1;
constexpr std::uint8_t kLoss = 0x80;

int HeaderAt(int block) { return kHeader0 + block % kBlocks; }
int WordAt(int block, int word) { return kWord00 + block % kBlocks * kWords + word; }
std::uint8_t Header(int block, int first) { return static_cast<std::uint8_t>((block + 1) << 4 | first); }
std::uint8_t Lost(int first, int count) { return static_cast<std::uint8_t>(kLoss | first << 3 | count); }

}  // namespace

std::string State::Key() const {
  std::string key;
  const auto add = [&key](std::initializer_list<int> values) {
    for (int value : values) key.push_back(static_cast<char>(value));
  };
  const auto views = [&key](const ThreadViews& thread) {
    for (const View* view : {&thread.now, &thread.acquired, &thread.released})
      key.append(reinterpret_cast<const char*>(view->data()), kLocations);
  };
  const Producer& p = producer;
  const Consumer& c = consumer;
  add({p.pc, p.seq, p.done, p.next_block, p.used, p.cached_read, p.pending, p.lost_first, p.open, p.losing});
  views(p.views);
  add({c.pc, c.position, c.to, c.write_pos, c.header, c.deaths, static_cast<int>(c.copy.size())});
  key.append(c.copy.begin(), c.copy.end());
  views(c.views);
  add({stored.cursor, stored.next_seq, stored.events, stored.lost});
  memory.Append(&key);
  return key;
}

std::vector<State> RingModel::Next(const State& state) const {
  std::vector<State> out;
  StepProducer(state, &out);
  StepConsumer(state, &out);
  if (state.consumer.deaths < kMostDeaths) {
    // The next daemon knows only what is stored.
    State next = state;
    next.consumer = Consumer();
    next.consumer.deaths = static_cast<std::uint8_t>(state.consumer.deaths + 1);
    next.consumer.position = state.stored.cursor;
    next.consumer.views = state.consumer.views;
    out.push_back(std::move(next));
  }
  for (State& next : out) next.memory.Collect(next.producer.views, next.consumer.views);
  return out;
}

bool RingModel::HasRoom(const Producer& p) const {
  if (policy_ == Policy::kOverwrite) return true;
  return p.next_block < p.cached_read / kWords + kBlocks + (bug_ == Bug::kOneBlockTooMany ? 1 : 0);
}

// RingWriter::OpenBlock with room, up to the first word. One access a step.
void RingModel::StepOpening(State next, std::vector<State>* out) const {
  Producer& p = next.producer;
  const int block = p.next_block++;
  if (policy_ == Policy::kOverwrite && bug_ != Bug::kIntentLate) {
    next.memory.WriteRelaxed(&p.views, kIntent, static_cast<std::uint8_t>((block + 1) * kWords));
    if (bug_ != Bug::kIntentUnfenced) Memory::FenceRelease(&p.views);
  }
  p.pc = kEntered;
  out->push_back(std::move(next));
}

void RingModel::StepProducer(const State& state, std::vector<State>* out) const {
  State next = state;
  Producer& p = next.producer;
  Memory& memory = next.memory;
  const int block = p.next_block - 1;
  const auto release = [&](std::uint8_t position) {
    if (bug_ == Bug::kPublishRelaxed)
      memory.WriteRelaxed(&p.views, kWrite, position);
    else
      memory.WriteRelease(&p.views, kWrite, position);
  };
  const auto go = [&](int pc) {
    p.pc = pc;
    out->push_back(next);
  };
  switch (p.pc) {
    case kBegin:
      if (p.seq == events_) return go(kEnded);
      if (p.open && p.used < kWords) return go(kWord);
      if (p.open) {  // Leave
        p.open = false;
        release(static_cast<std::uint8_t>(p.next_block * kWords));
        return go(kLeft);
      }
      return go(kLeft);
    case kLeft:
      if (HasRoom(p)) return StepOpening(std::move(next), out);
      return go(kLookForRoom);
    case kLookForRoom:
      for (std::size_t i = memory.First(p.views, kRead); i < memory.Count(kRead); ++i) {
        State seen = state;
        Producer& q = seen.producer;
        q.cached_read = seen.memory.Read(&q.views, kRead, i, true);
        if (HasRoom(q)) {
          q.pc = kLeft;
        } else if (policy_ == Policy::kDrop) {
          q.pc = q.losing ? kCount : kCountFirst;
          if (!q.losing) q.lost_first = static_cast<std::uint8_t>(q.seq + 1);
        }
        out->push_back(std::move(seen));  // policy block: the producer tries again
      }
      return;
    case kCountFirst:  // CountLost
      memory.WriteRelaxed(&p.views, kLostFirst, p.lost_first);
      return go(kCount);
    case kCount:
      ++p.seq;
      ++p.pending;
      p.losing = true;
      memory.WriteRelease(&p.views, kLostCount, bug_ == Bug::kLossCountStale ? 1 : p.pending);
      p.done = p.seq;
      return go(kBegin);
    case kEntered: {
      const int first = p.losing ? p.lost_first : p.seq + 1;
      memory.WriteRelaxed(&p.views, HeaderAt(block), Header(block, first));
      p.used = 0;
      p.open = true;
      return go(p.losing ? kLossWord : kWord);
    }
    case kLossWord:
      memory.WriteRelaxed(&p.views, WordAt(block, 0), Lost(p.lost_first, p.pending));
      p.used = 1;
      if (bug_ == Bug::kLossClearedFirst) memory.WriteRelease(&p.views, kLostCount, 0);
      return go(kLossPublish);
    case kLossPublish:
      release(static_cast<std::uint8_t>(block * kWords + 1));
      return go(kLossClear);
    case kLossClear:
      memory.WriteRelease(&p.views, kLostCount, 0);
      p.losing = false;
      p.pending = 0;
      return go(kBegin);
    case kWord:
      if (bug_ == Bug::kPublishFirst) {
        release(static_cast<std::uint8_t>(block * kWords + p.used + 1));
        return go(kPublish);
      }
      memory.WriteRelaxed(&p.views, WordAt(block, p.used), static_cast<std::uint8_t>(p.seq + 1));
      return go(bug_ == Bug::kIntentLate && p.used == 0 ? kIntend : kPublish);
    case kIntend:
      memory.WriteRelaxed(&p.views, kIntent, static_cast<std::uint8_t>((block + 1) * kWords));
      Memory::FenceRelease(&p.views);
      return go(kPublish);
    case kPublish:
      if (bug_ == Bug::kPublishFirst) {
        memory.WriteRelaxed(&p.views, WordAt(block, p.used), static_cast<std::uint8_t>(p.seq + 1));
      } else {
        release(static_cast<std::uint8_t>(block * kWords + p.used + 1));
      }
      ++p.used;
      ++p.seq;
      p.done = p.seq;
      return go(kBegin);
    default:
      return;  // the producer has ended
  }
}

std::uint8_t RingModel::Oldest(std::uint8_t limit, std::uint8_t write_pos) const {
  constexpr int kRing = kBlocks * kWords;
  int oldest = policy_ == Policy::kOverwrite ? std::max(limit - kRing, 0) : limit;
  oldest = std::max(std::min<int>(oldest, write_pos), std::max(write_pos - kRing, 0));
  return static_cast<std::uint8_t>((oldest + kWords - 1) / kWords * kWords);
}

// RingReader::Read before the copy. `limit` is the intent in overwrite mode, otherwise the freed position.
void RingModel::AfterLook(State* state, std::uint8_t limit) const {
  Consumer& c = state->consumer;
  if (const std::uint8_t oldest = Oldest(limit, c.write_pos); c.position < oldest) c.position = oldest;
  c.copy.clear();
  if (c.write_pos <= c.position) {
    c.pc = kLookWrite;
    return;
  }
  c.to = std::min<std::uint8_t>(c.write_pos, static_cast<std::uint8_t>((c.position / kWords + 1) * kWords));
  c.pc = kCopyHeader;
}

// The second check of the intent, after the copy.
void RingModel::StepLookAgain(const State& state, std::vector<State>* out) const {
  State fenced = state;
  if (bug_ != Bug::kSecondLookUnfenced) Memory::FenceAcquire(&fenced.consumer.views);
  for (std::size_t i = fenced.memory.First(fenced.consumer.views, kIntent); i < fenced.memory.Count(kIntent); ++i) {
    State next = fenced;
    Consumer& d = next.consumer;
    const std::uint8_t oldest = Oldest(next.memory.Read(&d.views, kIntent, i, false), d.write_pos);
    d.pc = kCheck;
    if (d.position < oldest) {
      d.position = oldest;
      d.copy.clear();
      d.pc = kLookWrite;
    }
    out->push_back(std::move(next));
  }
}

// The writes of the store, and the freeing of the blocks behind them.
void RingModel::StepStoring(State next, std::vector<State>* out) const {
  Consumer& c = next.consumer;
  switch (c.pc) {
    case kCommitOne:
      if (bug_ == Bug::kCursorBeforeCommit) {
        Commit(&next, true, false);
        c.pc = kCommitTwo;
      } else {
        Commit(&next, bug_ != Bug::kCursorForgotten, true);
        c.pc = bug_ == Bug::kFreeBeforeCommit ? kLookWrite : kFree;
        c.position = c.to;
        c.copy.clear();
      }
      break;
    case kCommitTwo:
      Commit(&next, false, true);
      c.position = c.to;
      c.copy.clear();
      c.pc = kFree;
      break;
    case kFree: {
      const int freed = c.to / kWords * kWords;
      if (freed > next.memory.Latest(kRead))
        next.memory.WriteRelease(&c.views, kRead, static_cast<std::uint8_t>(freed));
      c.pc = bug_ == Bug::kFreeBeforeCommit ? kCommitOne : kLookWrite;
      break;
    }
  }
  out->push_back(std::move(next));
}

void RingModel::StepConsumer(const State& state, std::vector<State>* out) const {
  const Consumer& c = state.consumer;
  const auto each = [&](int location, bool acquire, auto then) {
    for (std::size_t i = state.memory.First(c.views, location); i < state.memory.Count(location); ++i) {
      State next = state;
      const std::uint8_t value = next.memory.Read(&next.consumer.views, location, i, acquire);
      then(&next, value);
      out->push_back(std::move(next));
    }
  };
  const int block = c.position / kWords;
  switch (c.pc) {
    case kLookWrite:
      each(kWrite, bug_ != Bug::kReadRelaxed, [this](State* next, std::uint8_t value) {
        next->consumer.write_pos = value;
        if (policy_ == Policy::kOverwrite)
          next->consumer.pc = kLookIntent;
        else
          AfterLook(next, next->memory.Latest(kRead));
      });
      return;
    case kLookIntent:
      each(kIntent, false, [this](State* next, std::uint8_t value) { AfterLook(next, value); });
      return;
    case kCopyHeader:
      each(HeaderAt(block), false, [](State* next, std::uint8_t value) {
        next->consumer.header = value;
        next->consumer.pc = kCopyWords;
      });
      return;
    case kCopyWords:
      each(WordAt(block, (c.position + static_cast<int>(c.copy.size())) % kWords), false,
           [this](State* next, std::uint8_t value) {
             Consumer& d = next->consumer;
             d.copy.push_back(value);
             if (d.position + d.copy.size() == d.to)
               d.pc = policy_ == Policy::kOverwrite && bug_ != Bug::kNoSecondLook ? kLookAgain : kCheck;
           });
      return;
    case kLookAgain:
      StepLookAgain(state, out);
      return;
    case kCheck: {
      State next = state;
      Consumer& d = next.consumer;
      d.pc = bug_ == Bug::kFreeBeforeCommit ? kFree : kCommitOne;
      if ((d.header >> 4) - 1 != block) {
        d.position = static_cast<std::uint8_t>((block + 1) * kWords);
        d.copy.clear();
        d.pc = kLookWrite;
      }
      out->push_back(std::move(next));
      return;
    }
    case kCommitOne:
    case kCommitTwo:
    case kFree:
      StepStoring(state, out);
      return;
  }
}

// One write of the store: the piece, the cursor, or both. The daemon's sequence numbers of the thread are those of
// the stored events.
void RingModel::Commit(State* state, bool cursor, bool piece) const {
  Stored& stored = state->stored;
  const Consumer& c = state->consumer;
  if (piece) {
    std::uint8_t seq = static_cast<std::uint8_t>(stored.next_seq);
    if (c.position % kWords == 0) {
      const std::uint8_t first = c.header & 15;
      if (first < seq) state->wrong = "a block is stored twice";
      if (first > seq) {
        if (policy_ != Policy::kOverwrite) state->wrong = "events are missing before a block";
        stored.lost = static_cast<std::uint8_t>(stored.lost + first - seq);
        seq = first;
      }
    }
    for (const std::uint8_t word : c.copy) {
      if (word & kLoss) {
        const int first = (word >> 3) & 15, count = word & 7;
        if (first != seq) state->wrong = "a loss begins at the wrong number";
        stored.lost = static_cast<std::uint8_t>(stored.lost + count);
        seq = static_cast<std::uint8_t>(seq + count);
      } else {
        if (word != seq)
          state->wrong = "event " + std::to_string(word) + " stands where " + std::to_string(seq) + " should";
        ++stored.events;
        ++seq;
      }
    }
    stored.next_seq = seq;
  }
  if (cursor) stored.cursor = c.to;
}

std::string RingModel::AfterDeath(State state) const {
  // All of memory is visible, and no thread writes any more.
  Consumer& c = state.consumer;
  c = Consumer();
  c.position = state.stored.cursor;
  state.memory.SeeAll(&c.views);
  for (int steps = 0; steps < 200; ++steps) {
    std::vector<State> next;
    StepConsumer(state, &next);
    const bool idle = state.consumer.pc == kLookWrite && next.size() == 1 && next[0].consumer.pc == kLookWrite &&
                      next[0].consumer.position == state.consumer.position;
    if (idle || next.empty()) break;
    state = std::move(next[0]);
    if (!state.wrong.empty()) return state.wrong;
    const Consumer& d = state.consumer;
    if (policy_ == Policy::kOverwrite && d.pc == kLookIntent && d.write_pos <= d.position) break;
  }
  Stored& stored = state.stored;
  const int count = state.memory.Latest(kLostCount), first = state.memory.Latest(kLostFirst);
  if (count > 0 && first >= stored.next_seq) {
    if (first != stored.next_seq) return "what is counted as lost begins at the wrong number";
    stored.lost = static_cast<std::uint8_t>(stored.lost + count);
    stored.next_seq = static_cast<std::uint8_t>(first + count);
  }
  if (policy_ == Policy::kBlock && stored.lost != 0) return "something is lost although the producer waits";
  if (stored.events + stored.lost != stored.next_seq - 1) return "stored and lost are not what the numbers say";
  if (stored.next_seq - 1 != state.producer.done) {
    return std::to_string(state.producer.done) + " were produced, " + std::to_string(stored.events) +
           " are stored and " + std::to_string(stored.lost) + " lost";
  }
  return "";
}

}  // namespace smiley::model
