#include "shm/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <bit>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "shm/base/random.h"
#include "shm/base/run_id.h"
#include "shm/base/test_point.h"

namespace smiley::shm {
namespace {

namespace bip = boost::interprocess;

constexpr char kSharedMemoryDir[] = "/dev/shm";  // the C library's directory for shm_open
constexpr int kNameTries = 16;
constexpr std::size_t kMaxNameBytes = 128;

std::string Prefix(const Home& home) { return "smiley." + home.id + "."; }

bool IsOurName(const Home& home, const std::string& name) {
  return name.size() < kMaxNameBytes && name.starts_with(Prefix(home)) && name.find('/') == std::string::npos;
}

// An open file, in the form that Boost.Interprocess's mapped_region needs.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }
  bip::mapping_handle_t get_mapping_handle() const { return {fd_, false}; }
  bip::mode_t get_mode() const { return bip::read_write; }

 private:
  int fd_;
};

template <std::size_t N>
void CopyText(char (&out)[N], const std::string& text) {
  std::memset(out, 0, N);
  std::memcpy(out, text.data(), text.size() < N ? text.size() : N - 1);
}

Status NoRoom(const std::string& where) {
  return {Code::kNoSpace, where + " has no room for another segment: free some space, or stop other recordings"};
}

// A file above the limit would raise SIGXFSZ in the traced program, so the limit is checked first.
bool FileLimitAllows(std::size_t bytes) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur;
}

// One installation uses at most half of the memory that would be free without it.
bool BudgetAllows(const Home& home, std::size_t bytes) {
  struct statvfs info {};
  if (statvfs(kSharedMemoryDir, &info) != 0) return false;
  if (info.f_blocks == 0) return true;  // 0: the file system has no limit
  const std::uint64_t free_bytes = std::uint64_t{info.f_bavail} * info.f_frsize;
  std::uint64_t own = 0;
  for (const Segment::Found& found : Segment::List(home)) {
    if (found.in_file) continue;
    struct stat file {};
    const std::string path = std::string(kSharedMemoryDir) + "/" + found.name;
    if (lstat(path.c_str(), &file) == 0) own += static_cast<std::uint64_t>(file.st_blocks) * 512;
  }
  return own + bytes <= (free_bytes + own) / 2;
}

void ListDirectory(const char* dir, const std::string& prefix, bool in_file, std::vector<Segment::Found>* out) {
  DIR* listing = opendir(dir);
  if (!listing) return;
  while (const dirent* entry = readdir(listing)) {
    if (std::strncmp(entry->d_name, prefix.c_str(), prefix.size()) == 0) out->push_back({entry->d_name, in_file});
  }
  closedir(listing);
}

Status CheckFile(int fd, const std::string& name, std::uint64_t* size) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return Status::FromErrno("cannot look at segment " + name, errno);
  if (!S_ISREG(info.st_mode)) return {Code::kForeign, "segment " + name + " is not a regular file"};
  if (info.st_uid != geteuid()) return {Code::kForeign, "segment " + name + " belongs to another user"};
  if ((info.st_mode & 07777) != 0600) return {Code::kForeign, "segment " + name + " is open to others"};
  if (info.st_size == 0) return {Code::kBusy, "segment " + name + " is not complete yet"};
  if (info.st_size < static_cast<off_t>(kSegmentHeaderBytes)) {
    return {Code::kDamaged, "segment " + name + " is too short"};
  }
  *size = static_cast<std::uint64_t>(info.st_size);
  return Status::Ok();
}

bool SizesFit(SegmentKind kind, std::uint64_t data_bytes, std::uint64_t block_count) {
  if (kind == SegmentKind::kCatalogue) return data_bytes > 0 && data_bytes % 8 == 0;
  return std::has_single_bit(block_count) && block_count >= kMinRingBlocks && block_count <= kMaxRingBlocks &&
         data_bytes == block_count * kBlockBytes;
}

Status CheckHeader(const Home& home, const std::string& name, const SegmentHeader& header, std::uint64_t size) {
  // Load the state first (acquire): a live segment has a whole header.
  const SegmentState state = header.state.load(std::memory_order_acquire);
  if (state == SegmentState::kMaking) return {Code::kBusy, "segment " + name + " is not complete yet"};
  if (state != SegmentState::kLive && state != SegmentState::kClosed) {
    return {Code::kDamaged, "segment " + name + " is in no known state"};
  }
  if (header.magic != kSegmentMagic) return {Code::kDamaged, "segment " + name + " is not a segment"};
  if (header.version != kFormatVersion) {
    return {Code::kVersion, "segment " + name + " is of another version of smiley"};
  }
  if (header.kind != SegmentKind::kRing && header.kind != SegmentKind::kCatalogue) {
    return {Code::kDamaged, "segment " + name + " is of no known kind"};
  }
  if (std::memcmp(header.home, home.id.c_str(), home.id.size() + 1) != 0) {
    return {Code::kForeign, "segment " + name + " belongs to another home"};
  }
  if (std::memchr(header.run, 0, sizeof header.run) == nullptr || header.run[0] == 0) {
    return {Code::kDamaged, "segment " + name + " names no run"};
  }
  if (header.uid != geteuid()) return {Code::kForeign, "segment " + name + " belongs to another user"};
  if (header.bytes != size || !SizesFit(header.kind, size - kSegmentHeaderBytes, header.block_count)) {
    return {Code::kDamaged, "segment " + name + " has another size than its header says"};
  }
  if (header.unit_shift > 32 || header.ticks_per_second == 0 ||
      (header.clock != ClockSource::kTsc && header.clock != ClockSource::kMonotonic)) {
    return {Code::kDamaged, "segment " + name + " has no usable clock"};
  }
  return Status::Ok();
}

void FillHeader(const SegmentOwner& owner, const SegmentOptions& options, std::size_t bytes, SegmentHeader* header) {
  header->magic = kSegmentMagic;
  header->version = kFormatVersion;
  header->kind = options.kind;
  header->bytes = bytes;
  CopyText(header->run, owner.run);
  CopyText(header->home, owner.home.id);
  std::memcpy(header->boot_id, owner.identity.boot_id.data(), sizeof header->boot_id);
  header->pid = owner.identity.pid;
  header->uid = geteuid();
  header->pid_start = owner.identity.start_time;
  header->process_token = owner.process_token;
  header->index = options.index;
  header->clock = owner.clock.source;
  header->unit_shift = owner.clock.shift;
  header->block_count =
      options.kind == SegmentKind::kRing ? static_cast<std::uint32_t>(options.data_bytes / kBlockBytes) : 0;
  header->on_full = options.on_full;
  header->wall_minus_mono_ns = owner.wall_minus_mono_ns;
  header->ticks_per_second = owner.clock.ticks_per_second;
}

}  // namespace

struct Segment::Mapping {
  bip::mapped_region region;
};

Status Segment::MapShared(const std::string& name, std::size_t bytes) {
  try {
    bip::shared_memory_object object(bip::create_only, name.c_str(), bip::read_write, bip::permissions(0600));
    try {
      object.truncate(static_cast<bip::offset_t>(bytes));
      mapping_ = std::make_unique<Mapping>();
      mapping_->region = bip::mapped_region(object, bip::read_write, 0, bytes);
      return Status::Ok();
    } catch (...) {
      bip::shared_memory_object::remove(name.c_str());  // a failed truncate leaves the empty object
      mapping_.reset();
      throw;
    }
  } catch (const bip::interprocess_exception& error) {
    const int native = error.get_native_error();
    if (error.get_error_code() == bip::already_exists_error) return {Code::kBusy, "the name is taken"};
    return Status::FromErrno("cannot make a segment in shared memory", native ? native : EIO);
  } catch (const std::bad_alloc&) {
    return {Code::kNoSpace, "out of memory"};
  }
}

Status Segment::MapFile(const std::string& path, std::size_t bytes) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.fd() < 0) {
    if (errno == EEXIST) return {Code::kBusy, "the name is taken"};
    return Status::FromErrno("cannot make " + path, errno);
  }
  Status status;
  int error = fchmod(file.fd(), 0600) == 0 ? 0 : errno;  // the umask may have cleared bits that the consumer checks
  while (error == 0 && (error = posix_fallocate(file.fd(), 0, static_cast<off_t>(bytes))) == EINTR) error = 0;
  if (error != 0) {
    status = Status::FromErrno("cannot make " + path, error);
  } else {
    try {
      mapping_ = std::make_unique<Mapping>();
      mapping_->region = bip::mapped_region(file, bip::read_write, 0, bytes);
    } catch (const bip::interprocess_exception& failure) {
      status = Status::FromErrno("cannot map " + path, failure.get_native_error() ? failure.get_native_error() : EIO);
    } catch (const std::bad_alloc&) {
      status = {Code::kNoSpace, "out of memory"};
    }
  }
  if (!status.ok()) {
    mapping_.reset();
    unlink(path.c_str());
  }
  return status;
}

void Segment::TakeMapping() {
  auto* base = static_cast<unsigned char*>(mapping_->region.get_address());
  header_ = reinterpret_cast<SegmentHeader*>(base);
  data_ = base + kSegmentHeaderBytes;
  data_bytes_ = mapping_->region.get_size() - kSegmentHeaderBytes;
}

Result<std::unique_ptr<Segment>> Segment::Create(const SegmentOwner& owner, const SegmentOptions& options) {
  if (owner.run.empty() || owner.run.size() >= sizeof SegmentHeader::run ||
      !SizesFit(options.kind, options.data_bytes, options.data_bytes / kBlockBytes)) {
    return Status(Code::kInvalid, "a segment of this run and size cannot be made");
  }
  if (!IsRunId(owner.run)) return Status(Code::kInvalid, "'" + owner.run + "' is no run id");
  const std::size_t bytes = kSegmentHeaderBytes + options.data_bytes;
  if (!FileLimitAllows(bytes)) return NoRoom("the limit on file sizes (ulimit -f)");
  std::unique_ptr<Segment> segment(new Segment);
  Status status;
  bool shared = BudgetAllows(owner.home, bytes);
  const std::string dir = owner.home.SegmentDir().string();
  for (int tries = 0; tries < kNameTries; ++tries) {
    std::uint32_t random = 0;
    if (!FillRandom(&random, sizeof random)) return Status::FromErrno("cannot get random numbers", errno);
    char name[kMaxNameBytes];
    std::snprintf(name, sizeof name, "%s%s.%u.%c%u.%08x", Prefix(owner.home).c_str(), owner.run.c_str(),
                  owner.identity.pid, options.kind == SegmentKind::kRing ? 'r' : 'c', options.index, random);
    segment->found_ = {name, !shared};
    if (shared) {
      status = segment->MapShared(name, bytes);
    } else {
      if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) return Status::FromErrno("cannot make " + dir, errno);
      status = segment->MapFile(dir + "/" + name, bytes);
    }
    if (status.ok()) break;
    if (status.code() == Code::kBusy) continue;
    if (!shared) return status.code() == Code::kNoSpace ? NoRoom(dir) : status;
    shared = false;  // shared memory is full or missing
  }
  if (!status.ok()) return status;
  SMILEY_TEST_POINT("segment.created");
  segment->TakeMapping();
  new (segment->header_) SegmentHeader{};
  FillHeader(owner, options, bytes, segment->header_);
  segment->header_->state.store(SegmentState::kLive, std::memory_order_release);
  SMILEY_TEST_POINT("segment.live");
  return segment;
}

Result<std::unique_ptr<Segment>> Segment::Open(const Home& home, const Found& found) {
  if (!IsOurName(home, found.name)) return Status(Code::kForeign, "segment " + found.name + " is not of this home");
  const std::string path = found.in_file ? (home.SegmentDir() / found.name).string() : "/" + found.name;
  const Descriptor file(found.in_file ? open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                                      : shm_open(path.c_str(), O_RDWR | O_NONBLOCK, 0));
  if (file.fd() < 0) {
    if (errno == ELOOP) return Status(Code::kForeign, "segment " + found.name + " is a symbolic link");
    return Status::FromErrno("cannot open segment " + found.name, errno);
  }
  std::uint64_t size = 0;
  if (Status fine = CheckFile(file.fd(), found.name, &size); !fine.ok()) return fine;
  std::unique_ptr<Segment> segment(new Segment);
  segment->found_ = found;
  try {
    segment->mapping_ = std::make_unique<Mapping>();
    segment->mapping_->region = bip::mapped_region(file, bip::read_write, 0, size);
  } catch (const bip::interprocess_exception& error) {
    return Status::FromErrno("cannot map segment " + found.name,
                             error.get_native_error() ? error.get_native_error() : EIO);
  } catch (const std::bad_alloc&) {
    return Status(Code::kNoSpace, "out of memory");
  }
  segment->TakeMapping();
  if (Status fine = CheckHeader(home, found.name, *segment->header_, size); !fine.ok()) return fine;
  return segment;
}

std::vector<Segment::Found> Segment::List(const Home& home) {
  std::vector<Found> all;
  const std::string prefix = Prefix(home);
  ListDirectory(kSharedMemoryDir, prefix, false, &all);
  ListDirectory(home.SegmentDir().c_str(), prefix, true, &all);
  return all;
}

Status Segment::Remove(const Home& home, const Found& found) {
  if (!IsOurName(home, found.name)) return {Code::kForeign, "segment " + found.name + " is not of this home"};
  const std::string path = found.in_file ? (home.SegmentDir() / found.name).string() : "/" + found.name;
  if ((found.in_file ? unlink(path.c_str()) : shm_unlink(path.c_str())) != 0 && errno != ENOENT) {
    return Status::FromErrno("cannot remove segment " + found.name, errno);
  }
  SMILEY_TEST_POINT("segment.removed");
  return Status::Ok();
}

std::optional<Segment::NameParts> Segment::ParseName(const std::string& name) {
  NameParts parts;
  char kind = 0;
  char home[16], run[16];
  unsigned random = 0;
  int end = 0;
  if (name.size() >= kMaxNameBytes ||
      std::sscanf(name.c_str(), "smiley.%15[0-9a-f].%15[0-9a-z].%u.%c%u.%8x%n", home, run, &parts.pid, &kind,
                  &parts.index, &random, &end) != 6 ||
      static_cast<std::size_t>(end) != name.size() || name[name.size() - 9] != '.' || (kind != 'r' && kind != 'c')) {
    return std::nullopt;
  }
  if (!IsRunId(run)) return std::nullopt;
  parts.run = run;
  parts.kind = kind == 'r' ? SegmentKind::kRing : SegmentKind::kCatalogue;
  return parts;
}

ProcessIdentity Segment::OwnerIdentity() const {
  ProcessIdentity identity;
  std::memcpy(identity.boot_id.data(), header_->boot_id, identity.boot_id.size());
  identity.pid = header_->pid;
  identity.start_time = header_->pid_start;
  return identity;
}

void Segment::MarkClosed() {
  if (header_) header_->state.store(SegmentState::kClosed, std::memory_order_release);
}

void Segment::Abandon() {
  mapping_.reset();
  header_ = nullptr;
  data_ = nullptr;
  data_bytes_ = 0;
}

Segment::~Segment() = default;

}  // namespace smiley::shm
