#include "daemon/drain/catalogue_drain.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <utility>

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

}  // namespace

void CatalogueDrain::Drain(ProcessProgress* process) {
  if (!process->known) return;
  while (true) {
    const auto at = process->catalogues.find(process->catalogue_at);
    if (at == process->catalogues.end()) return;  // the next segment has not been found yet
    CatalogueProgress& catalogue = *at->second;
    shm::CatalogueReader::Record record;
    shm::CatalogueReader::Step step;
    while ((step = catalogue.reader->Next(&record)) == shm::CatalogueReader::Step::kRecord ||
           step == shm::CatalogueReader::Step::kDamaged) {
      if (step == shm::CatalogueReader::Step::kRecord) {
        TakeRecord(process, record);
      } else {
        runs_.AddNote(
            process->run->id, "incomplete",
            "a damaged record in the catalogue of process " + std::to_string(process->info.pid) + " was skipped");
      }
    }
    outbox_.SetCursor(&catalogue, catalogue.reader->position());
    if (step != shm::CatalogueReader::Step::kSealed) return;
    if (!process->catalogues.contains(process->catalogue_at + 1)) {
      agenda_.look_now = true;
      return;
    }
    ++process->catalogue_at;
  }
}

void CatalogueDrain::TakeRecord(ProcessProgress* process, const shm::CatalogueReader::Record& record) {
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
  outbox_.AddRecord({process->run->id, process->info.process, record.type, record.id, std::move(payload)});
}

// Sources are numbered by the run: equal text under the same file name is stored once.
void CatalogueDrain::TakeSource(ProcessProgress* process, std::uint32_t id, std::string_view payload) {
  RunProgress* const run = process->run;
  shm::CborReader in(payload);
  std::uint64_t items = 0, file_id = 0;
  std::string_view text;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadUnsigned(&file_id) || !in.ReadTextOrBytes(&text)) return;
  const std::string* const file = process->names->FindString(static_cast<std::uint32_t>(file_id));
  SourceInfo source;
  source.file = file != nullptr ? *file : std::string();
  source.sha256 = Sha256(text);
  const auto [number, fresh] = run->sources.try_emplace({source.file, source.sha256}, run->next_source);
  if (fresh) {
    source.source = run->next_source++;
    source.text = text;
    outbox_.AddSource(run->id, std::move(source));
  }
  std::string stored;
  {
    shm::CborWriter out(&stored);
    out.ArrayHeader(2);
    out.Unsigned(file_id);
    out.Unsigned(number->second);
  }
  process->names->Add(shm::RecordType::kSource, id, stored);
  outbox_.AddRecord({run->id, process->info.process, shm::RecordType::kSource, id, std::move(stored)});
}

ThreadProgress* CatalogueDrain::ThreadOf(ProcessProgress* process, std::uint32_t local) {
  auto& thread = process->threads[local];
  if (!thread) {
    thread = std::make_unique<ThreadProgress>();
    thread->info.process = process->info.process;
    thread->info.thread = process->run->next_thread++;
    thread->info.local = local;
    archive_.DrainThread(process->run->id, thread->info);
    outbox_.AddThread(process->run->id, thread->info);
  }
  return thread.get();
}

void CatalogueDrain::EndThread(ProcessProgress* process, ThreadProgress* thread) {
  thread->info.ended = true;
  archive_.DrainThread(process->run->id, thread->info);
  outbox_.AddThread(process->run->id, thread->info);
}

void CatalogueDrain::TakeThread(ProcessProgress* process, std::uint32_t id, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0, native = 0;
  std::string_view name;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadUnsigned(&native) || !in.ReadTextOrBytes(&name)) return;
  ThreadProgress* const thread = ThreadOf(process, id);
  thread->info.native_id = native;
  thread->info.name = name;
  archive_.DrainThread(process->run->id, thread->info);
  outbox_.AddThread(process->run->id, thread->info);
}

// Tasks are numbered by the run; a later record of the same task renames it. Returns the record as it is stored.
std::string CatalogueDrain::TakeTask(ProcessProgress* process, std::uint32_t id, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0;
  std::string_view name;
  if (!in.ReadArray(&items)) return std::string(payload);
  const std::size_t begin = in.consumed();
  if (items < 1 || !in.ReadTextOrBytes(&name)) return std::string(payload);
  const auto [task, fresh] = process->tasks.try_emplace(id, process->run->next_task);
  if (fresh) ++process->run->next_task;
  outbox_.AddTask(process->run->id, TaskInfo{process->info.process, task->second, std::string(name)});
  std::string stored;
  {
    shm::CborWriter out(&stored);
    out.ArrayHeader(2);
    out.Raw(payload.substr(begin, in.consumed() - begin));
    out.Unsigned(task->second);
  }
  return stored;
}

void CatalogueDrain::TakeNote(ProcessProgress* process, std::string_view payload) {
  shm::CborReader in(payload);
  std::uint64_t items = 0;
  std::string_view kind, text;
  if (!in.ReadArray(&items) || items < 2 || !in.ReadText(&kind) || !in.ReadTextOrBytes(&text)) return;
  runs_.AddNote(process->run->id, std::string(kind), std::string(text));
}

}  // namespace smiley::daemon
