// Thread rule: AtStore and Started belong to the thread that starts; the words are said by whichever thread is ended.
//
// RocksDB looks at some bytes of a table before it compares their check sum, and where they are damaged it may end
// the process (abort, from an assertion) instead of saying so. Nothing can be saved in a process that is there; but
// it says what has happened and what to do next.
#pragma once

#include <filesystem>

namespace smiley::daemon::last_words {

// From now on an abort says that the store `dir` may be damaged, and the process ends with 1: on standard error, at
// the end of the file `log` unless that is empty, and to `starter` (>= 0: whoever waits for this daemon to start, as
// "CODE message"). Exceptions that nobody catches and
// other signals stay what they are. Once per process.
void AtStore(const std::filesystem::path& dir, const std::filesystem::path& log = {}, int starter = -1);
// Nobody waits any more; call it before the descriptor is closed.
void Started();

}  // namespace smiley::daemon::last_words
