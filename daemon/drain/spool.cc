#include "daemon/drain/spool.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

std::optional<std::int64_t> NumberIn(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string TextIn(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The run as smiley-run would have begun it.
BeginRun BeginOf(const std::string& id, const nlohmann::json& json) {
  BeginRun begin;
  begin.run = id;
  if (const auto command = json.find("command"); command != json.end() && command->is_array()) {
    for (const auto& word : *command) {
      if (word.is_string()) begin.command.push_back(word.get<std::string>());
    }
  }
  begin.cwd = TextIn(json, "cwd");
  begin.name = TextIn(json, "name");
  begin.start_ns = NumberIn(json, "start_ns").value_or(NumberIn(json, "end_ns").value_or(0));
  return begin;
}

}  // namespace

// Ends of runs, and notes of runs that are stored: the earlier daemon died before it removed them.
std::vector<std::filesystem::path> Spool::List() const {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(home_.SpoolDir(), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".json") files.push_back(at->path());
    if (at->path().extension() == ".notes") {
      const auto run = store_.archive().FindRun(at->path().stem().string());
      if (run.ok() && run->state == RunState::kEnded && !runs_.runs().contains(run->id)) files.push_back(at->path());
    }
  }
  return files;
}

std::vector<std::filesystem::path> Spool::Read(RunRegistry& registry) {
  std::vector<std::filesystem::path> files = List();
  for (const auto& path : files) {
    if (path.extension() == ".json") ReadEnd(path, registry);
  }
  SMILEY_TEST_POINT("drain.spool_read");
  return files;
}

void Spool::ReadEnd(const std::filesystem::path& path, RunRegistry& registry) const {
  std::ifstream in(path);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("run") || !json["run"].is_string()) {
    log_("removed " + path.string() + ": it does not hold the end of a run");
    return;
  }
  const std::string id = json["run"].get<std::string>();
  if (!archive_.FindRun(id).ok() && !registry.Begin(BeginOf(id, json)).ok()) return;
  std::optional<int> exit_code, signal;
  if (const auto code = NumberIn(json, "exit_code"))
    exit_code = static_cast<int>(*code);
  else if (const auto killed = NumberIn(json, "signal"))
    signal = static_cast<int>(*killed);
  if (const Status status = registry.Finish(id, exit_code, signal); !status.ok())
    log_("end of run " + id + ": " + status.message());
}

void Spool::RemoveWhenStored(std::vector<std::filesystem::path> files) {
  removals_.emplace_back(outbox_.Push(), std::move(files));
}

void Spool::RemoveStored(std::uint64_t stored) {
  std::erase_if(removals_, [stored](const auto& item) {
    if (item.first > stored) return false;
    std::error_code error;
    for (const auto& path : item.second) std::filesystem::remove(path, error);
    SMILEY_TEST_POINT("drain.spool_removed");
    return true;
  });
}

}  // namespace smiley::daemon
