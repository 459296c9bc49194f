#include "daemon/events/run_reader.h"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>
#include <unordered_set>

#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

// A thread is opened this long before its first event, because the summary's times may be rounded differently.
constexpr std::int64_t kOpenAheadNs = 1'000'000;

struct Stream {
  std::uint32_t process = 0, thread = 0;
  std::unique_ptr<PieceCursor> cursor;
  Decoder* decoder = nullptr;  // null = not opened
};

struct Due {
  std::int64_t time_ns = 0;
  std::uint32_t process = 0, thread = 0;
  std::uint64_t seq = 0;  // 0 = the stream is not open
  Stream* stream = nullptr;
  bool operator>(const Due& other) const {
    return std::tie(time_ns, process, thread, seq) > std::tie(other.time_ns, other.process, other.thread, other.seq);
  }
};

}  // namespace

struct RunReader::State {
  Archive& archive;
  std::string run;
  Options options;
  bool ended = false;  // the run has ended and every event was read
  Status status;
  std::map<std::uint32_t, std::unique_ptr<Decoder>> decoders;
  std::unordered_map<std::uint32_t, std::unique_ptr<Stream>> streams;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  std::vector<Stream*> waiting;  // streams at the present end of a running run
  std::unordered_set<std::uint32_t> known;
  Stream* given = nullptr;  // the stream whose event Next gave last

  State(Archive& source, std::string id, Options wanted)
      : archive(source), run(std::move(id)), options(std::move(wanted)) {}

  void Note(const Status& bad) {
    if (status.ok()) status = bad;
  }

  Status AddThreads() {
    auto threads = archive.Threads(run);
    if (!threads) return threads.status();
    for (const ThreadInfo& info : *threads) {
      const auto& only = options.threads;
      if (!only.empty() && std::find(only.begin(), only.end(), info.thread) == only.end()) continue;
      if (!known.insert(info.thread).second) continue;
      auto stream = std::make_unique<Stream>();
      stream->process = info.process;
      stream->thread = info.thread;
      const std::int64_t first = info.first_ns > kOpenAheadNs ? info.first_ns - kOpenAheadNs : INT64_MIN;
      due.push({first, info.process, info.thread, 0, stream.get()});
      streams.emplace(info.thread, std::move(stream));
    }
    return Status::Ok();
  }

  Result<Decoder*> DecoderFor(std::uint32_t process) {
    auto& decoder = decoders[process];
    if (decoder == nullptr) {
      auto names = archive.NamesOf(run, process);
      if (!names) return names.status();
      decoder = std::make_unique<Decoder>(std::move(*names));
    }
    return decoder.get();
  }

  Status OpenStream(Stream* stream) {
    auto decoder = DecoderFor(stream->process);
    if (!decoder) return decoder.status();
    auto cursor = archive.Open(run, stream->thread, options.from_seq);
    if (!cursor) return cursor.status();
    stream->decoder = *decoder;
    stream->cursor = std::move(*cursor);
    return Status::Ok();
  }

  // Puts the next event of the stream into the queue. At its end the stream is set aside or dropped.
  void Advance(Stream* stream) {
    while (true) {
      std::int64_t time_ns = 0;
      std::uint64_t seq = 0;
      if (stream->decoder->Peek(stream->thread, &time_ns, &seq)) {
        due.push({time_ns, stream->process, stream->thread, seq, stream});
        return;
      }
      auto piece = stream->cursor->Next();
      if (!piece) {
        Note(piece.status());
        if (piece.status().code() == Code::kDamaged) continue;
      } else if (*piece != nullptr) {
        stream->decoder->Start(std::move(*piece));
        continue;
      } else if (!ended) {
        waiting.push_back(stream);
        return;
      }
      if (!stream->decoder->Finish(stream->thread)) {
        streams.erase(stream->thread);
        return;
      }
    }
  }

  // Checks for new events behind the present end.
  bool Retry() {
    if (ended) return false;
    // The state is read first: an ended run gets no more events.
    if (const auto info = archive.FindRun(run)) ended = info->state != RunState::kRunning;
    if (Status added = AddThreads(); !added) Note(added);
    std::vector<Stream*> again;
    again.swap(waiting);
    for (Stream* stream : again) Advance(stream);
    return !due.empty();
  }

  bool Next(Event* event) {
    if (given != nullptr) Advance(std::exchange(given, nullptr));
    while (true) {
      if (due.empty() && !Retry()) return false;
      const Due next = due.top();
      due.pop();
      if (next.seq == 0 && next.stream->decoder == nullptr) {
        if (Status opened = OpenStream(next.stream); !opened) {
          Note(opened);
          streams.erase(next.thread);
          continue;
        }
        Advance(next.stream);
        continue;
      }
      if (!next.stream->decoder->Next(next.thread, event)) continue;
      event->process = next.process;
      if (event->seq + std::max<std::uint64_t>(event->lost_count, 1) <= options.from_seq) {
        Advance(next.stream);
        continue;
      }
      given = next.stream;
      return true;
    }
  }
};

RunReader::RunReader() = default;
RunReader::~RunReader() = default;

Result<std::unique_ptr<RunReader>> RunReader::Open(Archive& archive, const std::string& run, const Options& options) {
  auto info = archive.FindRun(run);
  if (!info) return info.status();
  if (options.from_seq > 1 && options.threads.size() != 1) {
    return Status(Code::kInvalid, "a position needs its thread: name exactly one");
  }
  std::unique_ptr<RunReader> reader(new RunReader());
  reader->state_ = std::make_unique<State>(archive, run, options);
  reader->state_->ended = info->state != RunState::kRunning;
  if (Status added = reader->state_->AddThreads(); !added) return added;
  return reader;
}

bool RunReader::Next(Event* event) { return state_->Next(event); }
Status RunReader::status() const { return state_->status; }

const Decoder& RunReader::DecoderOf(std::uint32_t process) const {
  SMILEY_REQUIRES(state_->decoders.contains(process));
  return *state_->decoders.at(process);
}

}  // namespace smiley::daemon
