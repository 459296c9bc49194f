#include "tracer/recorder/process.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "shm/base/identity.h"
#include "shm/base/test_point.h"
#include "shm/cbor.h"
#include "tracer/values/utf8.h"

namespace smiley::tracer {

Process* Process::instance_ = nullptr;
std::atomic<bool> Process::forked{false};
std::atomic<std::uint64_t> Process::turn_{1};

namespace {

std::string CurrentDirectory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

std::uint64_t RandomToken() {
  std::uint64_t token = 0;
  if (getrandom(&token, sizeof token, GRND_NONBLOCK) != sizeof token || token == 0) {
    token = shm::MonotonicNs() * 0x9e3779b97f4a7c15u ^ static_cast<std::uint64_t>(getpid());
  }
  return token;
}

std::vector<std::string> List(const char* const* items, std::uint32_t count) { return {items, items + count}; }

// The key under which identical records are found, so that each is written once. Hashes of 128 bits do not collide by
// chance.
std::string ContentKey(char kind, std::string_view content) {
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  std::string key(1, kind);
  key.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  return key;
}

}  // namespace

Options OptionsFrom(const SmileyStartConfig& config) {
  Options options;
  options.detail = config.detail < kSmileyCalls || config.detail > kSmileyArguments
                       ? Detail::kValues
                       : static_cast<Detail>(config.detail);
  options.on_full = static_cast<shm::OnFull>(config.on_full);
  options.block_timeout_ns = static_cast<std::uint64_t>(config.block_timeout_ms) * 1'000'000u;
  if (config.first_ring_bytes != 0) options.first_ring_bytes = config.first_ring_bytes;
  if (config.ring_bytes != 0) options.ring_bytes = options.largest_ring_bytes = config.ring_bytes;
  options.include = List(config.include, config.include_count);
  options.exclude = List(config.exclude, config.exclude_count);
  options.include_stdlib = config.include_stdlib != 0;
  options.no_site_packages = config.no_site_packages != 0;
  options.follow = config.follow != 0;
  if (config.where != nullptr) options.where = config.where;
  options.max_frames = config.max_frames;
  if (config.start_at != nullptr) options.start_at = config.start_at;
  if (config.stop_after != nullptr) options.stop_after = config.stop_after;
  options.gc = config.gc != 0;
  options.imports = config.imports != 0;
  options.logs = config.logs != 0;
  options.c_calls = config.c_calls != 0;
  if (config.explain != nullptr) options.explain = config.explain;
  const auto limit = [](std::uint32_t asked, int usual, int most) {
    return asked == 0 ? usual : static_cast<int>(std::min<std::uint32_t>(asked, static_cast<std::uint32_t>(most)));
  };
  options.limits.depth = limit(config.max_depth, 3, 16);
  options.limits.items = limit(config.max_items, 64, 4096);
  options.limits.chars = limit(config.max_chars, 256, 16384);
  options.limits.nodes = limit(config.max_nodes, 512, 1 << 20);
  options.limits.bytes = limit(config.max_bytes, 4096, static_cast<int>(shm::kMaxAttachmentBytes));
  if (options.limits.bytes < 64) options.limits.bytes = 64;
  options.limits.deep = config.deep != 0;
  if (config.no_redact)
    options.redactor = shm::Redactor::Off();
  else
    for (std::uint32_t i = 0; i < config.redact_count; ++i) options.redactor.Add(config.redact[i]);
  return options;
}

Process::Process(const SmileyStartConfig* config, Options options)
    : config_(config),
      options_(std::move(options)),
      cwd_(CurrentDirectory()),
      filters_(&options_, StandardLibraryDirectory(), cwd_),
      codes_(&capture_, &filters_, &sources_),
      parent_token_(config->parent_token),
      parent_start_(config->parent_start),
      parent_pid_(config->parent_pid) {
  capture_.options = &options_;
  // Secrets of the command line and the environment are masked in all values and output of the program, too.
  std::vector<std::string> command = List(config->command, config->command_count);
  std::vector<std::string> secrets;
  options_.redactor.MaskArguments(&command, &secrets);
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) variables.emplace_back(*entry);
  options_.redactor.MaskArguments(&variables, &secrets);
  for (const std::string& secret : secrets) capture_.secrets.Add(secret);
}

std::string Process::ProcessRecord(bool fork) const {
  std::vector<std::string> command = List(config_->command, config_->command_count);
  std::vector<std::string> options = List(config_->options, config_->options_count);
  const int masked = options_.redactor.MaskArguments(&command) + options_.redactor.MaskArguments(&options);
  char executable[4096];
  const ssize_t length = readlink("/proc/self/exe", executable, sizeof executable);
  std::string record;
  shm::CborWriter out(&record);
  const auto key = [&](const char* name) { out.Text(name, std::strlen(name)); };
  out.MapHeader(14);
  key("command");
  out.ArrayHeader(command.size());
  for (const std::string& word : command) PutText(&out, word);
  key("cwd");
  PutText(&out, cwd_);
  key("python");
  const std::string version = std::string(Py_GetVersion()).substr(0, std::string(Py_GetVersion()).find(' '));
  out.Text(version);
  key("executable");
  PutText(&out, std::string(executable, length > 0 ? static_cast<std::size_t>(length) : 0));
  key("start_mono_ns");
  out.Unsigned(shm::MonotonicNs());
  key("parent_pid");
  out.Unsigned(parent_pid_);
  key("parent_token");
  out.Unsigned(parent_token_);
  key("parent_start");
  out.Unsigned(parent_start_);
  key("detail");
  static constexpr const char* kDetails[] = {"", "calls", "lines", "values", "arguments"};
  out.Text(kDetails[static_cast<std::size_t>(options_.detail)]);
  key("name");
  if (config_->name != nullptr && config_->name[0] != '\0') {
    PutText(&out, config_->name);
  } else {
    out.Null();
  }
  key("options");
  out.ArrayHeader(options.size());
  for (const std::string& word : options) PutText(&out, word);
  key("hold");
  out.Unsigned(config_->hold);
  key("redacted");
  out.Int(masked);
  key("kind");
  out.Text(fork ? "fork" : config_->kind == kSmileyExec ? "exec" : "first");
  out.Finish();
  return record;
}

Status Process::OpenCatalogue(bool fork) {
  auto catalogue = shm::CatalogueWriter::Create(owner_, ProcessRecord(fork));
  if (!catalogue.ok()) return catalogue.status();
  catalogue_ = std::move(catalogue.value());
  return Status::Ok();
}

Status Process::Open(const std::string& own) {
  filters_.SetOwn(own);
  auto home = shm::Home::OpenAt(config_->home);
  if (!home.ok()) return home.status();
  owner_.home = home.value();
  owner_.run = config_->run;
  owner_.identity = shm::SelfIdentity();
  owner_.process_token = config_->token;
  owner_.clock = shm::Clock::Detect();
  owner_.wall_minus_mono_ns = config_->wall_minus_mono_ns;
  if (!options_.where.empty()) {
    if (const Status parsed = where_.Parse(options_.where); !parsed.ok()) return parsed;
  }
  where_.LimitDepth(options_.max_frames);
  control_.Set(options_.start_at, options_.stop_after, options_.logs);
  codes_.SetControl(&control_);
  if (control_.has_start()) state_.store(State::kWaiting);
  if (!codes_.Start())
    return Status(Code::kBusy, "the interpreter has no room for one more tool that watches code objects");
  return OpenCatalogue(false);
}

bool Process::ReopenAfterFork() {
  forked.store(false);
  // The parent goes on using its segments, so the child drops them without running their destructors.
  catalogue_->Abandon();
  for (auto& ring : idle_rings_) ring->Abandon();
  idle_rings_.clear();
  new (&ring_mutex_) shm::Mutex;
  strings_.clear();
  code_ids_.clear();
  next_string_ = next_code_ = threads_ = tasks_ = next_ring_ = 0;
  frames_ = 0;
  ++generation_;
  capture_.ids.Reset();
  if (!options_.follow) {
    state_.store(State::kOff);
    return false;
  }
  parent_pid_ = owner_.identity.pid;
  parent_start_ = owner_.identity.start_time;
  parent_token_ = owner_.process_token;
  owner_.identity = shm::SelfIdentity();
  owner_.process_token = RandomToken();
  if (config_->set_token != nullptr) config_->set_token(owner_.process_token);
  if (!OpenCatalogue(true).ok()) {
    state_.store(State::kOff);
    return false;
  }
  return true;
}

std::uint32_t Process::StringId(std::string_view text) {
  auto [it, fresh] = strings_.try_emplace(std::string(text), 0);
  if (!fresh) return it->second;
  const std::uint32_t id = next_string_ + 1;
  if (id > shm::kMaxId || !catalogue_->Append(shm::RecordType::kString, id, text)) {
    strings_.erase(it);
    return 0;
  }
  next_string_ = id;
  it->second = id;
  return id;
}

std::uint32_t Process::NameId(Slot* slot) {
  if (slot->name_id == 0 && slot->name != nullptr) slot->name_id = StringId(Utf8(slot->name));
  return slot->name_id;
}

bool Process::Describe(CodeInfo* info, PyCodeObject* code) {
  if (info->id != 0 && info->generation == generation_) return true;
  info->generation = generation_;
  info->id = 0;
  for (Slot& slot : info->slots) slot.name_id = 0;
  const std::string file = filters_.AbsoluteFile(Utf8(code->co_filename));
  const std::string function = Utf8(code->co_qualname);
  const std::uint32_t file_id = StringId(file);
  const std::uint32_t function_id = StringId(function);
  if (file_id == 0 || function_id == 0) return false;
  for (Slot& slot : info->slots) {
    if (NameId(&slot) == 0) return false;
  }
  std::uint32_t source = 0;
  if (SourceTexts::Text text = info->made_elsewhere ? info->text : sources_.OfFile(code, file)) {
    // A file name gets one source record for each text that was compiled under it.
    auto [it, fresh] = code_ids_.try_emplace(ContentKey('s', file + '\n' + *text), 0);
    if (fresh) {
      std::string masked = *text;
      std::vector<std::string> secrets;
      options_.redactor.MaskSource(&masked, &secrets);
      for (const std::string& secret : secrets) capture_.secrets.Add(secret);
      capture_.secrets.Cover(&masked);
      std::string record;
      shm::CborWriter out(&record);
      out.ArrayHeader(2);
      out.Unsigned(file_id);
      PutText(&out, masked);
      out.Finish();
      const std::uint32_t id = static_cast<std::uint32_t>(code_ids_.size());
      if (record.size() > shm::kMaxRecordBytes || !catalogue_->Append(shm::RecordType::kSource, id, record))
        return false;
      it->second = id;
    }
    source = it->second;
  }
  std::string record;
  shm::CborWriter out(&record);
  out.ArrayHeader(6);
  out.Unsigned(file_id);
  out.Unsigned(function_id);
  out.Unsigned(info->first_line);
  out.Unsigned(source);
  out.ArrayHeader(info->slots.size());
  for (const Slot& slot : info->slots) out.Unsigned(slot.name_id);
  out.ArrayHeader(info->uses.size());
  for (const CodeInfo::Uses& uses : info->uses) {
    out.ArrayHeader(3);
    out.Int(uses.line);
    for (const std::vector<std::uint32_t>* slots : {&uses.reads, &uses.writes}) {
      out.ArrayHeader(slots->size());
      for (const std::uint32_t slot : *slots) out.Unsigned(info->slots[slot].name_id);
    }
  }
  out.Finish();
  // Code objects with identical records share an id.
  auto [it, fresh] = code_ids_.try_emplace(ContentKey('c', record), 0);
  if (fresh) {
    const std::uint32_t id = next_code_ + 1;
    if (id > shm::kMaxId || !catalogue_->Append(shm::RecordType::kCode, id, record)) {
      code_ids_.erase(it);
      return false;
    }
    next_code_ = id;
    it->second = id;
  }
  info->id = it->second;
  return true;
}

void Process::NameThread(std::uint32_t number, std::uint64_t native_id, std::string_view name) {
  std::string record;
  shm::CborWriter out(&record);
  out.ArrayHeader(2);
  out.Unsigned(native_id);
  std::string shown(name);
  capture_.secrets.Mask(&shown);
  PutText(&out, shown);
  out.Finish();
  catalogue_->Append(shm::RecordType::kThread, number, record);
}

void Process::NameTask(std::uint32_t number, std::string_view name) {
  std::string masked(name);
  capture_.secrets.Mask(&masked);
  std::string record;
  shm::CborWriter out(&record);
  out.ArrayHeader(1);
  PutText(&out, masked);
  out.Finish();
  catalogue_->Append(shm::RecordType::kTask, number, record);
}

void Process::Note(std::string_view kind, std::string_view text) {
  std::string record;
  shm::CborWriter out(&record);
  out.ArrayHeader(2);
  out.Text(kind);
  out.Text(text);
  out.Finish();
  catalogue_->Append(shm::RecordType::kNote, 0, record);
}

std::unique_ptr<shm::Segment> Process::TakeRing() {
  {
    const shm::MutexLock lock(ring_mutex_);
    if (!idle_rings_.empty()) {
      auto ring = std::move(idle_rings_.back());
      idle_rings_.pop_back();
      return ring;
    }
  }
  const std::uint32_t index = next_ring_++;
  std::size_t bytes = index == 0 ? options_.first_ring_bytes : options_.ring_bytes;
  auto ring = MakeRing(index, bytes);
  while (ring == nullptr && bytes > 2 * shm::kBlockBytes) ring = MakeRing(index, bytes /= 2);
  return ring;
}

std::unique_ptr<shm::Segment> Process::MakeRing(std::uint32_t index, std::size_t bytes) {
  shm::SegmentOptions options;
  options.kind = shm::SegmentKind::kRing;
  options.index = index;
  options.data_bytes = bytes;
  options.on_full = options_.on_full;
  auto segment = shm::Segment::Create(owner_, options);
  return segment.ok() ? std::move(segment.value()) : nullptr;
}

std::unique_ptr<shm::Segment> Process::TakeLargerRing(std::size_t than_bytes) {
  return than_bytes < options_.largest_ring_bytes ? MakeRing(next_ring_++, options_.largest_ring_bytes) : nullptr;
}

void Process::GiveRing(std::unique_ptr<shm::Segment> ring) {
  const shm::MutexLock lock(ring_mutex_);
  idle_rings_.push_back(std::move(ring));
}

void Process::CountUnrecorded(std::uint32_t threads, std::uint64_t events) {
  catalogue_->CountUnrecorded(threads, events);
}

void Process::Incomplete(const char* why) {
  if (off()) return;
  Note("incomplete", why);
  std::fprintf(stderr, "smiley: the recording is incomplete: %s\n", why);
}

void Process::BeginStretch() {
  ++stretch_;
  state_.store(State::kOn, std::memory_order_relaxed);
  AdvanceTurn();
}

void Process::SwitchOff(const char* why) {
  const bool before = state_.exchange(State::kOff) == State::kOff;
  AdvanceTurn();
  if (before) return;
  if (catalogue_) Note("incomplete", why);
  std::fprintf(stderr, "smiley: recording stopped: %s\n", why);
}

}  // namespace smiley::tracer
