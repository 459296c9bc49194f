#include "daemon/run/names.h"

#include "shm/cbor.h"

namespace smiley::daemon {

void StoredNames::Add(shm::RecordType type, std::uint32_t id, std::string_view payload) {
  const shm::WriteLock lock(mutex_);
  if (type == shm::RecordType::kString) {
    strings_.try_emplace(id, std::make_unique<const std::string>(payload));
  } else if (type == shm::RecordType::kCode) {
    if (!codes_.contains(id)) unread_codes_.try_emplace(id, payload);
  } else if (type == shm::RecordType::kSource) {
    shm::CborReader in(payload);
    std::uint64_t items = 0, file = 0, number = 0;
    if (in.ReadArray(&items) && items >= 2 && in.ReadUnsigned(&file) && in.ReadUnsigned(&number)) {
      sources_.try_emplace(id, static_cast<std::uint32_t>(number));
    }
  } else if (type == shm::RecordType::kTask) {
    shm::CborReader in(payload);
    std::uint64_t items = 0, number = 0;
    std::string_view name;
    if (in.ReadArray(&items) && items >= 2 && in.ReadTextOrBytes(&name) && in.ReadUnsigned(&number)) {
      tasks_.try_emplace(id, static_cast<std::uint32_t>(number));
    }
  }
}

std::uint32_t StoredNames::FindTask(std::uint32_t id) const {
  const shm::ReadLock lock(mutex_);
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? id : found->second;
}

const std::string* StoredNames::FindString(std::uint32_t id) const {
  const shm::ReadLock lock(mutex_);
  const auto found = strings_.find(id);
  return found == strings_.end() ? nullptr : found->second.get();
}

const CodeRecord* StoredNames::FindCode(std::uint32_t id) const {
  {
    const shm::ReadLock lock(mutex_);
    if (const auto found = codes_.find(id); found != codes_.end()) return found->second.get();
    if (!unread_codes_.contains(id)) return nullptr;
  }
  const shm::WriteLock lock(mutex_);
  if (const auto found = codes_.find(id); found != codes_.end()) return found->second.get();
  const auto unread = unread_codes_.find(id);
  if (unread == unread_codes_.end()) return nullptr;
  auto code = std::make_unique<CodeRecord>();
  const bool good = ReadCode(unread->second, code.get());
  unread_codes_.erase(unread);
  if (!good) return nullptr;
  return codes_.emplace(id, std::move(code)).first->second.get();
}

bool StoredNames::ReadCode(std::string_view payload, CodeRecord* code) const {
  shm::CborReader in(payload);
  std::uint64_t items = 0, file = 0, function = 0, line = 0, source = 0, count = 0;
  if (!in.ReadArray(&items) || items < 5 || !in.ReadUnsigned(&file) || !in.ReadUnsigned(&function) ||
      !in.ReadUnsigned(&line) || !in.ReadUnsigned(&source) || !in.ReadArray(&count)) {
    return false;
  }
  const auto text = [this](std::uint64_t id) SMILEY_REQUIRES_SHARED_LOCK(mutex_) -> std::string {
    const auto found = strings_.find(static_cast<std::uint32_t>(id));
    return found == strings_.end() ? std::string() : *found->second;
  };
  code->file = text(file);
  code->function = text(function);
  code->first_line = static_cast<std::uint32_t>(line);
  if (const auto found = sources_.find(static_cast<std::uint32_t>(source)); found != sources_.end())
    code->source = found->second;
  code->variables.reserve(count);
  for (; count > 0; --count) {
    std::uint64_t name = 0;
    if (!in.ReadUnsigned(&name)) return false;
    code->variables.push_back(text(name));
  }
  // The names of each line. A record without them is complete, too.
  std::uint64_t lines = 0;
  if (items < 6 || !in.ReadArray(&lines)) return true;
  const auto names = [&](std::vector<std::string>* out) SMILEY_REQUIRES_SHARED_LOCK(mutex_) {
    std::uint64_t many = 0, name = 0;
    if (!in.ReadArray(&many)) return false;
    for (; many > 0; --many) {
      if (!in.ReadUnsigned(&name)) return false;
      out->push_back(text(name));
    }
    return true;
  };
  for (; lines > 0; --lines) {
    CodeRecord::Line one;
    std::uint64_t parts = 0, number = 0;
    if (!in.ReadArray(&parts) || parts != 3 || !in.ReadUnsigned(&number) || !names(&one.reads) ||
        !names(&one.writes)) {
      break;
    }
    one.line = static_cast<std::uint32_t>(number);
    code->lines.push_back(std::move(one));
  }
  return true;
}

}  // namespace smiley::daemon
