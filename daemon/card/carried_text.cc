#include "daemon/card/carried_text.h"

#include <algorithm>
#include <array>

#include "common/text/url.h"
#include "common/text/utf8.h"

namespace batuta::card {
namespace {

constexpr size_t kMostListItems = 64;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsWordCharacter(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return lowered;
}

// Blanks, line ends among them, become one; none at the ends.
std::string OnOneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (!IsBlank(c)) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

bool IsLocalPlace(std::string_view word) {
  constexpr std::array<std::string_view, 6> kWithin = {"/home/",    "/users/",     "/root/",
                                                       "\\users\\", "/workspace/", "/content/drive"};
  const std::string lowered = Lowered(word);
  if (std::any_of(kWithin.begin(), kWithin.end(),
                  [&lowered](std::string_view place) { return lowered.find(place) != std::string::npos; })) {
    return true;
  }
  if (lowered.starts_with("~/") || lowered.starts_with("~\\") || lowered.starts_with("file:") ||
      lowered.starts_with("\\\\") || lowered.starts_with("../")) {
    return true;
  }
  if (lowered.size() > 1 && lowered[0] == '/' && IsWordCharacter(lowered[1])) return true;
  return lowered.size() > 2 && IsLetter(lowered[0]) && lowered[1] == ':' &&
         (lowered[2] == '\\' || (lowered[2] == '/' && !lowered.substr(2).starts_with("//")));
}

bool IsSecretShape(std::string_view word) {
  constexpr std::array<std::string_view, 16> kBeginnings = {
      "hf_",   "api_org_", "sk-",  "ghp_", "gho_",  "ghs_", "github_pat_", "glpat-",
      "xoxb-", "xoxp-",    "AKIA", "ASIA", "ya29.", "eyJ",  "npm_",        "AIza"};
  if (word.size() < 16) return false;
  return std::any_of(kBeginnings.begin(), kBeginnings.end(),
                     [word](std::string_view beginning) { return word.starts_with(beginning); });
}

// `https://anna:word@host/…`
bool HasPassword(std::string_view word) {
  const size_t scheme = word.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view rest = word.substr(scheme + 3);
  return rest.substr(0, rest.find('/')).find('@') != std::string_view::npos;
}

bool MayBeTold(std::string_view line) {
  constexpr std::string_view kBetween = " \"'`=,;()[]>{}|";
  while (!line.empty()) {
    const size_t end = std::min(line.find_first_of(kBetween), line.size());
    const std::string_view word = line.substr(0, end);
    if (IsLocalPlace(word) || IsSecretShape(word) || HasPassword(word)) return false;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return true;
}

}  // namespace

std::string CarriedText(std::string_view text, size_t limit_bytes) {
  if (text.size() > 4 * limit_bytes || !IsValidUtf8(text)) return {};
  std::string line = OnOneLine(text);
  if (line.size() > limit_bytes || ContainsControl(line) || !MayBeTold(line)) return {};
  return line;
}

std::string CarriedValue(const Value& value, size_t limit_bytes) {
  if (value.is_scalar()) return CarriedText(value.text, limit_bytes);
  if (value.kind != Value::Kind::kList || value.items.size() > kMostListItems) return {};
  std::string joined;
  for (const Value& item : value.items) {
    const std::string text = item.is_scalar() ? CarriedText(item.text, limit_bytes) : std::string();
    if (text.empty()) return {};
    if (!joined.empty()) joined += ", ";
    joined += text;
  }
  return joined.size() <= limit_bytes ? joined : std::string();
}

bool IsCarriedName(std::string_view name) {
  constexpr std::array<std::string_view, 30> kWithin = {
      "token",   "secret",   "passw",   "credential", "api_key", "apikey", "access_key", "private",
      "auth",    "webhook",  "_dir",    "dir_",       "path",    "folder", "file",       "url",
      "uri",     "host",     "user",    "email",      "mail",    "hub_",   "wandb",      "cookie",
      "session", "run_name", "command", "cmd",        "environ", "output"};
  const std::string lowered = Lowered(name);
  return std::none_of(kWithin.begin(), kWithin.end(),
                      [&lowered](std::string_view word) { return lowered.find(word) != std::string::npos; });
}

std::string CarriedUrl(std::string_view text) {
  const std::string line = CarriedText(text, 500);
  const absl::StatusOr<UrlParts> parts = SplitUrl(line);
  return parts.ok() && parts->query.empty() ? line : std::string();
}

}  // namespace batuta::card
