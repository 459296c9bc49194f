// Thread rule: a Renderer belongs to one thread.
//
// Renders events as rows of a terminal: thread, file:line, a mark for the kind, and the source text, values or
// exception, in aligned columns. It makes no requests and writes nothing.
//
//   MainThread │  shop.py:12 → def pay(cart, amount):
//              │                 cart = [1, 2]  amount = -3
//              │  shop.py:13     if amount < 0:
//              │  shop.py:14 ✗     ValueError: negative
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/link/event_view.h"
#include "tools/link/run_view.h"
#include "tools/view/fold.h"
#include "tools/view/source_texts.h"

namespace smiley::tools {

struct RenderOptions {
  bool color = false;
  bool unicode = true;
  bool thread_in_every_row = true;  // false: only where the thread differs from the row above (terminals)
  bool times = false;               // a column with the local time
  std::size_t width =
      0;  // columns; longer rows are cut; 0 = rows are not cut, and values have kFreeValueWidth columns at most
};
inline constexpr std::size_t kFreeValueWidth = 200;

class Renderer {
 public:
  explicit Renderer(const RenderOptions& options) : options_(options) {}

  SourceTexts& sources() { return sources_; }
  // Adds a source, and widens the column of places for its name and line numbers.
  void AddSource(std::uint32_t number, const std::string& file, std::string text);
  void SetWidth(std::size_t width) { options_.width = width; }
  void NameThread(std::uint32_t process, std::uint32_t thread, std::string name);
  bool KnowsThread(std::uint32_t thread) const { return thread_names_.count(thread) != 0; }
  void ForgetRun();  // forgets sources and threads, before the events of another run
  // The next row shows its thread even if the row above has the same one, because it will replace that row.
  void RepeatThread() { has_last_thread_ = false; }

  // Each Render function appends rows, without newlines.
  using Rows = std::vector<std::string>;
  void RenderEvent(const EventView& event, Rows* rows);
  void RenderFold(const FoldSummary& fold, Rows* rows);
  void RenderGap(std::uint64_t skipped, Rows* rows);
  void RenderRunBegin(const RunView& run, Rows* rows);
  void RenderRunEnd(const RunView& run, Rows* rows);

 private:
  struct Where {
    std::uint32_t process = 0, thread = 0;
    std::int64_t time_ns = 0;
    std::string place;      // file:line; empty = none
    std::string_view mark;  // one column; empty = none
    std::string_view mark_style;
  };
  std::string Prefix(const Where& where);
  std::size_t PrefixColumns() const;
  // Appends one row: prefix, `indent` spaces, then parts of style and clean text, cut to the width.
  using Parts = std::vector<std::pair<std::string_view, std::string>>;
  void AppendRow(const Where& where, std::size_t indent, const Parts& parts, Rows* rows);
  void AppendChanges(const EventView& event, std::size_t indent, Rows* rows);
  void AppendSource(const EventView& event, const Where& where, Rows* rows);
  void AppendThreadEvent(const EventView& event, Where where, Rows* rows);
  std::size_t BodyIndent(const EventView& event) const;
  std::size_t LineIndent(const EventView& event, std::string_view text);
  std::string ValueText(const std::string& json) const;
  std::string ThreadLabel(std::uint32_t process, std::uint32_t thread) const;
  std::string_view ThreadStyle(std::uint32_t thread) const;
  std::string Exception(const EventView& event) const;
  std::string_view Mark(std::string_view unicode, std::string_view ascii) const {
    return options_.unicode ? unicode : ascii;
  }

  RenderOptions options_;
  SourceTexts sources_;
  std::unordered_map<std::uint32_t, std::pair<std::uint32_t, std::string>>
      thread_names_;  // by thread: process and name
  std::map<std::pair<std::string, std::string>, std::size_t>
      def_indent_;  // by file and function: columns before its def
  std::size_t place_columns_ = 14;
  std::size_t thread_columns_ = 10;
  bool many_processes_ = false;
  std::uint32_t last_thread_ = 0;
  bool has_last_thread_ = false;
};

}  // namespace smiley::tools
