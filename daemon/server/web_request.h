// Thread rule: functions are safe from any thread, except where they use the door, which belongs to one thread.
//
// Answers HTTP requests without a socket: the page's files, the exchange of a code for the token, and the access to
// the WebSocket. GET requests change nothing.
#pragma once

#include <string>
#include <string_view>

#include "daemon/server/web_door.h"

namespace smiley::daemon {

struct WebRequest {
  std::string_view method, target, host, origin;  // as sent; empty: absent
  std::string_view authorization, protocols;      // Authorization, Sec-WebSocket-Protocol
  std::string_view body;
};
struct WebAnswer {
  unsigned status = 200;
  std::string type;       // Content-Type
  std::string_view file;  // the body: one of the page's files, which live as long as the program; empty: `text`
  std::string text;       // the body, when `file` is empty
};

// A file of the page ("app.js"); empty: there is none. The page is part of the program when it was built with npm.
std::string_view PageFile(std::string_view name);
bool HavePage();

// Whether the request's Host is the daemon. A foreign name that resolves to the loopback is not.
bool IsForDaemon(const WebDoor& door, const WebRequest& request);
// Whether the daemon's own page sent the request, by its Origin.
bool IsFromPage(const WebDoor& door, const WebRequest& request);

// Answers every request other than the upgrade to a WebSocket.
WebAnswer AnswerWeb(WebDoor* door, const WebRequest& request);
// Checks host, origin and token ("smiley, token.HEX" as protocols) of an upgrade to a WebSocket. 0: it is allowed;
// else the HTTP status of the refusal.
unsigned CheckUpgrade(const WebDoor& door, const WebRequest& request);
inline constexpr std::string_view kWebProtocol = "smiley";

// The Content-Security-Policy of every answer.
std::string FormatContentPolicy(const WebDoor& door);

}  // namespace smiley::daemon
