#include "daemon/store/repair/rebuild.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/run/piece_scan.h"
#include "daemon/store/chunk.h"
#include "daemon/store/repair/carve.h"
#include "shm/base/run_id.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kListBytes = 4u << 20;
constexpr std::uint32_t kLostName = shm::kMaxId;  // id of the string "(lost)"; tracers count from 1 up

std::string Number(std::uint64_t value) { return ChunkKey(value); }
std::uint16_t Type(RunRecordType type) { return static_cast<std::uint16_t>(type); }
std::uint16_t Type(shm::RecordType type) { return static_cast<std::uint16_t>(type); }

std::string Events(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " event" : " events"); }

// The record of a code object whose own record is lost.
std::string LostCode() {
  std::string out;
  shm::CborWriter writer(&out);
  writer.ArrayHeader(5);
  writer.Unsigned(kLostName);
  writer.Unsigned(kLostName);
  writer.Unsigned(0);
  writer.Unsigned(0);
  writer.ArrayHeader(0);
  writer.Finish();
  return out;
}

// The ids of the strings that a code record refers to.
void StringsOf(std::string_view payload, std::set<std::uint32_t>* strings) {
  shm::CborReader in(payload);
  std::uint64_t items = 0, file = 0, function = 0, line = 0, source = 0, count = 0, name = 0;
  if (!in.ReadArray(&items) || items < 5 || !in.ReadUnsigned(&file) || !in.ReadUnsigned(&function)) return;
  strings->insert(static_cast<std::uint32_t>(file));
  strings->insert(static_cast<std::uint32_t>(function));
  if (!in.ReadUnsigned(&line) || !in.ReadUnsigned(&source) || !in.ReadArray(&count)) return;
  for (; count > 0 && in.ReadUnsigned(&name); --count) strings->insert(static_cast<std::uint32_t>(name));
}

}  // namespace

Rebuild::Rebuild(DbSalvage* from, StoreDb* to, SpaceGuard* guard, std::function<bool(const std::string&)> say)
    : from_(from), to_(to), guard_(guard), say_(std::move(say)) {}

Status Rebuild::WriteIf(std::uint64_t bytes) {
  if (list_.empty() || list_.bytes() < bytes) return {};
  if (const Status room = guard_->Admit(list_.bytes()); !room.ok()) return room;
  const Status status = to_->Write(list_);
  list_ = WriteList();
  return status;
}

Status Rebuild::Make(RepairReport* report) {
  report_ = report;
  list_.Put(Family::kMeta, std::string(kVersionKey), Number(kStoreVersion));
  for (const auto step : {&Rebuild::ReadMeta, &Rebuild::ReadCatalogue, &Rebuild::ReadChunks, &Rebuild::CarveTables}) {
    if (const Status status = (this->*step)(); !status.ok()) return written_.ok() ? status : written_;
  }
  for (auto& [key, run] : runs_) {
    if (!say_("counting")) return {Code::kInterrupted, "stopped"};
    if (const Status status = FinishRun(&run); !status.ok()) return status;
  }
  list_.Put(Family::kMeta, std::string(kArrivalKey), Number(next_arrival_));
  list_.Put(Family::kMeta, std::string(kRunNumberKey), Number(next_run_key_));
  report->chunks = chunks_;
  report->broken_chunks = broken_chunks_;
  return WriteIf(0);
}

Status Rebuild::ReadMeta() {
  std::uint64_t version = 0;
  const Status read = from_->Read(Family::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kVersionKey) {
      version = value.size() == 8 ? ReadBig(value, 0, 8) : 0;
    } else if (key == kArrivalKey && value.size() == 8) {
      next_arrival_ = std::max(next_arrival_, ReadBig(value, 0, 8));
    } else if (key == kRunNumberKey && value.size() == 8) {
      next_run_key_ = std::max(next_run_key_, ReadBig(value, 0, 8));
    } else if (key.starts_with(kCursorKeyPrefix)) {
      list_.Put(Family::kMeta, std::string(key), std::string(value));
    } else if (key.starts_with(kRunKeyPrefix)) {
      RunRecord record;
      if (!DecodeRun(value, &record).ok() || record.key == 0) return true;
      record.info.id = key.substr(kRunKeyPrefix.size());
      next_run_key_ = std::max<std::uint64_t>(next_run_key_, record.key + 1);
      if (record.info.state == RunState::kImporting) {
        dropped_.insert(record.key);
      } else {
        runs_[record.key].how = FoundRun::Record::kKept;
        runs_[record.key].record = std::move(record);
      }
    }
    return true;
  });
  if (version > kStoreVersion)
    return {Code::kVersion, "the store was written by a newer smiley: use that version to repair it"};
  return read;
}

Status Rebuild::ReadCatalogue() {
  return from_->Read(Family::kCatalogue, [&](std::string_view key, std::string_view value) {
    if (key.size() != kCatalogueKeyBytes) return true;
    const auto run_key = static_cast<std::uint32_t>(ReadBig(key, 0, 4));
    const auto process = static_cast<std::uint32_t>(ReadBig(key, 4, 4));
    const auto type = static_cast<std::uint16_t>(ReadBig(key, 8, 2));
    const auto id = static_cast<std::uint32_t>(ReadBig(key, 10, 8));
    if (run_key == 0 || dropped_.contains(run_key)) return true;
    if (!runs_.contains(run_key) && !from_->Damaged(Family::kMeta)) return true;  // its run was deleted
    FoundRun& run = runs_[run_key];
    bool keep = true;
    if (type == Type(RunRecordType::kRunCopy)) {
      RunRecord copy;
      if (run.how == FoundRun::Record::kMissing && DecodeRunCopy(value, &copy).ok() && copy.key == run_key) {
        if (copy.info.state == RunState::kImporting) {
          runs_.erase(run_key);
          dropped_.insert(run_key);
          return true;
        }
        run.record = std::move(copy);
        run.how = FoundRun::Record::kCopy;
      }
      keep = false;  // FinishRun writes it with the record
    } else if (type == Type(RunRecordType::kThreadInfo)) {
      ThreadInfo info;
      if (DecodeThread(value, &info).ok() && info.thread == id) {
        FoundThread& thread = run.threads[id];
        thread.produced = info.events + info.lost;
        thread.lost = info.lost;
        thread.info = std::move(info);
        thread.recorded = true;
      }
      keep = false;
    } else if (type == Type(RunRecordType::kProcessInfo)) {
      ProcessInfo info;
      keep = DecodeProcess(value, &info).ok() && info.process == id;
      if (keep) run.processes.insert(id);
    } else if (type == Type(RunRecordType::kSourceInfo)) {
      SourceInfo info;
      keep = DecodeSource(value, &info).ok();
    } else if (type == Type(RunRecordType::kTaskInfo)) {
      TaskInfo info;
      keep = DecodeTask(value, &info).ok();
    } else if (type == Type(shm::RecordType::kString)) {
      run.names[process].strings.insert(id);
    } else if (type == Type(shm::RecordType::kCode)) {
      run.names[process].codes.insert(id);
      StringsOf(value, &run.names[process].used_strings);
    }
    if (keep) list_.Put(Family::kCatalogue, std::string(key), std::string(value));
    written_ = WriteIf(kListBytes);
    return written_.ok() && say_("reading names");
  });
}

bool Rebuild::TakeChunk(std::string_view chunk, std::uint64_t arrival) {
  if (ChunkBytes(chunk) != chunk.size()) return false;
  const std::uint32_t run_key = ChunkRun(chunk);
  auto piece = std::make_shared<Piece>();
  if (!DecodeChunk(chunk, run_key, piece.get()).ok() || !SumUp(piece.get())) return false;
  if (dropped_.contains(run_key)) return true;
  if (!runs_.contains(run_key) && (run_key == 0 || !from_->Damaged(Family::kMeta))) return true;
  std::uint64_t check;
  std::memcpy(&check, chunk.data() + chunk.size() - sizeof check, sizeof check);
  if (!check_sums_.insert(check).second) return true;
  ++chunks_;
  next_run_key_ = std::max<std::uint64_t>(next_run_key_, std::uint64_t{run_key} + 1);
  FoundRun& run = runs_[run_key];
  FoundNames& names = run.names[piece->process];
  names.used_codes.insert(piece->codes.begin(), piece->codes.end());
  names.used_strings.insert(piece->variables.begin(), piece->variables.end());
  FoundThread& thread = run.threads[piece->thread];
  if (!thread.recorded && thread.chunks.empty()) {
    thread.info.thread = piece->thread;
    thread.info.process = piece->process;
    thread.info.local = piece->state.thread;
    thread.info.ended = true;
  }
  const std::string entry = EncodeIndexEntry(*piece, chunk.size());
  FoundChunk found;
  found.first = piece->first_seq;
  found.next = piece->last_seq + 1;
  found.arrival = arrival;
  found.events = piece->events;
  found.lost = piece->lost;
  found.bytes = chunk.size() + entry.size() + kIndexKeyBytes;
  found.first_ns = piece->first_ns;
  found.last_ns = piece->last_ns;
  found.exceptions = piece->exceptions;
  found.process = piece->process;
  thread.chunks.push_back(found);
  list_.Put(Family::kChunks, ChunkKey(arrival), std::string(chunk));
  list_.Put(Family::kIndex, IndexKey(run_key, piece->thread, piece->first_seq, arrival), entry);
  written_ = WriteIf(kListBytes);
  return true;
}

Status Rebuild::ReadChunks() {
  return from_->Read(Family::kChunks, [&](std::string_view key, std::string_view chunk) {
    if (key.size() != 8) return true;
    const std::uint64_t arrival = ReadBig(key, 0, 8);
    next_arrival_ = std::max(next_arrival_, arrival + 1);
    if (!TakeChunk(chunk, arrival)) ++broken_chunks_;
    return written_.ok() && say_("reading chunks");
  });
}

// Takes chunks from parts of tables that RocksDB cannot read. The check sum of a chunk shows whether it was taken
// already.
Status Rebuild::CarveTables() {
  if (!from_->Damaged(Family::kChunks)) return {};
  for (const auto& table : from_->Tables()) {
    const Status status = CarveChunks(table, [&](std::string_view chunk, bool* whole) {
      const std::uint64_t before = chunks_;
      *whole = TakeChunk(chunk, next_arrival_);
      if (chunks_ != before) ++next_arrival_;
      return written_.ok() && say_("searching damaged tables for chunks");
    });
    if (status.code() == Code::kInterrupted) return status;
    if (!status.ok()) report_->findings.push_back(status.message());
  }
  return {};
}

// Adds a piece whose only event reports [first, next) as lost, as the drainer does.
void Rebuild::AddLoss(FoundRun* run, FoundThread* thread, const FoundChunk* before, const FoundChunk* after,
                      std::uint64_t first, std::uint64_t next) {
  Piece near;  // of the chunk behind, or else before; it has the state and the clock of the thread
  const FoundChunk* const chunk = after != nullptr ? after : before;
  near.time.anchor_ns = near.time.wall_minus_mono_ns = run->record.info.start_ns;
  near.state.magic = shm::kBlockMagic;
  near.state.thread = thread->info.local;
  std::uint64_t units = 0;
  if (chunk != nullptr) {
    const auto bytes = to_->Get(Family::kChunks, ChunkKey(chunk->arrival));
    if (bytes.ok() && DecodeChunk(*bytes, run->record.key, &near).ok()) {
      PieceScanner scanner(near.time.wall_minus_mono_ns);
      scanner.SetNsPerUnit(near.time.ns_per_unit);
      scanner.EnterBlock(near.state);
      if (after == nullptr) {
        scanner.Scan(near.words.data(), near.words.size());
        near.state = scanner.State();
        near.time = scanner.Time();
      }
      units = scanner.units();
    }
  }
  Piece loss = MakeLossPiece(near.state, near.time, first, next - first, units, units);
  loss.process = chunk != nullptr ? chunk->process : thread->info.process;
  loss.thread = thread->info.thread;
  loss.damaged_before = true;
  // Its times are those of the chunks around it.
  if (before != nullptr) loss.first_ns = loss.last_ns = before->last_ns;
  if (after != nullptr) loss.last_ns = std::max(loss.first_ns, after->first_ns);
  const std::uint64_t arrival = next_arrival_++;
  const std::string bytes = EncodeChunk(loss, run->record.key), entry = EncodeIndexEntry(loss, bytes.size());
  list_.Put(Family::kIndex, IndexKey(run->record.key, loss.thread, first, arrival), entry);
  list_.Put(Family::kChunks, ChunkKey(arrival), bytes);
  RunInfo& info = run->record.info;
  info.bytes += bytes.size() + entry.size() + kIndexKeyBytes;
  info.lost += next - first;
  thread->info.lost += next - first;
}

void Rebuild::FinishThread(FoundRun* run, FoundThread* thread, RepairedRun* done) {
  ThreadInfo& info = thread->info;
  info.events = info.lost = 0;
  info.first_ns = info.last_ns = 0;
  std::sort(thread->chunks.begin(), thread->chunks.end(), [](const FoundChunk& a, const FoundChunk& b) {
    return std::pair(a.first, a.arrival) < std::pair(b.first, b.arrival);
  });
  std::uint64_t next = 1;
  const FoundChunk* before = nullptr;
  for (const FoundChunk& chunk : thread->chunks) {
    if (chunk.first < next) {  // events that two chunks hold: the earlier chunk counts
      list_.Delete(Family::kChunks, ChunkKey(chunk.arrival));
      list_.Delete(Family::kIndex, IndexKey(run->record.key, info.thread, chunk.first, chunk.arrival));
      continue;
    }
    if (chunk.first > next) AddLoss(run, thread, before, &chunk, next, chunk.first);
    next = chunk.next;
    before = &chunk;
    info.events += chunk.events;
    info.lost += chunk.lost;
    if (chunk.events + chunk.lost > 0) {
      if (info.first_ns == 0) info.first_ns = chunk.first_ns;
      info.last_ns = std::max(info.last_ns, chunk.last_ns);
    }
    run->record.info.events += chunk.events;
    run->record.info.lost += chunk.lost;
    run->record.info.bytes += chunk.bytes;
    run->record.info.exceptions += chunk.exceptions;
  }
  if (thread->produced + 1 > next) AddLoss(run, thread, before, nullptr, next, thread->produced + 1);
  // Some of these events may have been lost before the damage.
  std::uint64_t known_lost = 0;
  for (const FoundChunk& chunk : thread->chunks) known_lost += chunk.lost;
  known_lost = std::max(known_lost, thread->lost);
  if (info.lost > known_lost) done->newly_lost += info.lost - known_lost;
}

// Adds records for ids that events use and whose own records are lost. The name is "(lost)", or "lost_name_" and the
// id.
std::uint64_t Rebuild::FillNames(FoundRun* run) {
  std::uint64_t filled = 0;
  for (auto& [process, names] : run->names) {
    const auto put = [&, process = process](shm::RecordType type, std::uint32_t id, std::string payload) {
      list_.Put(Family::kCatalogue, CatalogueKey(run->record.key, process, Type(type), id), std::move(payload));
    };
    bool lost_name = false;
    for (const std::uint32_t code : names.used_codes) {
      if (names.codes.contains(code)) continue;
      put(shm::RecordType::kCode, code, LostCode());
      ++filled;
      lost_name = true;
    }
    if (lost_name) put(shm::RecordType::kString, kLostName, "(lost)");
    for (const std::uint32_t string : names.used_strings) {
      if (names.strings.contains(string)) continue;
      put(shm::RecordType::kString, string, "lost_name_" + std::to_string(string));
      ++filled;
    }
  }
  return filled;
}

Status Rebuild::FinishRun(FoundRun* run) {
  // When only an old record of a run is left, the run was deleted long ago.
  if (from_->Damaged(Family::kMeta) && run->processes.empty() && run->threads.empty()) return {};
  const std::uint32_t key = static_cast<std::uint32_t>(
      std::find_if(runs_.begin(), runs_.end(), [run](const auto& item) { return &item.second == run; })->first);
  if (const Status status = WriteIf(0); !status.ok()) return status;  // AddLoss reads the written chunks
  RepairedRun done;
  RunInfo& info = run->record.info;
  run->record.key = key;
  if (run->how == FoundRun::Record::kMissing) {
    done.record = "made";
    info.id = shm::NewRunId();
    info.command = {"(lost)"};
    info.detail = "values";
    info.state = RunState::kEnded;
    info.notes.push_back("the record of this run was damaged: its command and its end are not known");
  } else if (run->how == FoundRun::Record::kCopy) {
    done.record = "copy";
  }
  for (const auto& [number, thread] : run->threads) {
    for (const FoundChunk& chunk : thread.chunks) {
      if (run->how != FoundRun::Record::kMissing || chunk.events == 0) continue;
      info.start_ns = info.start_ns == 0 ? chunk.first_ns : std::min(info.start_ns, chunk.first_ns);
      info.end_ns = std::max(info.end_ns, chunk.last_ns);
    }
  }
  info.events = info.lost = info.bytes = 0;
  info.exceptions = 0;
  for (auto& [number, thread] : run->threads) FinishThread(run, &thread, &done);
  for (auto& [number, thread] : run->threads) {
    if (!run->processes.insert(thread.info.process).second) continue;
    ProcessInfo process;
    process.process = thread.info.process;
    process.start_ns = info.start_ns;
    process.end_ns = info.end_ns;
    list_.Put(Family::kCatalogue, CatalogueKey(key, 0, Type(RunRecordType::kProcessInfo), process.process),
              EncodeProcess(process));
  }
  for (const auto& [number, thread] : run->threads) {
    list_.Put(Family::kCatalogue, CatalogueKey(key, 0, Type(RunRecordType::kThreadInfo), number),
              EncodeThread(thread.info));
  }
  info.threads = static_cast<std::uint32_t>(run->threads.size());
  info.processes = static_cast<std::uint32_t>(run->processes.size());
  done.lost_names = FillNames(run);
  if (done.newly_lost > 0)
    info.notes.push_back(Events(done.newly_lost) + " were lost, because the store was damaged");
  if (done.lost_names > 0)
    info.notes.push_back(std::to_string(done.lost_names) + " names were lost, because the store was damaged");
  if (done.touched()) info.flawed = true;
  list_.Put(Family::kMeta, RunKey(info.id), EncodeRun(run->record));
  list_.Put(Family::kCatalogue, CatalogueKey(key, 0, Type(RunRecordType::kRunCopy), 0),
            EncodeRunCopy(info.id, run->record));
  done.id = info.id;
  done.events = info.events;
  done.lost = info.lost;
  report_->runs.push_back(std::move(done));
  return WriteIf(kListBytes);
}

}  // namespace smiley::daemon
