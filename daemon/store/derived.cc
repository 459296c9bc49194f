// Derived data of runs, which can be computed from their chunks again.
#include "daemon/store/impl.h"

namespace smiley::daemon {

Status StoreImpl::WriteDerived(const std::string& run,
                               const std::function<void(const std::string& prefix, WriteList*)>& fill) {
  if (options_.read_only) return {Code::kPermission, "the store is open for reading only"};
  const shm::MutexLock write_lock(write_mutex_);
  const auto record = FindRecord(run, true);
  if (!record) return {Code::kNotFound, "no run " + run + " in the store"};
  WriteList list;
  fill(RunPrefix(record->key), &list);
  if (list.empty()) return {};
  // Without room it is not written, and no problem is reported: the run itself is complete.
  if (const Status status = guard_.Admit(list.bytes()); !status.ok()) return status;
  const Status status = db_->Write(list);
  if (!status.ok()) broken_ = true;
  return status;
}

Status StoreImpl::PutDerived(const std::string& run, const std::vector<DerivedItem>& items) {
  return WriteDerived(run, [&](const std::string& prefix, WriteList* list) {
    for (const auto& [key, value] : items) list->Put(Family::kDerived, prefix + key, value);
  });
}

Status StoreImpl::ClearDerived(const std::string& run) {
  return WriteDerived(run, [&](const std::string& prefix, WriteList* list) {
    std::string end = prefix;
    for (std::size_t i = end.size(); i-- > 0;) {
      if (++reinterpret_cast<unsigned char&>(end[i]) != 0) break;
    }
    list->DeleteRange(Family::kDerived, prefix, end);
  });
}

}  // namespace smiley::daemon
