// Thread rule: StoredNames may be read from any thread while one thread adds.
//
// The names of one process, read from its catalogue records. Words in pieces refer to them by id.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/run/archive.h"
#include "shm/base/mutex.h"
#include "shm/format.h"

namespace smiley::daemon {

class StoredNames : public Names {
 public:
  // Adds a record in the form that the store keeps (kSource: [file string id, number in the run], kTask: [name,
  // number in the run]). A record that cannot be read is ignored: its id stays unknown. A second record of one id is
  // ignored.
  void Add(shm::RecordType type, std::uint32_t id, std::string_view payload);

  const CodeRecord* FindCode(std::uint32_t id) const override;
  const std::string* FindString(std::uint32_t id) const override;
  std::uint32_t FindTask(std::uint32_t id) const override;

 private:
  bool ReadCode(std::string_view payload, CodeRecord* code) const SMILEY_REQUIRES_SHARED_LOCK(mutex_);
  mutable shm::SharedMutex mutex_;
  std::unordered_map<std::uint32_t, std::unique_ptr<const std::string>> strings_ SMILEY_GUARDED_BY(mutex_);
  mutable std::unordered_map<std::uint32_t, std::unique_ptr<const CodeRecord>> codes_ SMILEY_GUARDED_BY(mutex_);
  // Payloads, each decoded at the first FindCode.
  mutable std::unordered_map<std::uint32_t, std::string> unread_codes_ SMILEY_GUARDED_BY(mutex_);
  // Process-local id to number in the run.
  std::unordered_map<std::uint32_t, std::uint32_t> sources_ SMILEY_GUARDED_BY(mutex_);
  std::unordered_map<std::uint32_t, std::uint32_t> tasks_ SMILEY_GUARDED_BY(mutex_);
};

}  // namespace smiley::daemon
