// Thread rule: a View belongs to one thread.
//
// What a person can follow of a stream of events: loops folded, and on terminals no more rows a second than can be
// read, with a row that says how many events were passed over. Exceptions, losses and marks are shown even then.
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
    bool paced = false;  // a live terminal: skip rather than fall behind; interim rows of loops are rewritten
    double rows_per_second = 45;
    double burst_rows = 240;  // that many at once when it was quiet before
  };
  // `write` gets whole rows with their newlines (and, when paced, the codes that rewrite the row above).
  View(const Options& options, std::function<void(std::string_view)> write);

  Renderer& renderer() { return renderer_; }
  // `now_ns`: monotonic time.
  void Event(EventView event, std::int64_t now_ns);
  void Gap(std::uint64_t skipped, std::int64_t now_ns);  // events that the daemon passed over
  void RunBegin(const RunView& run);
  void RunAgain(const RunView& run);  // of several runs, this one's events come next
  void RunEnd(const RunView& run);
  // Nothing has come for a while, or a moment has passed: shows what is kept back.
  void Idle();
  void Moment(std::int64_t now_ns);
  // Shows everything that is kept back; before other words are printed.
  void Flush();
  // Rows that do not count: history that was asked for.
  void SetPaced(bool paced) { options_.paced = paced; }

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
  double tokens_;
  double important_tokens_ = 20;
  std::int64_t refilled_ns_ = 0;
  std::uint64_t skipped_ = 0;
  bool skipping_ = false;
  bool last_row_is_interim_ = false;  // the row above is a fold that goes on ...
  std::uint32_t interim_thread_ = 0;  // ... of this thread
};

// Rows as wide and as coloured as the output takes them; nothing else is chosen.
View::Options MakeViewOptions(const Screen& screen);

}  // namespace smiley::tools
