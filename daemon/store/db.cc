#include "daemon/store/db.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace smiley::daemon {
namespace {

constexpr std::array<const char*, kFamilies> kNames = {"default", "chunks", "index", "catalogue", "derived"};

// RocksDB asserts that an empty slice, too, has a pointer that is not null.
rocksdb::Slice ToSlice(std::string_view text) {
  return text.empty() ? rocksdb::Slice("", 0) : rocksdb::Slice(text.data(), text.size());
}

Status ToStatus(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return {};
  const std::string text = what + ": " + status.ToString();
  if (status.IsNotFound()) return {Code::kNotFound, text};
  if (status.IsNoSpace()) return {Code::kNoSpace, text};
  if (status.IsCorruption()) return {Code::kDamaged, text};
  if (text.find("lock") != std::string::npos && status.IsIOError()) {
    return {Code::kBusy, what + ": another process has the store open"};
  }
  if (text.find("Permission denied") != std::string::npos ||
      text.find("Read-only file system") != std::string::npos) {
    return {Code::kPermission, text};
  }
  return {Code::kIo, text};
}

rocksdb::CompressionType BestCompression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  for (auto type : {rocksdb::kZSTD, rocksdb::kLZ4Compression}) {
    if (std::find(supported.begin(), supported.end(), type) != supported.end()) return type;
  }
  return rocksdb::kNoCompression;
}

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = 96u << 20;  // a family that is written rarely must not keep old logs
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 1u << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_manifest_file_size = 4u << 20;
  options.manifest_preallocation_size = 256u << 10;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.max_write_buffer_number = 2;
  if (family == Family::kChunks) {
    options.compression = rocksdb::kNoCompression;  // the values are compressed already
    options.write_buffer_size = 16u << 20;
    table.block_size = 32u << 10;
  } else {
    options.compression = BestCompression();
    options.write_buffer_size = 4u << 20;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB takes a directory without CURRENT for a new database, and removes the tables in it.
bool LostItsBeginning(const std::filesystem::path& dir) {
  std::error_code error;
  if (std::filesystem::exists(dir / "CURRENT", error)) return false;
  for (std::filesystem::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
    // A process that was killed while it created a database leaves at most a list without tables.
    std::error_code ignored;
    if (at->path().extension() == ".sst" || (at->path().extension() == ".log" && at->file_size(ignored) > 0))
      return true;
  }
  return false;
}

}  // namespace

struct StoreDb::Impl {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::atomic<bool> cancelled{false};

  rocksdb::ColumnFamilyHandle* At(Family family) const { return families[static_cast<std::size_t>(family)]; }
  ~Impl() {
    if (!db) return;
    for (auto* family : families) {
      if (family != nullptr) db->DestroyColumnFamilyHandle(family);
    }
    db->Close().PermitUncheckedError();
  }
};

Result<std::unique_ptr<StoreDb>> StoreDb::Open(const std::filesystem::path& dir, bool read_only) {
  const std::string what = "cannot open the store " + dir.string();
  std::error_code error;
  if (LostItsBeginning(dir)) return Status(Code::kDamaged, what + ": its file CURRENT is missing");
  if (read_only && !std::filesystem::exists(dir / "CURRENT", error)) {
    return Status(Code::kNotFound, "there is no store in " + dir.string() + ": nothing was recorded yet");
  }
  auto cache = rocksdb::NewLRUCache(16u << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  std::size_t families = kFamilies;
  if (read_only) {  // an older store may have fewer families; a missing one reads as empty
    std::vector<std::string> there;
    const auto listed = rocksdb::DB::ListColumnFamilies(DatabaseOptions(), dir.string(), &there);
    if (listed.ok()) families = std::min(families, there.size());
  }
  for (std::size_t i = 0; i < families; ++i) {
    descriptors.emplace_back(kNames[i], FamilyOptions(static_cast<Family>(i), cache));
  }
  std::unique_ptr<StoreDb> store(new StoreDb);
  store->impl_ = std::make_unique<Impl>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      read_only
          ? rocksdb::DB::OpenForReadOnly(DatabaseOptions(), dir.string(), descriptors, &store->impl_->families, &db)
          : rocksdb::DB::Open(DatabaseOptions(), dir.string(), descriptors, &store->impl_->families, &db);
  store->impl_->db.reset(db);
  if (!status.ok()) {
    const Status why = ToStatus(status, what);
    // RocksDB's list of files names a file that does not exist.
    if (status.ToString().find("No such file") != std::string::npos) return Status(Code::kDamaged, why.message());
    return why;
  }
  store->impl_->families.resize(kFamilies, nullptr);
  return store;
}

StoreDb::~StoreDb() = default;

Status StoreDb::Write(const WriteList& list) {
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  for (const auto& change : list.changes()) {
    auto* family = impl_->At(change.family);
    switch (change.op) {
      case WriteList::Op::kPut:
        status = batch.Put(family, change.key, change.value);
        break;
      case WriteList::Op::kDelete:
        status = batch.Delete(family, change.key);
        break;
      case WriteList::Op::kDeleteRange:
        status = batch.DeleteRange(family, change.key, change.value);
        break;
    }
    if (!status.ok()) return ToStatus(status, "cannot write to the store");
  }
  return ToStatus(impl_->db->Write(rocksdb::WriteOptions(), &batch), "cannot write to the store");
}

Status StoreDb::SyncLog() { return ToStatus(impl_->db->SyncWAL(), "cannot sync the store's log"); }

Result<std::string> StoreDb::Get(Family family, std::string_view key) const {
  if (impl_->At(family) == nullptr) return Status(Code::kNotFound, "an older store has no such records");
  rocksdb::ReadOptions options;
  options.fill_cache = family != Family::kChunks;
  std::string value;
  const Status status =
      ToStatus(impl_->db->Get(options, impl_->At(family), ToSlice(key), &value), "cannot read the store");
  if (!status.ok()) return status;
  return value;
}

Status StoreDb::Scan(Family family, std::string_view from, std::string_view to, std::size_t limit,
                     std::vector<KeyValue>* out) const {
  if (impl_->At(family) == nullptr) return {};
  rocksdb::ReadOptions options;
  options.fill_cache = family != Family::kChunks;
  const rocksdb::Slice upper = ToSlice(to);
  options.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(options, impl_->At(family)));
  for (at->Seek(ToSlice(from)); at->Valid() && limit > 0; at->Next(), --limit) {
    out->emplace_back(at->key().ToString(), at->value().ToString());
  }
  return ToStatus(at->status(), "cannot read the store");
}

Result<std::optional<KeyValue>> StoreDb::Last(Family family, std::string_view from, std::string_view to) const {
  if (impl_->At(family) == nullptr) return std::optional<KeyValue>();
  rocksdb::ReadOptions options;
  const rocksdb::Slice upper = ToSlice(to);
  const rocksdb::Slice lower = ToSlice(from);
  options.iterate_upper_bound = &upper;
  options.iterate_lower_bound = &lower;
  std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(options, impl_->At(family)));
  at->SeekToLast();
  const Status status = ToStatus(at->status(), "cannot read the store");
  if (!status.ok()) return status;
  std::optional<KeyValue> found;
  if (at->Valid()) found.emplace(at->key().ToString(), at->value().ToString());
  return found;
}

Status StoreDb::Compact(Family family, std::string_view from, std::string_view to) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &impl_->cancelled;
  const rocksdb::Slice begin = ToSlice(from), end = ToSlice(to);
  const rocksdb::Status status = impl_->db->CompactRange(options, impl_->At(family), &begin, &end);
  if (status.IsIncomplete()) return {};  // cancelled
  return ToStatus(status, "cannot free disk space");
}

Status StoreDb::Flush() {
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  return ToStatus(impl_->db->Flush(options, impl_->families), "cannot write the store's tables");
}

Status StoreDb::Verify() const {
  return ToStatus(impl_->db->VerifyChecksum(rocksdb::ReadOptions()), "a table of the store is damaged");
}

void StoreDb::CancelCompactions() { impl_->cancelled = true; }

Status StoreDb::Resume() { return ToStatus(impl_->db->Resume(), "the store is not usable"); }

std::uint64_t StoreDb::DiskBytes() const {
  std::uint64_t total = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(impl_->db->GetName(), error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    const auto size = at->is_regular_file(ignored) ? at->file_size(ignored) : 0;
    if (!ignored && at->path().filename() != "ballast") total += size;
  }
  return total;
}

}  // namespace smiley::daemon
