// Catalogue records: what ids mean, who the process is, what people must be told.
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "daemon/drain/drainer.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

std::string Sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex.push_back(kHex[digest[i] >> 4]);
    hex.push_back(kHex[digest[i] & 15]);
  }
  return hex;
}

std::vector<std::string> ReadTexts(shm::CborReader* in) {
  std::vector<std::string> texts;
  std::uint64_t count = 0;
  if (!in->ReadArray(&count)) return texts;
  for (; count > 0 && !in->bad(); --count) {
    std::string_view text;
    if (in->ReadTextOrBytes(&text)) texts.emplace_back(text);
  }
  return texts;
}

}  // namespace

void Drainer::DrainCatalogue(ProcessState* process) {
  if (!process->known) return;
  while (true) {
    const auto at = process->catalogues.find(process->catalogue_at);
    if (at == process->catalogues.end()) return;  // the next segment has not been found yet
    CatalogueState& catalogue = *at->second;
    shm::CatalogueReader::Record record;
    shm::CatalogueReader::Step step;
    while ((step = catalogue.reader->Next(&record)) == shm::CatalogueReader::Step::kRecord ||
           step == shm::CatalogueReader::Step::kDamaged) {
      if (step == shm::CatalogueReader::Step::kRecord) {
        TakeRecord(process, record);
      } else {
        AddNote(process->run->id, "incomplete",
                "a damaged record in the catalogue of process " + std::to_string(process->info.pid) + " was skipped");
      }
    }
    if (catalogue.reader->position() != catalogue.queued) {
      catalogue.queued = catalogue.reader->position();
      batch_.cursors.push_back({catalogue.found.name, catalogue.queued});
    }
    if (step != shm::CatalogueReader::Step::kSealed) return;
    catalogue.sealed = true;
    if (!process->catalogues.contains(process->catalogue_at + 1)) {
      look_now_ = true;
      return;
    }
    ++process->catalogue_at;
  }
}

void Drainer::TakeRecord(ProcessState* process, const shm::CatalogueReader::Record& record) {
  const std::string& run = process->run->id;
  std::string payload = record.payload;
  switch (record.type) {
    case shm::RecordType::kProcess:
      return;  // read when the process got its number
    case shm::RecordType::kSource:
      return TakeSource(process, record.id, record.payload);
    case shm::RecordType::kThread:
      TakeThread(process, record.id, record.payload);
      break;
    case shm::RecordType::kTask:
      payload = TakeTask(process, record.id, record.payload);
      process->names->Add(record.type, record.id, payload);
      break;
    case shm::RecordType::kNote:
      TakeNote(process, record.payload);
      break;
    case shm::RecordType::kString:
    case shm::RecordType::kCode:
      process->names->Add(record.type, record.id, record.payload);
      break;
  }
  batch_bytes_ += payload.size();
  batch_.catalogue.push_back({run, process->info.process, record.type, record.id, std::move(payload)});
}

void Drainer::TakeProcessRecord(ProcessState* process, std::string_view payload) {
  ProcessInfo& info = process->info;
  info.pid = process->identity.pid;
  info.token = process->token;
  shm::CborReader in(payload);
  std::uint64_t pairs = 0;
  std::string cwd, detail, name;
  if (!in.ReadMap(&pairs)) pairs = 0;
  for (; pairs > 0 && !in.bad(); --pairs) {
    std::string_view key, text;
    std::uint64_t number = 0;
    if (!in.ReadText(&key)) break;
    if (key == "command") {
      info.command = ReadTexts(&in);
    } else if (key == "start_mono_ns") {
      if (in.ReadUnsigned(&number)) process->started_mono_ns = number;
    } else if (key == "parent_token") {
      if (in.ReadUnsigned(&number)) process->parent_token = number;
    } else if (key == "hold") {
      if (in.ReadUnsigned(&number)) process->hold = number != 0;
    } else if (key == "python" && in.Peek() == shm::CborReader::Type::kText) {
      if (in.ReadText(&text)) info.python = text;
    } else if (key == "kind" && in.Peek() == shm::CborReader::Type::kText) {
      if (in.ReadText(&text)) info.kind = text;
    } else if (key == "cwd" && in.Peek() == shm::CborReader::Type::kText) {
      if (in.ReadText(&text)) cwd = text;
    } else if (key == "detail" && in.Peek() == shm::CborReader::Type::kText) {
      if (in.ReadText(&text)) detail = text;
    } else if (key == "name" && in.Peek() == shm::CborReader::Type::kText) {
      if (in.ReadText(&text)) name = text;
    } else if (!in.Skip()) {
      break;
    }
  }
  info.start_ns = static_cast<std::int64_t>(process->started_mono_ns) + process->wall_minus_mono_ns;
  process->cwd = std::move(cwd);
  process->detail = std::move(detail);
  process->run_name = std::move(name);
}

void Drainer::TakeSource(ProcessState* process, std::uint32_t id, std::string_view payload) {
  RunProgress* const run = process->run;
  shm::CborReader in(payload);
  std::uint64_t items = 0, file_id = 0;
  std::string_view text;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadUnsigned(&file_id) || !in.ReadTextOrBytes(&text)) return;
  const std::string* const file = process->names->FindString(static_cast<std::uint32_t>(file_id));
  SourceInfo source;
  source.file = file != nullptr ? *file : std::string();
  source.sha256 = Sha256(text);
  const auto [known, fresh] = run->sources.try_emplace({source.file, source.sha256}, run->next_source);
  if (fresh) {
    source.source = run->next_source++;
    source.text = text;
    batch_bytes_ += text.size();
    batch_.sources.emplace_back(run->id, std::move(source));
  }
  std::string stored;
  {
    shm::CborWriter out(&stored);
    out.ArrayHeader(2);
    out.Unsigned(file_id);
    out.Unsigned(known->second);
  }
  process->names->Add(shm::RecordType::kSource, id, stored);
  batch_.catalogue.push_back({run->id, process->info.process, shm::RecordType::kSource, id, std::move(stored)});
}

ThreadState* Drainer::ThreadOf(ProcessState* process, std::uint32_t local) {
  auto& thread = process->threads[local];
  if (!thread) {
    thread = std::make_unique<ThreadState>();
    thread->info.process = process->info.process;
    thread->info.thread = process->run->next_thread++;
    thread->info.local = local;
    archive_.DrainThread(process->run->id, thread->info);
    batch_.threads.emplace_back(process->run->id, thread->info);
  }
  return thread.get();
}

void Drainer::TakeThread(ProcessState* process, std::uint32_t id, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0, native = 0;
  std::string_view name;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadUnsigned(&native) || !in.ReadTextOrBytes(&name)) return;
  ThreadState* const thread = ThreadOf(process, id);
  thread->info.native_id = native;
  thread->info.name = name;
  archive_.DrainThread(process->run->id, thread->info);
  batch_.threads.emplace_back(process->run->id, thread->info);
}

// Tasks are numbered by the run, a later record renames. Returns the record as the store keeps it.
std::string Drainer::TakeTask(ProcessState* process, std::uint32_t id, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0;
  std::string_view name;
  if (!in.ReadArray(&items)) return std::string(payload);
  const std::size_t begin = in.consumed();
  if (items < 1 || !in.ReadTextOrBytes(&name)) return std::string(payload);
  const auto [task, fresh] = process->tasks.try_emplace(id, process->run->next_task);
  if (fresh) ++process->run->next_task;
  batch_.tasks.emplace_back(process->run->id, TaskInfo{process->info.process, task->second, std::string(name)});
  std::string stored;
  {
    shm::CborWriter out(&stored);
    out.ArrayHeader(2);
    out.Raw(payload.substr(begin, in.consumed() - begin));
    out.Unsigned(task->second);
  }
  return stored;
}

void Drainer::TakeNote(ProcessState* process, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0;
  std::string_view kind, text;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadText(&kind) || !in.ReadTextOrBytes(&text)) return;
  AddNote(process->run->id, std::string(kind), std::string(text));
}

void Drainer::AddNote(const std::string& run, const std::string& kind, const std::string& text) {
  auto info = archive_.ChangeRun(run, [&](RunInfo& change) {
    if (kind == "incomplete") change.flawed = true;
    if (std::find(change.notes.begin(), change.notes.end(), text) == change.notes.end()) change.notes.push_back(text);
  });
  if (info) batch_.runs.push_back(std::move(*info));
}

}  // namespace smiley::daemon
