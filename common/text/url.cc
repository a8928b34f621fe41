#include "common/text/url.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

constexpr size_t kMaxUrlBytes = 16'384;
constexpr size_t kMaxHostBytes = 255;

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), ToLower);
  return lowered;
}

std::optional<unsigned> HexValue(char c) {
  if (IsDigit(c)) return static_cast<unsigned>(c - '0');
  const char lower = ToLower(c);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
  return std::nullopt;
}

absl::Status Invalid(std::string_view url, std::string_view problem) {
  // The query, and what stands before an `@`, may be a secret.
  std::string_view shown = url.substr(0, url.find_first_of("?#"));
  if (shown.find('@') != std::string_view::npos) shown = "[hidden]";
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("URL {}: {}", Quoted(shown), problem),
                   "write it like `https://host` or `http://host:port/path`");
}

bool IsPlainHost(std::string_view host) {
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return IsLetter(c) || IsDigit(c) || c == '-' || c == '.' || c == '_'; });
}

bool IsIpv6Literal(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  const std::string_view inner = host.substr(1, host.size() - 2);
  return std::count(inner.begin(), inner.end(), ':') >= 2 &&
         std::all_of(inner.begin(), inner.end(),
                     [](char c) { return HexValue(c).has_value() || c == ':' || c == '.'; });
}

// `host[:port]` into `parts`. What is wrong with it; empty when nothing is.
std::string_view SplitAuthority(std::string_view authority, UrlParts* parts) {
  if (authority.find('@') != std::string_view::npos) return "a user name or password is not allowed";
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return "the host is missing";
  if (host.size() > kMaxHostBytes || !(IsPlainHost(host) || IsIpv6Literal(host)))
    return "the host is malformed";
  parts->host = Lowered(host);
  parts->port = parts->scheme == "https" ? 443 : 80;
  if (colon == std::string_view::npos || colon + 1 == authority.size()) return {};
  const std::string_view port = authority.substr(colon + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65'535) {
    return "the port is not a number from 1 to 65535";
  }
  parts->port = static_cast<uint16_t>(number);
  return {};
}

std::string_view CharacterProblem(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return "it is longer than 16 KiB";
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
      return "blanks, control characters and non-ASCII characters must be percent-encoded";
    }
    if (c == '\\') return "a backslash is not allowed";
  }
  return {};
}

// `scheme` of `scheme:…`, as written; empty when the text does not start with one.
std::string_view SchemeOf(std::string_view text) {
  if (text.empty() || !IsLetter(text.front())) return {};
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return text.substr(0, i);
    if (!IsLetter(c) && !IsDigit(c) && c != '+' && c != '-' && c != '.') return {};
  }
  return {};
}

// RFC 3986, 5.2.4, for a path that starts with `/`.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> segments;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    const bool is_last = end == path.size();
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
      if (is_last) segments.emplace_back();
    } else if (segment == ".") {
      if (is_last) segments.emplace_back();
    } else {
      segments.push_back(segment);
    }
    begin = end + 1;
  }
  return fmt::format("/{}", fmt::join(segments, "/"));
}

std::string Encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsLetter(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
        (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<UrlParts> SplitUrl(std::string_view url) {
  if (const std::string_view problem = CharacterProblem(url); !problem.empty()) return Invalid(url, problem);
  UrlParts parts;
  const std::string_view scheme = SchemeOf(url);
  parts.scheme = Lowered(scheme);
  if (parts.scheme != "http" && parts.scheme != "https")
    return Invalid(url, "it must start with http:// or https://");
  std::string_view rest = url.substr(scheme.size() + 1);
  if (!rest.starts_with("//")) return Invalid(url, "it must start with http:// or https://");
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('#'));
  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  if (const std::string_view problem = SplitAuthority(rest.substr(0, authority_end), &parts);
      !problem.empty()) {
    return Invalid(url, problem);
  }
  rest.remove_prefix(authority_end);
  const size_t question = rest.find('?');
  parts.path = rest.substr(0, question);
  if (parts.path.empty()) parts.path = "/";
  if (question != std::string_view::npos) parts.query = rest.substr(question + 1);
  return parts;
}

std::string JoinUrl(const UrlParts& parts) {
  std::string url = fmt::format("{}://{}", parts.scheme, parts.host);
  if (parts.port != (parts.scheme == "https" ? 443 : 80)) url += fmt::format(":{}", parts.port);
  url += parts.path;
  if (!parts.query.empty()) url += "?" + parts.query;
  return url;
}

bool SameOrigin(std::string_view a, std::string_view b) {
  const absl::StatusOr<UrlParts> left = SplitUrl(a);
  const absl::StatusOr<UrlParts> right = SplitUrl(b);
  return left.ok() && right.ok() && left->scheme == right->scheme && left->host == right->host &&
         left->port == right->port;
}

absl::StatusOr<std::string> ResolveReference(std::string_view base, std::string_view reference) {
  ASSIGN_OR_RETURN(UrlParts parts, SplitUrl(base));
  if (const std::string_view problem = CharacterProblem(reference); !problem.empty()) {
    return Invalid(reference, problem);
  }
  reference = reference.substr(0, reference.find('#'));
  if (!SchemeOf(reference).empty()) {
    ASSIGN_OR_RETURN(parts, SplitUrl(reference));
  } else if (reference.starts_with("//")) {
    ASSIGN_OR_RETURN(parts, SplitUrl(fmt::format("{}:{}", parts.scheme, reference)));
  } else if (!reference.empty()) {
    const size_t question = reference.find('?');
    const std::string_view path = reference.substr(0, question);
    parts.query = question == std::string_view::npos ? std::string_view() : reference.substr(question + 1);
    if (path.starts_with('/')) {
      parts.path = path;
    } else if (!path.empty()) {
      parts.path.resize(parts.path.rfind('/') + 1);
      parts.path += path;
    }
  }
  parts.path = RemoveDotSegments(parts.path);
  std::string url = JoinUrl(parts);
  if (url.size() > kMaxUrlBytes) return Invalid(url, "it is longer than 16 KiB");
  return url;
}

std::string WithoutQuery(std::string_view url) {
  absl::StatusOr<UrlParts> parts = SplitUrl(url);
  if (!parts.ok()) return "[not a URL]";
  parts->query.clear();
  return JoinUrl(*parts);
}

std::string PercentEncode(std::string_view text) {
  return Encode(text, false);
}

std::string PercentEncodePath(std::string_view path) {
  return Encode(path, true);
}

absl::StatusOr<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::optional<unsigned> high = i + 2 < text.size() ? HexValue(text[i + 1]) : std::nullopt;
    const std::optional<unsigned> low = i + 2 < text.size() ? HexValue(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                       fmt::format("{}: a `%` without two hex digits at byte {}", Quoted(text), i),
                       "write a percent sign as `%25`");
    }
    out += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return out;
}

}  // namespace batuta
