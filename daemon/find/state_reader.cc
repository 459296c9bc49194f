#include "daemon/find/state_reader.h"

#include <algorithm>

#include "daemon/events/snapshot.h"
#include "daemon/protocol/producer.h"

namespace smiley::daemon {

Result<std::unique_ptr<StateReader>> StateReader::Open(Archive& archive, const std::string& run,
                                                       const Position& position) {
  const auto thread = archive.FindThread(run, position.thread);
  if (!thread) return thread.status();
  const std::uint64_t last = thread->events + thread->lost;
  if (position.seq > last) {
    return Status(Code::kNotFound,
                  "thread " + std::to_string(position.thread) + " of run " + run +
                      (last == 0 ? " has no events" : " ends at " + ToText({position.thread, last})));
  }
  auto names = archive.NamesOf(run, thread->process);
  if (!names) return names.status();
  std::unique_ptr<StateReader> reader(new StateReader());
  reader->thread_ = *thread;
  reader->position_ = position;
  reader->decoder_ = std::make_unique<Decoder>(std::move(*names));
  // Decoding begins at the latest snapshot before the event, or at the beginning.
  std::uint64_t from = 1;
  auto taken =
      archive.LastDerived(run, SnapshotKey(position.thread, 0), SnapshotKey(position.thread, position.seq + 1));
  if (!taken) return taken.status();
  ThreadSnapshot snapshot;
  if (*taken && DecodeSnapshot((*taken)->second, &snapshot)) {
    reader->decoder_->Restore(snapshot, MakeFrameLoader(archive, run, snapshot));
    from = snapshot.next_seq;
  }
  auto cursor = archive.Open(run, position.thread, from);
  if (!cursor) return cursor.status();
  reader->cursor_ = std::move(*cursor);
  return reader;
}

Result<bool> StateReader::Step() {
  StepLimit limit;
  const std::string nothing;
  while (!there_) {
    if (!decoder_->Next(&event_)) {
      auto piece = cursor_->Next();
      if (!piece) {
        if (piece.status().code() == Code::kDamaged) continue;
        return piece.status();
      }
      if (*piece != nullptr) {
        ++read_;
        decoder_->Start(std::move(*piece));
        continue;
      }
      if (!decoder_->Finish(position_.thread)) {
        return Status(Code::kNotFound,
                      "the event " + ToText(position_) + " is not there: its part of the run is damaged");
      }
      continue;
    }
    there_ = event_.seq + std::max<std::uint64_t>(event_.lost_count, 1) > position_.seq;
    if (there_) TakeStack();
    if (limit.Reached(nothing)) return there_;
  }
  return true;
}

void StateReader::TakeStack() {
  const std::vector<Decoder::OpenFrame> open = decoder_->Stack(position_.thread, &hidden_);
  frames_.clear();
  const bool left = LeavesFrame(event_.kind);
  std::uint32_t depth = hidden_ + static_cast<std::uint32_t>(open.size());
  if (left && event_.frame != 0) frames_.push_back({event_.frame, event_.code, event_.line, event_.depth});
  for (const Decoder::OpenFrame& frame : open) {
    std::uint32_t line = frame.line != 0 ? frame.line : frame.code != nullptr ? frame.code->first_line : 0;
    if (frame.frame == event_.frame && event_.line != 0) line = event_.line;
    frames_.push_back({frame.frame, frame.code, line, --depth});
  }
}

}  // namespace smiley::daemon
