// Thread rule: functions are safe from any thread, except that AnswerWeb uses the door, which belongs to one.
//
// What HTTP requests are answered, without any socket: the page's files, the exchange of a code for the token, and
// who is let through to the WebSocket. Nothing that is asked by GET changes anything.
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
  std::string type;       // of the content
  std::string_view file;  // what is sent: one of the page's files, which live as long as the program …
  std::string text;       // … or, where that is empty, this
};

// A file of the page ("app.js"); null data when there is none. The page is part of the program when it was built with
// npm.
std::string_view PageFile(std::string_view name);
bool HavePage();

// Whether the request was meant for us (its Host; a name of somebody else's that resolves to us is refused) and,
// where it changes or reveals something, whether our own page sent it (its Origin).
bool IsForUs(const WebDoor& door, const WebRequest& request);
bool IsFromUs(const WebDoor& door, const WebRequest& request);

// Everything but the WebSocket.
WebAnswer AnswerWeb(WebDoor* door, const WebRequest& request);
// Whether this upgrade to a WebSocket is allowed: host, origin and token ("smiley, token.HEX" as protocols). 0, or
// the status to refuse with.
unsigned RefuseUpgrade(const WebDoor& door, const WebRequest& request);
inline constexpr std::string_view kWebProtocol = "smiley";

// The headers that every answer carries: what browsers may do with it.
std::string ContentPolicy(const WebDoor& door);

}  // namespace smiley::daemon
