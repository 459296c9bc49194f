#include "shm/redact.h"

#include <algorithm>
#include <cctype>

namespace smiley::shm {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsNameChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }

// "--some-name" → "some_name": options are spelled with dashes, patterns with underscores.
std::string OptionName(std::string_view text) {
  while (!text.empty() && text.front() == '-') text.remove_prefix(1);
  std::string name(text);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void Remember(std::vector<std::string>* secrets, std::string_view secret) {
  if (secrets != nullptr && !secret.empty()) secrets->emplace_back(secret);
}

// The end of the string literal whose opening quote is at `at`, after its prefix. npos: it does not end.
std::size_t LiteralEnd(std::string_view text, std::size_t at, std::size_t* body, std::size_t* body_end) {
  const char quote = text[at];
  const bool triple = text.size() >= at + 3 && text[at + 1] == quote && text[at + 2] == quote;
  const std::size_t width = triple ? 3 : 1;
  *body = at + width;
  for (std::size_t i = *body; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (!triple && text[i] == '\n') {
      return std::string_view::npos;
    } else if (text[i] == quote && (!triple || text.substr(i, 3) == std::string(3, quote))) {
      *body_end = i;
      return i + width;
    }
  }
  return std::string_view::npos;
}

// The position of the literal that is assigned to the name which ends at `at`. npos: there is none.
std::size_t AssignedLiteral(std::string_view text, std::size_t at) {
  const auto skip = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\\' || text[at] == '(')) ++at;
  };
  skip();
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) ++at;  // the name was a dict key
  if (at < text.size() && text[at] == ']') ++at;                        // or an index
  skip();
  if (at >= text.size()) return std::string_view::npos;
  if (text[at] == ':') {
    ++at;
    skip();
    // There may be an annotation: name: str = "…".
    std::size_t end = at;
    while (end < text.size() && text[end] != '=' && text[end] != '\n' && text[end] != '"' && text[end] != '\'') ++end;
    if (end < text.size() && text[end] == '=') at = end + 1;
  } else if (text[at] == '=' && at + 1 < text.size() && text[at + 1] == '=') {
    at += 2;
  } else if (text[at] == '=') {
    ++at;
  } else {
    return std::string_view::npos;
  }
  skip();
  std::size_t prefix = at;
  while (prefix < text.size() && prefix - at < 2 && std::isalpha(static_cast<unsigned char>(text[prefix]))) ++prefix;
  if (prefix < text.size() && (text[prefix] == '"' || text[prefix] == '\'')) return prefix;
  return std::string_view::npos;
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || Lower(pattern[p]) == Lower(text[t])) && pattern[p] != '*') {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Redactor::Redactor()
    : patterns_{"*password*", "passwd",        "*secret*", "*_token",    "api_key",
                "apikey",     "authorization", "*cookie*", "private_key"} {}

Redactor Redactor::Off() {
  Redactor none;
  none.patterns_.clear();
  return none;
}

bool Redactor::Matches(std::string_view name) const {
  for (const std::string& pattern : patterns_) {
    if (GlobMatches(pattern, name)) return true;
  }
  return false;
}

int Redactor::MaskArguments(std::vector<std::string>* arguments, std::vector<std::string>* secrets) const {
  int masked = 0;
  bool next = false;
  for (std::string& argument : *arguments) {
    if (next && (argument.empty() || argument[0] != '-')) {
      Remember(secrets, argument);
      argument = "***";
      ++masked;
      next = false;
      continue;
    }
    next = false;
    const std::size_t equals = argument.find('=');
    if (equals != std::string::npos && Matches(OptionName(std::string_view(argument).substr(0, equals)))) {
      Remember(secrets, std::string_view(argument).substr(equals + 1));
      argument = argument.substr(0, equals + 1) + "***";
      ++masked;
    } else if (argument.size() > 1 && argument[0] == '-' && equals == std::string::npos) {
      next = Matches(OptionName(argument));
    }
    // scheme://user:password@host
    const std::size_t scheme = argument.find("://");
    if (scheme != std::string::npos && !off()) {
      const std::size_t begin = scheme + 3;
      const std::size_t at = argument.find('@', begin);
      const std::size_t colon = argument.find(':', begin);
      const std::size_t slash = argument.find('/', begin);
      if (at != std::string::npos && colon != std::string::npos && colon < at &&
          (slash == std::string::npos || at < slash)) {
        Remember(secrets, std::string_view(argument).substr(colon + 1, at - colon - 1));
        argument.replace(colon + 1, at - colon - 1, "***");
        ++masked;
      }
    }
  }
  return masked;
}

int Redactor::MaskSource(std::string* text, std::vector<std::string>* secrets) const {
  if (off()) return 0;
  int masked = 0;
  std::vector<std::string> found;
  const std::string original = *text;
  const std::string_view view = original;
  for (std::size_t i = 0; i < view.size();) {
    if (!IsNameChar(view[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < view.size() && IsNameChar(view[end])) ++end;
    const bool name = !std::isdigit(static_cast<unsigned char>(view[i])) && Matches(view.substr(i, end - i));
    const std::size_t literal = name ? AssignedLiteral(view, end) : std::string_view::npos;
    if (literal == std::string_view::npos) {
      i = end;
      continue;
    }
    std::size_t body = 0, body_end = 0;
    const std::size_t after = LiteralEnd(view, literal, &body, &body_end);
    if (after == std::string_view::npos) {
      i = end;
      continue;
    }
    Remember(&found, view.substr(body, body_end - body));
    for (std::size_t k = body; k < body_end; ++k) {
      if ((*text)[k] != '\n') (*text)[k] = '*';
    }
    ++masked;
    i = after;
  }
  for (const std::string& secret : found) {
    if (secret.size() >= kShortestShown) CoverText(secret, text);
    Remember(secrets, secret);
  }
  return masked;
}

void CoverText(std::string_view secret, std::string* text) {
  for (std::size_t at = text->find(secret); at != std::string::npos; at = text->find(secret, at + secret.size())) {
    for (std::size_t k = at; k < at + secret.size(); ++k) {
      if ((*text)[k] != '\n') (*text)[k] = '*';
    }
  }
}

}  // namespace smiley::shm
