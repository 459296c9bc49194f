// Thread rule: guarded by the GIL. A CodeInfo lives as long as its code object (the interpreter reports its death).
//
// The analysis of one code object, made once from its bytecode (co_code, never the specialised one): whether it is
// recorded, its names, and for each line the names that its instructions touch.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tracer/code/sources.h"

namespace smiley::tracer {

class Catalogue;
struct CaptureContext;

// Where a variable is stored: in the frame, in a cell of the frame, in a cell of the closure, in the namespace of a
// module or class body, or in the globals.
enum class Storage : std::uint8_t { kFast, kCell, kFree, kName, kGlobal };

struct Slot {
  Storage storage = Storage::kFast;
  bool redacted = false;
  std::uint32_t index = 0;       // localsplus index
  std::uint32_t free_index = 0;  // kFree: index in the closure
  PyObject* name = nullptr;      // owned
  std::uint32_t name_id = 0;     // catalogue string id in `generation`; 0: not written yet
};

// The range in CodeInfo::touched that belongs to one line.
struct Touch {
  std::uint32_t begin = 0, end = 0;
};

struct CodeInfo {
  bool included = false;
  bool generator = false;       // generator, coroutine, async generator
  bool namespace_body = false;  // module or class body, exec
  bool hooked = false;          // its own events are on
  bool library = false;         // in the standard library, or left out because the library compiled it
  bool made_elsewhere = false;  // compiled from `text`, which is in no file; null when the text is not known
  SourceTexts::Text text;
  std::uint32_t generation = 0;  // of the catalogue to which `id` belongs (a fork begins a new one)
  std::uint32_t id = 0;          // catalogue id; 0 = not written yet
  std::uint32_t first_line = 0;
  std::vector<Slot> slots;
  std::vector<std::uint16_t> opcodes;  // opcode | oparg low byte << 8, one a code unit
  std::vector<std::uint32_t> touched;  // slot numbers, concatenated
  std::vector<Touch> lines;            // by line - first_touched_line
  std::int32_t first_touched_line = 0;
  std::unordered_map<int, bool> whole;                   // lines that compare the whole namespace
  std::unordered_map<PyObject*, std::uint32_t> by_name;  // namespace bodies: name → slot
  // A cache of steps from line to line, direct-mapped. Its size is a power of two, or 0 before the first step.
  struct Touched {
    std::uint32_t slot;
    std::uint32_t index;  // Slot::index of a kFast slot, else kElsewhere
    static constexpr std::uint32_t kElsewhere = ~0u;
  };
  struct Step {
    std::uint32_t before = 0, line = UINT32_MAX;
    std::vector<Touched> slots;
    bool taken() const { return line != UINT32_MAX; }
  };
  std::vector<Step> steps;
  // The jumps backwards within one line that were executed so far: the byte of the jump and its line.
  struct InnerJump {
    long from;
    int line;
  };
  std::vector<InnerJump> inner_jumps;
  // Where recording begins or ends, see control.h. An empty module has a line 0, so kNoLine means no line.
  bool starts = false, stops = false;
  bool logs = false;           // its second argument is a log record to be recorded
  bool bounds_thread = false;  // the threading module calls it at the beginning or end of a thread
  std::uint32_t start_line = 0;
  static constexpr std::uint32_t kNoLine = ~0u;
  std::uint32_t stop_line = kNoLine;
  // For the catalogue: the slots that each line reads and writes.
  struct Uses {
    int line;
    std::vector<std::uint32_t> reads, writes;
  };
  std::vector<Uses> uses;

  PyCodeObject* object = nullptr;                // while hooked
  CodeInfo *before = nullptr, *after = nullptr;  // neighbours in the table's list of hooked code

  CodeInfo() = default;
  CodeInfo(const CodeInfo&) = delete;
  CodeInfo& operator=(const CodeInfo&) = delete;
  ~CodeInfo();
  // The slots that the instructions of either line touch, each once. Valid until the next call.
  const std::vector<Touched>& Between(std::uint32_t before, std::uint32_t line) {
    if (!steps.empty()) [[likely]] {
      const Step& step = steps[StepIndex(before, line)];
      if (step.before == before && step.line == line) [[likely]]
        return step.slots;
    }
    return MakeStep(before, line);
  }
  // The slots that the line's own instructions touch; empty for an unknown line.
  const std::uint32_t* Begin(std::uint32_t line, const std::uint32_t** end) const {
    const std::int64_t at = static_cast<std::int64_t>(line) - first_touched_line;
    if (at < 0 || at >= static_cast<std::int64_t>(lines.size())) {
      *end = nullptr;
      return nullptr;
    }
    const Touch t = lines[static_cast<std::size_t>(at)];
    *end = touched.data() + t.end;
    return touched.data() + t.begin;
  }
  int OpcodeAt(int lasti) const {
    return lasti >= 0 && static_cast<std::size_t>(lasti) < opcodes.size()
               ? opcodes[static_cast<std::size_t>(lasti)] & 0xff
               : -1;
  }
  int OpargAt(int lasti) const {
    return lasti >= 0 && static_cast<std::size_t>(lasti) < opcodes.size()
               ? opcodes[static_cast<std::size_t>(lasti)] >> 8
               : 0;
  }
  std::size_t StepIndex(std::uint32_t before, std::uint32_t line) const {
    // Two factors and the high bits: the step back must not share the entry of the step there.
    return ((before * 0x9e3779b1u + line * 0x85ebca6bu) >> 16) & (steps.size() - 1);
  }
  const std::vector<Touched>& MakeStep(std::uint32_t before, std::uint32_t line);
  // The slot of a name in a namespace body, added when it is new. `redacted`: CaptureContext::RedactsName of the
  // name.
  std::uint32_t SlotOfName(PyObject* name, bool redacted);
};

// Fills in the names and lines from the bytecode. False: it cannot be read (an exception may be set).
bool Analyse(PyCodeObject* code, CodeInfo* info, CaptureContext* context);

}  // namespace smiley::tracer
