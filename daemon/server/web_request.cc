#include "daemon/server/web_request.h"

#include <algorithm>
#include <utility>

#include "daemon/protocol/json_object.h"

namespace smiley::daemon {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8", kJson = "application/json",
                           kHtml = "text/html; charset=utf-8";

struct Served {
  std::string_view target, name, type;
};
constexpr Served kServed[] = {
    {"/", "index.html", kHtml},
    {"/app.js", "app.js", "text/javascript; charset=utf-8"},
    {"/app.css", "app.css", "text/css; charset=utf-8"},
    {"/icon.svg", "icon.svg", "image/svg+xml"},
};

WebAnswer MakeText(unsigned status, std::string text) {
  WebAnswer answer;
  answer.status = status;
  answer.type = kText;
  answer.text = std::move(text) + "\n";
  return answer;
}

WebAnswer MakeJson(unsigned status, std::string object) {
  WebAnswer answer;
  answer.status = status;
  answer.type = kJson;
  answer.text = std::move(object) + "\n";
  return answer;
}

std::string_view WithoutQuery(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view BearerOf(std::string_view authorization) {
  constexpr std::string_view kBearer = "Bearer ";
  return authorization.substr(0, kBearer.size()) == kBearer ? authorization.substr(kBearer.size())
                                                            : std::string_view();
}

}  // namespace

bool HavePage() { return !PageFile("app.js").empty(); }

bool IsForDaemon(const WebDoor& door, const WebRequest& request) {
  const std::string port = ":" + std::to_string(door.port());
  return request.host == door.Authority() || request.host == "127.0.0.1" + port ||
         request.host == "localhost" + port || request.host == "[::1]" + port;
}

bool IsFromPage(const WebDoor& door, const WebRequest& request) {
  return IsForDaemon(door, request) && request.origin == "http://" + std::string(request.host);
}

WebAnswer AnswerWeb(WebDoor* door, const WebRequest& request) {
  if (!IsForDaemon(*door, request)) return MakeText(421, "this server answers for " + door->Authority() + " only");
  const std::string_view target = WithoutQuery(request.target);
  const bool reads = request.method == "GET" || request.method == "HEAD";
  for (const Served& served : kServed) {
    if (served.target != target) continue;
    if (!reads) return MakeText(405, "only GET");
    WebAnswer answer;
    answer.type = served.type;
    answer.file = PageFile(served.name);
    if (!answer.file.empty()) return answer;
    if (target != "/") return MakeText(404, "no such page");
    return MakeText(503,
                    "smiley was built without its page, because npm was missing or failed during the build.\n"
                    "Install nodejs and npm and build again; every smiley command works without it.");
  }
  if (target == "/token") {
    if (request.method != "POST") return MakeText(405, "only POST");
    if (!IsFromPage(*door, request)) return MakeText(403, "only smiley's own page may request this");
    auto token = door->Exchange(request.body, WebDoor::Clock::now());
    std::string object;
    if (!token) {
      JsonObject(&object).Text("error", token.status().message()).End();
      return MakeJson(403, std::move(object));
    }
    JsonObject(&object).Text("token", *token).End();
    return MakeJson(200, std::move(object));
  }
  if (target == "/session") {  // a page checks here whether its token is still valid
    if (!reads) return MakeText(405, "only GET");
    const bool known = door->IsToken(BearerOf(request.authorization));
    return MakeJson(known ? 200 : 401, known ? "{\"known\":true}" : "{\"known\":false}");
  }
  return MakeText(404, "no such page");
}

unsigned CheckUpgrade(const WebDoor& door, const WebRequest& request) {
  if (!IsForDaemon(door, request)) return 421;
  if (WithoutQuery(request.target) != "/socket") return 404;
  if (!IsFromPage(door, request)) return 403;
  bool speaks = false, known = false;
  std::string_view rest = request.protocols;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    constexpr std::string_view kToken = "token.";
    if (word == kWebProtocol) speaks = true;
    if (word.substr(0, kToken.size()) == kToken && door.IsToken(word.substr(kToken.size()))) known = true;
  }
  if (!known) return 401;
  return speaks ? 0 : 400;
}

std::string FormatContentPolicy(const WebDoor& door) {
  // 'self' does not cover ws: in every browser.
  return "default-src 'self'; connect-src 'self' ws://" + door.Authority() +
         " ws://localhost:" + std::to_string(door.port()) +
         "; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace smiley::daemon
