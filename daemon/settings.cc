#include "daemon/settings.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "daemon/background/whole_file.h"

namespace smiley::daemon {
namespace {

using Json = nlohmann::json;

std::filesystem::path PathOf(const shm::Home& home) { return home.dir / "settings.json"; }

}  // namespace

Result<Settings> LoadSettings(const shm::Home& home) {
  Settings settings;
  std::ifstream in(PathOf(home), std::ios::binary);
  if (!in) return settings;
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return Status(Code::kDamaged, PathOf(home).string() +
                                      " is damaged: correct it, or remove it and give the "
                                      "options of smiley-daemon start again");
  }
  if (const auto at = json.find("store"); at != json.end() && at->is_string())
    settings.store = at->get<std::string>();
  if (const auto at = json.find("quota_bytes"); at != json.end() && at->is_number_unsigned())
    settings.quota_bytes = at->get<std::uint64_t>();
  if (const auto at = json.find("listen"); at != json.end() && at->is_string())
    settings.listen = at->get<std::string>();
  return settings;
}

Status SaveSettings(const shm::Home& home, const Settings& settings) {
  const std::string path = PathOf(home).string();
  if (settings == Settings()) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return Status::FromErrno("cannot remove " + path, errno);
    return {};
  }
  Json json = Json::object();
  if (!settings.store.empty()) json["store"] = settings.store.string();
  if (settings.quota_bytes != 0) json["quota_bytes"] = settings.quota_bytes;
  if (!settings.listen.empty()) json["listen"] = settings.listen;
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return WriteWholeFile(path, text);
}

std::filesystem::path StoreDir(const shm::Home& home, const Settings& settings) {
  return settings.store.empty() ? home.StoreDir() : settings.store;
}

}  // namespace smiley::daemon
