// Thread rule: functions are safe from any thread (local times read the time zone that was set at start).
//
// Text as terminals show it: column widths, control characters made visible, cutting, padding, and numbers, sizes and
// times as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::tools {

// Columns that `text` takes (wide characters two, combining ones none). Bytes that are no UTF-8 take one.
std::size_t Columns(std::string_view text);
// One line without control characters: tabs become spaces up to the next multiple of 4, others \n, \x1b …; bytes that
// are no UTF-8, lone surrogates and characters that turn the writing direction become U+FFFD or \u….
std::string Clean(std::string_view text);
// At most `width` columns; what is cut ends with `…` ("..." without Unicode). REQUIRES clean text.
std::string Cut(std::string_view text, std::size_t width, bool unicode = true);
// The same, cut at the front: the end of a path says more than its beginning.
std::string CutFront(std::string_view text, std::size_t width, bool unicode = true);
// With spaces up to `width` columns; longer text stays.
std::string PadRight(std::string_view text, std::size_t width);
std::string PadLeft(std::string_view text, std::size_t width);

std::string Number(std::uint64_t n);    // 1,234,567
std::string Bytes(std::uint64_t n);     // 512 B, 3.4 MB (powers of 1,000)
std::string Duration(std::int64_t ns);  // 850 ns, 12.3 ms, 4.56 s, 3 min 20 s, 2 h 05 min
std::string Plural(std::uint64_t n, std::string_view one, std::string_view many);  // "1 event", "3 events"
std::string LocalDateTime(std::int64_t ns);                                        // 2026-05-01 12:30:05
std::string LocalTime(std::int64_t ns);                                            // 12:30:05.123
// As typed in a shell: words quoted where a shell would need it.
std::string CommandLine(const std::vector<std::string>& words);
// The part of a path after its last slash; names like <string> as they are.
std::string_view BaseName(std::string_view path);

// Reads one character of UTF-8 at `*at`, moving it behind; 0xFFFFFFFF for a byte that begins none.
std::uint32_t NextCharacter(std::string_view text, std::size_t* at);
// 0, 1 or 2 columns.
int CharacterColumns(std::uint32_t character);

}  // namespace smiley::tools
