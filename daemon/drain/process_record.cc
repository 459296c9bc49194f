#include "daemon/drain/process_record.h"

#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

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

std::string* TextMember(std::string_view key, ProcessRecord* record) {
  if (key == "python") return &record->python;
  if (key == "kind") return &record->kind;
  if (key == "cwd") return &record->cwd;
  if (key == "detail") return &record->detail;
  if (key == "name") return &record->run_name;
  return nullptr;
}

}  // namespace

ProcessRecord ReadProcessRecord(std::string_view payload) {
  ProcessRecord record;
  shm::CborReader in(payload);
  std::uint64_t pairs = 0;
  if (!in.ReadMap(&pairs)) pairs = 0;
  for (; pairs > 0 && !in.bad(); --pairs) {
    std::string_view key;
    if (!in.ReadText(&key)) break;
    std::uint64_t number = 0;
    std::string* const member = TextMember(key, &record);
    if (key == "command") {
      record.command = ReadTexts(&in);
    } else if (key == "start_mono_ns") {
      if (in.ReadUnsigned(&number)) record.started_mono_ns = number;
    } else if (key == "parent_token") {
      if (in.ReadUnsigned(&number)) record.parent_token = number;
    } else if (key == "hold") {
      if (in.ReadUnsigned(&number)) record.hold = number != 0;
    } else if (member != nullptr && in.Peek() == shm::CborReader::Type::kText) {
      std::string_view text;
      if (in.ReadText(&text)) *member = text;
    } else if (!in.Skip()) {
      break;
    }
  }
  return record;
}

}  // namespace smiley::daemon
