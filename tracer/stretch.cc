// The beginning and the end of a stretch of recording in a thread whose frames run already.
#include <Python.h>
#include <opcode.h>

#include <algorithm>

#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording.h"

namespace smiley::tracer {
bool ThreadRecorder::TryToBegin(const SmileyFrame& frame, std::uint32_t line) {
  Process* process = Process::instance();
  if (process == nullptr || !process->waiting()) return false;
  const CodeInfo* code = process->codes().Of(frame.code);
  if (line == 0 ? !code->starts : line != code->start_line) return false;
  BeginStretch();
  return true;
}

void ThreadRecorder::Stop() {
  Write(shm::Kind::kEnd, 0, {});
  process_->Pause();
}

// Adds the frames that run already to the stack. Readers find them in the header of the next block. A frame that was
// recorded before and is still open keeps its number. All values are unknown until they are compared again.
void ThreadRecorder::Rejoin() {
  stretch_ = process_->stretch();
  if (!writer_) return;
  KeepError keep;
  serial_ = NextSerial();                                  // the values of suspended generators become unknown, too
  std::vector<std::pair<SmileyFrame, CodeInfo*>> running;  // innermost first
  SmileyFrame frame;
  bool innermost = true;
  for (int more = smiley_innermost_frame(PyThreadState_Get(), &frame); more; more = smiley_outer_frame(&frame)) {
    CodeInfo* code = process_->codes().Of(frame.code);
    // A frame that is being called or resumed gets its own event next.
    const bool entering = innermost && (frame.lasti < 0 || code->OpcodeAt(frame.lasti) == RESUME);
    if (code->included && !entering) running.emplace_back(frame, code);
    innermost = false;
  }
  std::vector<FrameEntry*> known;
  known.swap(stack_);
  for (auto it = running.rbegin(); it != running.rend(); ++it) {
    const auto& [now, code] = *it;
    if (!process_->where().Reaches(stack_.size()) || !process_->Describe(code, now.code)) break;
    FrameEntry* entry = nullptr;
    const auto same = std::find_if(known.begin(), known.end(), [&now = now](const FrameEntry* one) {
      return one->key == now.key && one->object == now.code;
    });
    if (same != known.end()) {
      entry = *same;
      known.erase(same);
    } else {
      entry = NewEntry();
      entry->key = now.key;
      entry->code = code;
      entry->object = now.code;
      entry->id = process_->NextFrame();
      if (values_) entry->shadows.resize(code->slots.size());
    }
    const int line = smiley_line(&now);
    entry->line = static_cast<std::uint32_t>(std::max(line, 0));
    entry->thread = serial_;
    entry->raised = false;
    entry->rejoined = true;
    Forget(entry);
    stack_.push_back(entry);
  }
  for (FrameEntry* entry : known) Drop(entry);
  writer_->EndBlock();
}

}  // namespace smiley::tracer
