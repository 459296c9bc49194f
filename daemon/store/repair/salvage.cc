#include "daemon/store/repair/salvage.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace smiley::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, kFamilies> kNames = {"default", "chunks", "index", "catalogue", "derived"};
constexpr const char* kNoKey = "\xff nothing";
constexpr std::size_t kKeyWidth = 96;  // bytes of a key that are used as a number

// A range [from, to) of keys that could not be read; `to` empty = up to the end.
struct Stretch {
  std::string from, to;
  bool Holds(std::string_view key) const { return key >= from && (to.empty() || key < to); }
};

rocksdb::DBOptions ReadingOptions(rocksdb::WALRecoveryMode mode) {
  rocksdb::DBOptions options;
  options.create_if_missing = false;
  options.max_open_files = 256;
  options.wal_recovery_mode = mode;
  options.info_log_level = rocksdb::FATAL_LEVEL;
  return options;
}

// The key as a number, plus 2 to the power of `bit`; empty when that is beyond all keys.
std::string Plus(std::string key, std::size_t bit) {
  std::size_t at = kKeyWidth - 1 - bit / 8;
  unsigned carry = 1u << (bit % 8);
  while (true) {
    const unsigned sum = static_cast<unsigned char>(key[at]) + carry;
    key[at] = static_cast<char>(sum);
    carry = sum >> 8;
    if (carry == 0) return key;
    if (at-- == 0) return {};
  }
}
std::string Middle(const std::string& low, const std::string& high) {
  std::string middle(kKeyWidth, '\0');
  unsigned carry = 0;  // of the addition, then of the division
  std::array<unsigned, kKeyWidth> sum{};
  for (std::size_t i = kKeyWidth; i-- > 0;) {
    sum[i] = static_cast<unsigned char>(low[i]) + static_cast<unsigned char>(high[i]) + carry;
    carry = sum[i] >> 8;
    sum[i] &= 0xff;
  }
  for (std::size_t i = 0; i < kKeyWidth; ++i) {
    const unsigned value = (carry << 8) | sum[i];
    middle[i] = static_cast<char>(value / 2);
    carry = value % 2;
  }
  return middle;
}

bool CanSeek(rocksdb::Iterator* at, const std::string& key) {
  at->Seek(key);
  return at->Valid() || at->status().ok();
}

// The least key behind `last` from which the iterator can go on, found by bisection; empty: there is none.
std::string PassOver(rocksdb::Iterator* at, std::string last) {
  last.resize(kKeyWidth, '\0');
  std::string low = last, high;
  for (std::size_t bit = 0; bit < kKeyWidth * 8; ++bit) {
    high = Plus(last, bit);
    if (high.empty()) return {};
    if (CanSeek(at, high)) break;
    low = std::move(high);
    high.clear();
  }
  if (high.empty()) return {};
  while (true) {
    std::string middle = Middle(low, high);
    if (middle == low) return high;
    (CanSeek(at, middle) ? high : low) = std::move(middle);
  }
}

// Passes every readable record to `take`, and notes the unreadable stretches. False: `take` returned false.
bool Walk(rocksdb::Iterator* at, const DbSalvage::Take& take, std::vector<Stretch>* unread) {
  const rocksdb::Slice no_key(kNoKey);
  std::string next;  // the key to continue from
  for (at->SeekToFirst();;) {
    for (; at->Valid(); at->Next()) {
      if (at->key() == no_key) continue;
      if (!take({at->key().data(), at->key().size()}, {at->value().data(), at->value().size()})) return false;
      next.assign(at->key().data(), at->key().size());
      next += '\0';
    }
    if (at->status().ok()) return true;
    Stretch stretch{next, PassOver(at, next)};
    next = stretch.to;
    unread->push_back(std::move(stretch));
    if (next.empty()) return true;
    at->Seek(next);
  }
}

std::uint64_t FileNumber(const fs::path& table) { return std::strtoull(table.stem().c_str(), nullptr, 10); }

std::vector<fs::path> TablesIn(const fs::path& dir) {
  std::vector<fs::path> tables;
  std::error_code error;
  for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".sst") tables.push_back(at->path());
  }
  std::sort(tables.begin(), tables.end(),
            [](const fs::path& a, const fs::path& b) { return FileNumber(a) > FileNumber(b); });
  return tables;
}

// The tables at which RocksDB aborts when it opens them: a child process tries them.
std::set<fs::path> FatalTables(const std::vector<fs::path>& tables) {
  std::set<fs::path> fatal;
  for (std::size_t next = 0; next < tables.size();) {
    int reached[2];
    if (pipe2(reached, O_CLOEXEC) != 0) return fatal;
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGABRT, SIG_DFL);
      const rlimit none{0, 0};
      setrlimit(RLIMIT_CORE, &none);
      const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (null >= 0) dup2(null, STDERR_FILENO);  // swallows the assertion's message
      for (std::size_t i = next; i < tables.size(); ++i) {
        rocksdb::SstFileReader reader((rocksdb::Options()));
        reader.Open(tables[i].string()).PermitUncheckedError();
        if (write(reached[1], "+", 1) != 1) break;
      }
      _exit(0);
    }
    close(reached[1]);
    char marks[256];
    std::size_t opened = 0;
    for (ssize_t got;
         child > 0 && ((got = read(reached[0], marks, sizeof marks)) > 0 || (got < 0 && errno == EINTR));)
      opened += got > 0 ? static_cast<std::size_t>(got) : 0;
    close(reached[0]);
    int ended = 0;
    while (child > 0 && waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    next += opened;
    if (child < 0 || !WIFSIGNALED(ended) || next >= tables.size()) return fatal;
    fatal.insert(tables[next++]);
  }
  return fatal;
}

// A database that is open for reading, with the families that it has.
struct Opened {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};

  Opened() = default;
  ~Opened() { Close(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  void Close() {
    if (!db) return;
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handles.clear();
    families.fill(nullptr);
    db->Close().PermitUncheckedError();
    db.reset();
  }
  rocksdb::Status Open(const fs::path& dir, rocksdb::WALRecoveryMode mode) {
    Close();
    std::vector<std::string> names;
    const rocksdb::DBOptions options = ReadingOptions(mode);
    if (rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, dir.string(), &names); !status.ok())
      return status;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(names.size());
    for (const std::string& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(options, dir.string(), descriptors, &handles, &opened);
    db.reset(opened);
    if (!status.ok()) return status;
    for (auto* handle : handles) {
      const auto known = std::find(kNames.begin(), kNames.end(), handle->GetName());
      if (known != kNames.end()) families[static_cast<std::size_t>(known - kNames.begin())] = handle;
    }
    return status;
  }
};

std::vector<rocksdb::ColumnFamilyDescriptor> AllFamilies() {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.reserve(kNames.size());
  for (const char* name : kNames) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  return descriptors;
}

}  // namespace

struct DbSalvage::Impl {
  fs::path dir, work;
  Opened whole;
  bool list_rebuilt = false;  // the list of tables was lost and has been rebuilt
  bool log_damaged = false;
  std::array<bool, kFamilies> damaged{};
  std::set<fs::path> fatal;  // tables at which RocksDB aborts
  std::vector<std::string> findings;

  ~Impl() {
    whole.Close();
    std::error_code ignored;
    fs::remove_all(work, ignored);
  }

  Status Prepare() {
    std::error_code error;
    fs::create_directories(work, error);
    if (error) return Status::FromErrno("cannot make " + work.string(), error.value());
    fatal = FatalTables(TablesIn(dir));
    for (const fs::path& table : fatal)
      findings.push_back("table " + table.filename().string() + " is damaged: RocksDB aborts when it opens it");
    for (const auto& entry : fs::directory_iterator(dir, error)) {
      if (fatal.contains(entry.path())) continue;
      const fs::path name = entry.path().filename();
      std::error_code ignored;
      if (!entry.is_regular_file(ignored) || name == "ballast" || name == "LOCK" || name.string().starts_with("LOG"))
        continue;
      // RocksDB never writes to an existing table, so a link is enough; but it truncates a log that it reads.
      if (name.extension() == ".sst") fs::create_hard_link(entry.path(), work / name, error);
      if (name.extension() != ".sst" || error) fs::copy_file(entry.path(), work / name, error);
      if (error) findings.push_back("the file " + name.string() + " cannot be read: " + error.message());
    }
    return {};
  }

  void Open() {
    // Opens the database as the store does, which leaves out the records behind damage in a log.
    rocksdb::Status status = whole.Open(work, rocksdb::WALRecoveryMode::kPointInTimeRecovery);
    const auto before = status.ok() ? whole.db->GetLatestSequenceNumber() : 0;
    status = whole.Open(work, rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords);
    if (status.ok()) {
      log_damaged = whole.db->GetLatestSequenceNumber() > before;
      if (log_damaged) findings.push_back("the log is damaged; the records behind the damage were read, too");
      return;
    }
    findings.push_back("the list of tables cannot be used (" + status.ToString() + "): made again from the tables");
    list_rebuilt = true;
    whole.Close();
    AddTables();
    const auto options = ReadingOptions(rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords);
    status = rocksdb::RepairDB(work.string(), options, AllFamilies(), rocksdb::ColumnFamilyOptions());
    if (status.ok()) status = whole.Open(work, rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords);
    if (!status.ok()) {
      findings.push_back("no list of tables can be made (" + status.ToString() + "): read one by one");
      whole.Close();
    }
  }

  // A rebuilt list has only the families that have a table. RocksDB skips whole batches of the log that write to
  // any other family. So each family gets a table with one key that the store never uses.
  void AddTables() {
    const fs::path place = work / "empty";
    rocksdb::DBOptions options = ReadingOptions(rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords);
    options.create_if_missing = options.create_missing_column_families = true;
    {
      Opened made;
      rocksdb::DB* opened = nullptr;
      rocksdb::Status status = rocksdb::DB::Open(options, place.string(), AllFamilies(), &made.handles, &opened);
      made.db.reset(opened);
      for (std::size_t i = 0; status.ok() && i < made.handles.size(); ++i)
        status = opened->Put(rocksdb::WriteOptions(), made.handles[i], kNoKey, "");
      if (status.ok()) opened->Flush(rocksdb::FlushOptions(), made.handles).PermitUncheckedError();
    }
    for (const fs::path& table : TablesIn(place)) {
      std::error_code ignored;  // no store reaches such file numbers
      fs::rename(table, work / (std::to_string(FileNumber(table) + 1'000'000'000) + ".sst"), ignored);
    }
  }
};

Result<std::unique_ptr<DbSalvage>> DbSalvage::Open(const fs::path& dir, const fs::path& work) {
  std::error_code error;
  if (!fs::is_directory(dir, error) || fs::is_empty(dir, error)) {
    return Status(Code::kNotFound, "there is no store in " + dir.string() + ": nothing was recorded yet");
  }
  std::unique_ptr<DbSalvage> salvage(new DbSalvage);
  salvage->impl_ = std::make_unique<Impl>();
  salvage->impl_->dir = dir;
  salvage->impl_->work = work;
  if (const Status status = salvage->impl_->Prepare(); !status.ok()) return status;
  salvage->impl_->Open();
  return salvage;
}

DbSalvage::~DbSalvage() = default;

bool DbSalvage::opened_whole() const { return !impl_->list_rebuilt && !impl_->log_damaged; }

bool DbSalvage::Damaged(Family family) const {
  return !opened_whole() || impl_->damaged[static_cast<std::size_t>(family)];
}

const std::vector<std::string>& DbSalvage::findings() const { return impl_->findings; }

std::vector<fs::path> DbSalvage::Tables() const { return TablesIn(impl_->dir); }

Status DbSalvage::Read(Family family, const Take& take) {
  const auto number = static_cast<std::size_t>(family);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::vector<Stretch> unread;
  auto* const handle = impl_->whole.families[number];
  if (handle != nullptr) {
    std::unique_ptr<rocksdb::Iterator> at(impl_->whole.db->NewIterator(options, handle));
    if (!Walk(at.get(), take, &unread)) return {Code::kInterrupted, "stopped"};
  }
  if (!unread.empty()) {
    impl_->damaged[number] = true;
    impl_->findings.push_back("family " + std::string(kNames[number]) + ": " + std::to_string(unread.size()) +
                              (unread.size() == 1 ? " stretch" : " stretches") + " of keys unreadable");
  }
  if (unread.empty() && !impl_->list_rebuilt) return {};
  // Reads single tables for the newest records of the keys that the database did not have. Rebuilding the list moved
  // tables aside that did not fit; these are read whole. Of the other tables, only the unread stretches are read.
  std::set<std::string, std::less<>> given;
  for (const fs::path& table : TablesIn(impl_->dir)) {
    if (impl_->fatal.contains(table)) {
      impl_->damaged[number] = true;  // the family of the table is unknown, so any may have lost records
      continue;
    }
    const bool aside = handle == nullptr || !fs::exists(impl_->work / table.filename());
    if (!aside && unread.empty()) continue;
    rocksdb::SstFileReader reader((rocksdb::Options()));
    if (const rocksdb::Status opened = reader.Open(table.string()); !opened.ok()) {
      if (family == Family::kMeta)
        impl_->findings.push_back("table " + table.filename().string() + " is damaged as a whole");
      continue;
    }
    const auto properties = reader.GetTableProperties();
    if (properties == nullptr || properties->column_family_name != kNames[number]) continue;
    std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator(options));
    std::vector<Stretch> here;
    const bool all = Walk(
        at.get(),
        [&](std::string_view key, std::string_view value) {
          const bool in_stretch =
              std::any_of(unread.begin(), unread.end(), [&](const Stretch& s) { return s.Holds(key); });
          std::string there;
          if (!in_stretch &&
              (!aside ||
               (handle != nullptr && impl_->whole.db->Get(options, handle, {key.data(), key.size()}, &there).ok()))) {
            return true;
          }
          if (!given.emplace(key).second) return true;
          return take(key, value);
        },
        &here);
    if (!all) return {Code::kInterrupted, "stopped"};
    if (!here.empty() && aside) {
      impl_->damaged[number] = true;
      impl_->findings.push_back("table " + table.filename().string() + ": " + std::to_string(here.size()) +
                                " parts unreadable");
    }
  }
  return {};
}

}  // namespace smiley::daemon
