// Thread rule: a Renderer belongs to one thread.
//
// Events as rows of a terminal: who (thread), where (file:line), what kind (a mark), and the source text, values or
// exception, in columns that stay in line. Knows nothing of the daemon; writes nothing by itself.
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
#include "tools/view/source_book.h"

namespace smiley::tools {

struct RenderOptions {
  bool color = false;
  bool unicode = true;
  bool thread_in_every_row = true;  // false: only where it differs from the row above (terminals)
  bool times = false;               // a column with the local time
  std::size_t width = 0;            // columns; longer rows are cut; 0 = never cut, values take up to kFreeValueWidth
};
inline constexpr std::size_t kFreeValueWidth = 200;

class Renderer {
 public:
  explicit Renderer(const RenderOptions& options) : options_(options) {}

  SourceBook& sources() { return sources_; }
  // Also makes room for the file's name and line numbers, so that columns stay in line.
  void AddSource(std::uint32_t number, const std::string& file, std::string text);
  void SetWidth(std::size_t width) { options_.width = width; }
  void NameThread(std::uint32_t process, std::uint32_t thread, std::string name);
  bool KnowsThread(std::uint32_t thread) const { return thread_names_.count(thread) != 0; }
  void ForgetRun();  // before another run's events
  // The next row shows its thread although the row above has the same one: it takes that row's place.
  void RepeatThread() { has_last_thread_ = false; }

  using Rows = std::vector<std::string>;  // without newlines
  void Event(const EventView& event, Rows* rows);
  void Fold(const FoldSummary& fold, Rows* rows);
  void Gap(std::uint64_t skipped, Rows* rows);
  void RunBegin(const RunView& run, Rows* rows);
  void RunEnd(const RunView& run, Rows* rows);

 private:
  struct Where {
    std::uint32_t process = 0, thread = 0;
    std::int64_t time_ns = 0;
    std::string place;      // file:line, empty = none
    std::string_view mark;  // one column
    std::string_view mark_style;
  };
  std::string Prefix(const Where& where);
  std::size_t PrefixColumns() const;
  // One row: prefix, `indent` spaces, then parts of (style, clean text), cut to the width.
  using Parts = std::vector<std::pair<std::string_view, std::string>>;
  void Row(const Where& where, std::size_t indent, const Parts& parts, Rows* rows);
  void Changes(const EventView& event, std::size_t indent, Rows* rows);
  void Source(const EventView& event, const Where& where, Rows* rows);
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
  SourceBook sources_;
  std::unordered_map<std::uint32_t, std::pair<std::uint32_t, std::string>> thread_names_;  // thread: process, name
  std::map<std::pair<std::string, std::string>, std::size_t> def_indent_;  // file, function: indentation of its def
  std::size_t place_columns_ = 14;
  std::size_t thread_columns_ = 10;
  bool many_processes_ = false;
  std::uint32_t last_thread_ = 0;
  bool has_last_thread_ = false;
};

}  // namespace smiley::tools
