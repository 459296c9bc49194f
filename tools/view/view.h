// Thread rule: a View belongs to one thread.
//
// Shows a stream of events so that a person can follow it. Loops are folded. On a terminal the rows a second are
// limited, and a row says how many events were skipped. Exceptions, losses and marks are shown even then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/link/event_view.h"
#include "tools/terminal/screen.h"
#include "tools/view/fold.h"
#include "tools/view/render.h"

namespace smiley::tools {

class View {
 public:
  struct Options {
    RenderOptions render;
    bool fold = true;
    bool paced =
        false;  // for a live terminal: skip events rather than fall behind, and rewrite interim rows of loops
    double rows_per_second = 45;
    double burst_rows = 240;  // rows at once after a quiet time
  };
  // `write` gets whole rows with their newlines. When paced, it also gets codes that rewrite the row above.
  View(const Options& options, std::function<void(std::string_view)> write);

  Renderer& renderer() { return renderer_; }
  // `now_ns`: monotonic time.
  void AddEvent(EventView event, std::int64_t now_ns);
  void AddGap(std::uint64_t skipped, std::int64_t now_ns);  // events that the daemon skipped
  void BeginRun(const RunView& run);
  // Several runs share the terminal, and the events of this run follow.
  void ResumeRun(const RunView& run);
  void EndRun(const RunView& run);
  // Shows the interim rows of loops. Called a few times a second.
  void Tick(std::int64_t now_ns);
  // Shows all pending events: after a quiet time, at the end, and before another message.
  void Flush();

 private:
  void Show(const EventView& event);
  void ShowFold(const FoldSummary& fold);
  void Write(const Renderer::Rows& rows);
  void Refill(std::int64_t now_ns);
  bool MayShow(bool important, std::uint64_t events);
  void ShowSkipped();
  static bool IsImportant(const EventView& event);

  Options options_;
  std::function<void(std::string_view)> write_;
  Renderer renderer_;
  Folder folder_;
  Renderer::Rows rows_;
  double tokens_;                 // rows that may be shown now
  double important_tokens_ = 20;  // the same for important events while others are skipped
  std::int64_t refilled_ns_ = 0;  // monotonic time of the last refill; 0 = none yet
  std::uint64_t skipped_ = 0;
  bool skipping_ = false;
  bool last_row_is_interim_ = false;  // the row above is an interim summary of a loop
  std::uint32_t interim_thread_ = 0;  // the thread of that summary
};

// Options with the width and colours of the screen.
View::Options MakeViewOptions(const Screen& screen);

}  // namespace smiley::tools
