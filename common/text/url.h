#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// The little of RFC 3986 that this project needs, for text from configuration files and from strangers'
// headers. Pure; no URL may be longer than 16 KiB. Errors: kInvalidArgument (INVALID_ARGUMENT); a message
// never shows the query of a URL.
namespace batuta {

// The parts of an absolute http or https URL.
struct UrlParts {
  std::string scheme;  // lower case: "http" or "https"
  std::string host;    // lower case; an IPv6 address with its brackets
  uint16_t port = 0;   // as written, else 80 or 443
  std::string path;    // as written, still encoded; "/" when the URL has none
  std::string query;   // without the `?`

  friend bool operator==(const UrlParts&, const UrlParts&) = default;
};

// Refuses other schemes, user names, an empty or odd host, port 0, blanks, control characters and non-ASCII
// bytes. A fragment is dropped.
absl::StatusOr<UrlParts> SplitUrl(std::string_view url);

// Puts the parts together again; a default port is left out.
std::string JoinUrl(const UrlParts& parts);

// Same scheme, host and port: may one get what was meant for the other (a token)? False when either is not a
// URL.
bool SameOrigin(std::string_view a, std::string_view b);

// Where a `Location` or `Link` header points, seen from the absolute URL `base`: absolute, `//host/path`,
// `/path`, `?query` or a relative path; `.` and `..` are resolved. The result is absolute and valid.
absl::StatusOr<std::string> ResolveReference(std::string_view base, std::string_view reference);

// The URL up to its query, fit for a log: signed links carry their key in the query, others in a user name.
// What is not a URL becomes `[not a URL]`.
std::string WithoutQuery(std::string_view url);

// %XX for everything but letters, digits and `-._~`.
std::string PercentEncode(std::string_view text);

// The same, and `/` stays: for the path of a file.
std::string PercentEncodePath(std::string_view path);

// Decodes once; `+` stays. Refuses a `%` without two hex digits. The result is bytes: any byte, also NUL.
absl::StatusOr<std::string> PercentDecode(std::string_view text);

}  // namespace batuta
