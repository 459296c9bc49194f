// Thread rule: functions are safe from any thread. Local times use the time zone of the process's start.
//
// Text for terminals: column widths, visible control characters, cutting and padding; numbers, sizes and times for
// people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::tools {

// Columns that `text` takes: two for a wide character, none for a combining one, one for a byte that is not UTF-8.
std::size_t Columns(std::string_view text);
// Clean text: one line that no terminal interprets. Tabs become spaces up to the next multiple of 4, other control
// characters \n, \x1b …. Bytes that are not UTF-8 become U+FFFD; lone surrogates and characters that change the
// writing direction become \u….
std::string Clean(std::string_view text);
// The first `width` columns. A cut text ends with `…`, or "..." without Unicode. REQUIRES clean text.
std::string Cut(std::string_view text, std::size_t width, bool unicode = true);
// The last `width` columns; used for paths, whose end says more than their beginning.
std::string CutFront(std::string_view text, std::size_t width, bool unicode = true);
// Pads with spaces to `width` columns. Longer text is not cut.
std::string PadRight(std::string_view text, std::size_t width);
std::string PadLeft(std::string_view text, std::size_t width);

std::string Number(std::uint64_t n);    // 1,234,567
std::string Bytes(std::uint64_t n);     // 512 B, 3.4 MB (powers of 1,000)
std::string Duration(std::int64_t ns);  // 850 ns, 12.3 ms, 4.56 s, 3 min 20 s, 2 h 05 min
std::string Plural(std::uint64_t n, std::string_view one, std::string_view many);  // "1 event", "3 events"
std::string LocalDateTime(std::int64_t ns);                                        // 2026-05-01 12:30:05
std::string LocalTime(std::int64_t ns);                                            // 12:30:05.123
// The command as typed in a shell, with quotes where a shell needs them.
std::string CommandLine(const std::vector<std::string>& words);
// The part of a path after its last slash. Names like <string> are returned whole.
std::string_view BaseName(std::string_view path);

// Decodes the UTF-8 character at `*at` and advances `*at`. 0xFFFFFFFF for a byte that begins no character.
std::uint32_t NextCharacter(std::string_view text, std::size_t* at);
// The columns of a character: 0, 1 or 2.
int CharacterColumns(std::uint32_t character);

}  // namespace smiley::tools
