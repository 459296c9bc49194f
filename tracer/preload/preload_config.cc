#include "tracer/preload/preload_config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace smiley::tracer {
namespace {

constexpr size_t kEntryLen = sizeof(kRunEntry) - 1;
constexpr size_t kVersionAt = kEntryLen;     // "1;"
constexpr size_t kTokenAt = kVersionAt + 2;  // 16 hex, ';'
constexpr size_t kPidAt = kTokenAt + 17;     // 8 hex, ';'
constexpr size_t kStartAt = kPidAt + 9;      // 16 hex, ';'
constexpr size_t kKeysAt = kStartAt + 17;
constexpr char kListKeys[] = "iecO";  // include, exclude, redact, options

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool ReadHex(const char* at, size_t digits, uint64_t* out) {
  uint64_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = HexDigit(at[i]);
    if (digit < 0) return false;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  *out = value;
  return true;
}

void PutHex(char* at, size_t digits, uint64_t value) {
  for (size_t i = digits; i > 0; --i, value >>= 4) at[i - 1] = "0123456789abcdef"[value & 15];
}

uint64_t ReadNumber(const char** at) {
  uint64_t value = 0;
  for (; **at >= '0' && **at <= '9'; ++*at) value = value * 10 + static_cast<uint64_t>(**at - '0');
  return value;
}

uint64_t Number(const char* text) { return ReadNumber(&text); }

// Decodes %XX in place; `text` ends at its NUL.
void Unescape(char* text) {
  char* to = text;
  for (const char* from = text; *from; ++from) {
    uint64_t byte;
    if (*from == '%' && from[1] && ReadHex(from + 1, 2, &byte)) {
      *to++ = static_cast<char>(byte);
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  *to = 0;
}

// The values of a key that repeats. `items` has room for every key of the entry.
struct List {
  const char** items = nullptr;
  uint32_t count = 0;
};

void ReadLimits(const char* text, SmileyStartConfig* config) {
  uint32_t* const limits[] = {&config->max_depth, &config->max_items, &config->max_chars, &config->max_nodes,
                              &config->max_bytes};
  for (uint32_t* limit : limits) {
    *limit = static_cast<uint32_t>(ReadNumber(&text));
    if (*text == ',') ++text;
  }
}

void ReadKey(char key, const char* value, Handoff* handoff) {
  SmileyStartConfig& config = handoff->config;
  switch (key) {
    case 'r':
      config.run = value;
      break;
    case 'h':
      config.home = value;
      break;
    case 'n':
      config.name = value;
      break;
    case 'w':
      config.wall_minus_mono_ns =
          value[0] == '-' ? -static_cast<int64_t>(Number(value + 1)) : static_cast<int64_t>(Number(value));
      break;
    case 's':
      config.smiley = value;
      break;
    case 'm':
      handoff->module_dir = value;
      break;
    case 'l':
      handoff->library = value;
      break;
    case 't':
      config.test_point = value;
      break;
    case 'd':
      config.detail = static_cast<SmileyDetail>(Number(value));
      break;
    case 'f':
      config.follow = static_cast<uint32_t>(Number(value));
      break;
    case 'o':
      config.on_full = static_cast<uint32_t>(Number(value));
      break;
    case 'H':
      config.hold = 1;
      break;
    case 'b':
      config.block_timeout_ms = static_cast<uint32_t>(Number(value));
      break;
    case 'R':
      config.first_ring_bytes = Number(value);
      break;
    case 'q':
      config.ring_bytes = Number(value);
      break;
    case 'x':
      config.where = value;
      break;
    case 'I':
      config.include_stdlib = 1;
      break;
    case 'S':
      config.no_site_packages = 1;
      break;
    case 'N':
      config.no_redact = 1;
      break;
    case 'D':
      config.deep = 1;
      break;
    case 'L':
      ReadLimits(value, &config);
      break;
    case 'M':
      config.max_frames = static_cast<uint32_t>(Number(value));
      break;
    case 'A':
      config.start_at = value;
      break;
    case 'Z':
      config.stop_after = value;
      break;
    case 'E':
      config.explain = value;
      break;
    case 'g':
      config.gc = 1;
      break;
    case 'G':
      config.imports = 1;
      break;
    case 'k':
      config.logs = 1;
      break;
    case 'C':
      config.c_calls = 1;
      break;
    case 'u':
      config.ledger = value;
      break;
    case 'p':
      config.stdin_source = value;
      break;
    default:
      break;
  }
}

// Returns the index of the script, -m, -c or "-" in argv; argc when there is none. The interpreter takes the words
// before it.
int ProgramIndex(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const char* word = argv[i];
    if (word[0] != '-' || word[1] == 0) return i;
    if (word[1] == '-') {
      if (word[2] == 0) return i + 1;
      if (!strcmp(word, "--check-hash-based-pycs")) ++i;
      continue;
    }
    for (const char* flag = word + 1; *flag; ++flag) {
      if (*flag == 'c' || *flag == 'm') return i;
      if (*flag == 'W' || *flag == 'X') {
        if (flag[1] == 0) ++i;
        break;
      }
    }
  }
  return argc;
}

}  // namespace

void WriteHead(char* child_entry, uint64_t token, uint32_t pid, uint64_t start) {
  PutHex(child_entry + kTokenAt, 16, token);
  PutHex(child_entry + kPidAt, 8, pid);
  PutHex(child_entry + kStartAt, 16, start);
}

Handoff* DecodeHandoff(const char* entry, int argc, char** argv, uint64_t token) {
  const size_t length = strlen(entry);
  uint64_t parent_token, parent_pid, parent_start;
  if (length < kKeysAt || entry[kVersionAt] != '1' || entry[kVersionAt + 1] != ';' ||
      !ReadHex(entry + kTokenAt, 16, &parent_token) || !ReadHex(entry + kPidAt, 8, &parent_pid) ||
      !ReadHex(entry + kStartAt, 16, &parent_start)) {
    return nullptr;
  }
  size_t keys = 1;
  for (const char* at = entry + kKeysAt; *at; ++at) keys += *at == ';';
  // One mapping has the struct, the four lists (each has room for every key), the child's entry, and the decoded
  // text.
  const size_t lists_bytes = 4 * keys * sizeof(char*);
  const size_t bytes = sizeof(Handoff) + lists_bytes + 2 * (length + 1);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  Handoff* const handoff = static_cast<Handoff*>(memory);
  auto** const pointers = reinterpret_cast<const char**>(handoff + 1);
  char* const child = reinterpret_cast<char*>(pointers + 4 * keys);
  char* const text = child + length + 1;
  memcpy(child, entry, length + 1);
  memcpy(text, entry, length + 1);
  handoff->child_entry = child;

  SmileyStartConfig& config = handoff->config;  // other members are zero, as in every new mapping
  config.version = SMILEY_START_VERSION;
  config.bytes = sizeof(SmileyStartConfig);
  config.name = "";
  config.detail = kSmileyValues;
  config.follow = 1;
  config.block_timeout_ms = 10000;
  config.kind = parent_token ? kSmileyExec : kSmileyFirst;
  config.token = token;
  config.parent_token = parent_token;
  config.parent_pid = static_cast<uint32_t>(parent_pid);
  config.parent_start = parent_start;
  config.argv = argv;
  config.argv_count = static_cast<uint32_t>(argc);
  const int program = ProgramIndex(argc, argv);
  config.command = argv + program;
  config.command_count = static_cast<uint32_t>(program < argc ? argc - program : 0);

  List lists[4] = {{pointers, 0}, {pointers + keys, 0}, {pointers + 2 * keys, 0}, {pointers + 3 * keys, 0}};
  for (char* at = text + kKeysAt; *at;) {
    char* end = at;
    while (*end && *end != ';') ++end;
    const bool last = *end == 0;
    *end = 0;
    if (at[0] && at[1] == '=') {
      Unescape(at + 2);
      const char* const which = strchr(kListKeys, at[0]);
      if (which) {
        List& list = lists[which - kListKeys];
        list.items[list.count++] = at + 2;
      } else {
        ReadKey(at[0], at + 2, handoff);
      }
      // Only the first process gets the source of standard input. It is the last key, so the children's entry ends
      // before it.
      if (at[0] == 'p') child[at - text - 1] = 0;
    }
    if (last) break;
    at = end + 1;
  }
  config.include = lists[0].items, config.include_count = lists[0].count;
  config.exclude = lists[1].items, config.exclude_count = lists[1].count;
  config.redact = lists[2].items, config.redact_count = lists[2].count;
  config.options = lists[3].items, config.options_count = lists[3].count;
  if (!config.run || !config.home || !config.smiley || !handoff->module_dir || !handoff->library) {
    munmap(memory, bytes);
    return nullptr;
  }
  return handoff;
}

}  // namespace smiley::tracer
