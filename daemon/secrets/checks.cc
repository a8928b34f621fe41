#include "daemon/secrets/checks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <zlib.h>

#include "daemon/secrets/encoding.h"
#include "daemon/secrets/placeholder.h"
#include "daemon/secrets/randomness.h"

namespace batuta::secrets {
namespace {

constexpr size_t kNearBytes = 48;
constexpr size_t kLeastKeyChars = 64;
constexpr size_t kMostKeyBytes = 32 << 10;

bool IsWordChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string InBase(uint32_t number, std::string_view digits, size_t width) {
  std::string text(width, digits.front());
  for (size_t i = width; i-- > 0 && number > 0; number /= static_cast<uint32_t>(digits.size())) {
    text[i] = digits[number % digits.size()];
  }
  return text;
}

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// `ghp_` and 36: 30 of them random.
bool HasGithubCrc(std::string_view token) {
  const std::string_view body = token.substr(4);
  return InBase(Crc32(body.substr(0, body.size() - 6)), kBase62, 6) == body.substr(body.size() - 6);
}

bool HasGitlabCrc(std::string_view token) {
  const std::string_view covered = token.substr(0, token.size() - 7);
  return InBase(Crc32(covered), "0123456789abcdefghijklmnopqrstuvwxyz", 7) == token.substr(token.size() - 7);
}

// The bytes of the sum, the lowest first.
bool HasGrafanaCrc(std::string_view token) {
  const uint32_t sum = Crc32(token.substr(0, token.size() - 9));
  std::string expected;
  for (int shift = 0; shift < 32; shift += 8) expected += fmt::format("{:02x}", sum >> shift & 0xFF);
  return FindAnyCase(token.substr(token.size() - 8), expected) == 0;
}

bool HasAtlassianCrc(std::string_view token) {
  const uint32_t sum = Crc32(token.substr(0, token.size() - 8));
  return FindAnyCase(token.substr(token.size() - 8), fmt::format("{:08x}", sum)) == 0;
}

bool HasBech32Sum(std::string_view text) {
  constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  constexpr std::array<uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  uint32_t sum = 1;
  const auto add = [&](uint32_t value) {
    const uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < kGenerator.size(); ++i) {
      if ((top >> i & 1) != 0) sum ^= kGenerator[i];
    }
  };
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  const size_t one = lowered.rfind('1');
  for (size_t i = 0; i < one; ++i) add(static_cast<uint32_t>(lowered[i]) >> 5);
  add(0);
  for (size_t i = 0; i < one; ++i) add(static_cast<uint32_t>(lowered[i]) & 31);
  for (size_t i = one + 1; i < lowered.size(); ++i) {
    const size_t value = kAlphabet.find(lowered[i]);
    if (value == std::string_view::npos) return false;
    add(static_cast<uint32_t>(value));
  }
  return sum == 1;
}

// On the same line, shortly before the secret.
std::string_view Before(const Candidate& at, size_t bytes) {
  std::string_view before = at.text.substr(0, at.begin);
  if (before.size() > bytes) before.remove_prefix(before.size() - bytes);
  const size_t line = before.rfind('\n');
  return line == std::string_view::npos ? before : before.substr(line + 1);
}

std::string_view Around(const Candidate& at, size_t bytes) {
  const size_t begin = at.begin > bytes ? at.begin - bytes : 0;
  return at.text.substr(begin, at.end - begin + bytes);
}

template <size_t size>
bool HasAny(std::string_view text, const std::array<std::string_view, size>& words) {
  return std::ranges::any_of(
      words, [text](std::string_view word) { return FindAnyCase(text, word) != std::string_view::npos; });
}

bool IsNamed(const Candidate& at) {
  constexpr std::array<std::string_view, 7> kNames = {"key", "token", "secret", "pass",
                                                      "pwd", "auth",  "cred"};
  const size_t from = at.anchor > 24 ? at.anchor - 24 : 0;
  return HasAny(at.text.substr(from, at.begin - from), kNames);
}

bool IsHash(const Candidate& at) {
  constexpr std::array<std::string_view, 25> kWords = {
      "md5",      "sha1",     "sha2",      "sha5",   "sha-",   "sha3", "_sha",        "\"sha\"", "sha:",
      "digest",   "checksum", "integrity", "etag",   "oid",    "blob", "fingerprint", "hash",    "commit",
      "revision", "/tree/",   "/resolve/", "/blob/", "run_id", "uuid", "trace"};
  const char last = at.begin > 0 ? at.text[at.begin - 1] : '\0';
  return last == '@' || last == '#' || HasAny(Before(at, kNearBytes), kWords);
}

// Twenty amino acids; a file of peptides has many such words.
bool IsPeptide(const Candidate& at) {
  constexpr std::string_view kAcids = "ACDEFGHIKLMNPQRSTVWY";
  const std::string_view body = at.secret().substr(4);
  if (!std::ranges::all_of(body, [&](char c) { return kAcids.find(c) != std::string_view::npos; }))
    return false;
  const std::string_view around = Around(at, 1024);
  int words = 0;
  size_t run = 0;
  for (const char c : around) {
    run = kAcids.find(c) != std::string_view::npos ? run + 1 : 0;
    if (run == 16) ++words;
  }
  return words > 3;
}

bool IsSigned(const Candidate& at) {
  const auto is_part = [](char c) { return c > ' ' && c != '"' && c != '\'' && c != '<' && c != '>'; };
  size_t begin = at.begin;
  while (begin > 0 && at.begin - begin < 600 && is_part(at.text[begin - 1])) --begin;
  size_t end = at.end;
  while (end < at.text.size() && end - at.end < 600 && is_part(at.text[end])) ++end;
  const std::string_view url = at.text.substr(begin, end - begin);
  return url.find("sv=") != std::string_view::npos && url.find("se=") != std::string_view::npos;
}

bool IsLocalHost(std::string_view host) {
  host = host.substr(0, host.find_first_of("/:?#\"'<> \n\r\t\\,;)"));
  return host.empty() || host == "localhost" || host.starts_with("127.") || host == "0.0.0.0" ||
         host.find("example") != std::string_view::npos || host.ends_with(".invalid") ||
         host.ends_with(".test") || host.starts_with("host") || host.starts_with("your") ||
         host.starts_with("{") || host.starts_with("$") || host.starts_with("%") || host.starts_with("[");
}

bool IsLogin(const Candidate& at) {
  const std::string_view password = at.secret();
  if (IsPlaceholder(password)) return false;
  if (std::ranges::all_of(password, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; })) return false;
  if (!std::ranges::all_of(password, [](char c) { return c > ' ' && c < 127; })) return false;
  if (password.find_first_of("{}$`*") != std::string_view::npos) return false;
  return !IsLocalHost(at.text.substr(std::min(at.end + 1, at.text.size()), 256));
}

bool IsJsonObject(std::string_view base64) {
  const std::string decoded = DecodeBase64(base64);
  return decoded.starts_with("{\"") || decoded.starts_with("{ \"");
}

std::optional<uint64_t> NumberOf(std::string_view json, std::string_view key) {
  const size_t at = json.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t number = 0;
  for (size_t i = at + key.size(); i < json.size() && number < uint64_t{1} << 50; ++i) {
    if (json[i] == ' ' || json[i] == ':') continue;
    if (json[i] < '0' || json[i] > '9') break;
    number = number * 10 + static_cast<uint64_t>(json[i] - '0');
  }
  return number;
}

// Header and payload are JSON, and it opens something for longer than a moment.
bool IsOpeningJwt(const Candidate& at) {
  const std::string_view token = at.secret();
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  const std::string header = DecodeBase64(token.substr(0, first));
  const std::string payload = DecodeBase64(token.substr(first + 1, second - first - 1));
  if (!header.starts_with("{") || !payload.starts_with("{")) return false;
  constexpr std::array<std::string_view, 5> kHeaderNames = {"\"alg\"", "\"typ\"", "\"kid\"", "\"enc\"",
                                                            "\"cty\""};
  if (!HasAny(header, kHeaderNames)) return false;
  const auto says = [&](std::string_view what) { return payload.find(what) != std::string::npos; };
  if (says("\"anon\"") || says("John Doe")) return false;
  if (says("service_role") || IsNamed(at)) return true;
  constexpr std::array<std::string_view, 5> kNames = {"token", "secret", "bearer", "jwt", "auth"};
  if (HasAny(Before(at, kNearBytes), kNames)) return true;
  const std::optional<uint64_t> ends = NumberOf(payload, "\"exp\"");
  const std::optional<uint64_t> begins = NumberOf(payload, "\"iat\"");
  constexpr uint64_t kMonth = 30 * 24 * 3600;
  return !ends || (begins && *ends > *begins + kMonth);
}

bool IsBasicLogin(std::string_view base64) {
  const std::string decoded = DecodeBase64(base64);
  const size_t colon = decoded.find(':');
  return IsPrintable(decoded) && colon != std::string::npos && colon > 0 && colon + 4 <= decoded.size() &&
         !IsPlaceholder(std::string_view(decoded).substr(colon + 1));
}

bool IsDiscordId(std::string_view token) {
  const std::string id = DecodeBase64(token.substr(0, token.find('.')));
  return id.size() >= 15 && std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsConnectionString(const Candidate& at) {
  constexpr std::array<std::string_view, 8> kAttributes = {
      "server=", "host=", "data source=", "user id=", "uid=", "database=", "jdbc:", "initial catalog="};
  return HasAny(Before(at, 300), kAttributes) && !IsPlaceholder(at.secret());
}

bool IsGenericSecret(std::string_view value) {
  if (value.size() < 10 || value.size() > 150 || IsPlaceholder(value) || IsUuid(value)) return false;
  if (!std::ranges::all_of(value, [](char c) { return c > ' ' && c < 127; })) return false;
  const Classes classes = ClassesOf(value);
  const int kinds = (classes.lower > 0) + (classes.upper > 0) + (classes.digits > 0) + (classes.others > 0);
  if (kinds < 2 || classes.digits == 0 || classes.lower + classes.upper == 0) return false;
  if (value.find_first_of("()[]{}<>;`\\\" ") != std::string_view::npos) return false;
  return LooksRandom(value) && !IsMadeOfWords(value);
}

// The random part: without what the rule looked for.
std::string_view BodyOf(const Rule& rule, const Candidate& at) {
  std::string_view body = at.secret();
  if (rule.place != Place::kStart || at.anchor != at.begin) return body;
  for (std::string_view rest = rule.literals; !rest.empty();) {
    const std::string_view literal = rest.substr(0, rest.find('|'));
    if (body.starts_with(literal)) return body.substr(literal.size());
    rest.remove_prefix(std::min(rest.size(), literal.size() + 1));
  }
  return body;
}

bool PassesContext(const Rule& rule, const Candidate& at) {
  const Check checks = rule.checks;
  if (Has(checks, Check::kNamed) && !IsNamed(at)) return false;
  if (Has(checks, Check::kNotHash) && IsHash(at)) return false;
  if (Has(checks, Check::kSas) && !IsSigned(at)) return false;
  if (Has(checks, Check::kNotPeptide) && IsPeptide(at)) return false;
  if (Has(checks, Check::kConnection) && !IsConnectionString(at)) return false;
  const auto has = [&](size_t bytes, std::string_view what) {
    return Around(at, bytes).find(what) != std::string_view::npos;
  };
  if (Has(checks, Check::kNotPublicWeb) && has(600, "authDomain") && has(600, "projectId")) return false;
  if (Has(checks, Check::kServiceAccount) && !(has(8192, "PRIVATE KEY") && has(8192, "client_email")))
    return false;
  return !Has(checks, Check::kUserLogin) ||
         (has(2048, "client_secret") && has(2048, "googleusercontent.com"));
}

bool PassesStructure(const Rule& rule, const Candidate& at) {
  const Check checks = rule.checks;
  const std::string_view secret = at.secret();
  if (Has(checks, Check::kGithubCrc) && !HasGithubCrc(secret)) return false;
  if (Has(checks, Check::kGitlabCrc) && !HasGitlabCrc(secret)) return false;
  if (Has(checks, Check::kGrafanaCrc) && !HasGrafanaCrc(secret)) return false;
  if (Has(checks, Check::kAtlassianCrc) && !HasAtlassianCrc(secret)) return false;
  if (Has(checks, Check::kBech32) && !HasBech32Sum(secret)) return false;
  if (Has(checks, Check::kBytes64) && DecodeBase64(secret).size() != 64) return false;
  if (Has(checks, Check::kBytes32) && DecodeBase64(secret).size() != 32) return false;
  if (Has(checks, Check::kJsonInBase64) && !IsJsonObject(secret)) return false;
  if (Has(checks, Check::kJwt) && !IsOpeningJwt(at)) return false;
  if (Has(checks, Check::kUrl) && !IsLogin(at)) return false;
  if (Has(checks, Check::kHostedLogin) && IsPlaceholder(secret)) return false;
  if (Has(checks, Check::kBasic) && !IsBasicLogin(secret)) return false;
  if (Has(checks, Check::kDiscordId) && !IsDiscordId(secret)) return false;
  return !Has(checks, Check::kGeneric) || IsGenericSecret(secret);
}

}  // namespace

bool PassesChecks(const Rule& rule, const Candidate& at) {
  const Check checks = rule.checks;
  const std::string_view body = BodyOf(rule, at);
  const bool is_free_text = Has(checks, Check::kPem) || Has(checks, Check::kJwt) || Has(checks, Check::kUrl);
  if (!is_free_text && (IsMock(body) || at.secret().ends_with("EXAMPLE"))) return false;
  if (Has(checks, Check::kMixedCase) || Has(checks, Check::kTwoDigits)) {
    const Classes classes = ClassesOf(body);
    if (Has(checks, Check::kMixedCase) && (classes.lower == 0 || classes.upper == 0)) return false;
    if (Has(checks, Check::kTwoDigits) && classes.digits < 2) return false;
  }
  if (Has(checks, Check::kRandom) && !LooksRandom(body)) return false;
  if (Has(checks, Check::kNoWords) && IsMadeOfWords(body)) return false;
  return PassesStructure(rule, at) && PassesContext(rule, at);
}

std::optional<Span> FindKeyBody(std::string_view text, size_t after_first_line) {
  text = text.substr(0, after_first_line + std::min(text.size() - after_first_line, kMostKeyBytes));
  // In a string of a program, a line ends with `\n` and quotes.
  const auto is_between = [](char c) {
    return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '"' || c == '\'' || c == ',' || c == '+' ||
           c == '\\' || c == '`' || c == '>' || c == '|' || c == '#' || c == '*';
  };
  std::string body;
  size_t begin = text.size();
  size_t end = after_first_line;
  size_t at = after_first_line;
  while (at < text.size() && body.size() < kMostKeyBytes) {
    const char c = text[at];
    if (text.substr(at).starts_with("-----")) break;
    if (c == '\\' && at + 1 < text.size() &&
        (text[at + 1] == 'n' || text[at + 1] == 'r' || text[at + 1] == 't')) {
      at += 2;
    } else if (is_between(c) && !(c == '+' && at > 0 && IsBase64(text[at - 1]) && at + 1 < text.size() &&
                                  IsBase64(text[at + 1]))) {
      ++at;
    } else if (IsBase64(c) || c == '=') {
      size_t run = at;
      while (run < text.size() && (IsBase64(text[run]) || text[run] == '=') &&
             !text.substr(run).starts_with("-----"))
        ++run;
      if (run < text.size() && text[run] == ':') {
        // A header such as "Proc-Type: 4,ENCRYPTED": what comes before it is none of the key.
        while (run < text.size() && text[run] != '\n' && !text.substr(run).starts_with("\\n")) ++run;
        body.clear();
        begin = text.size();
      } else {
        if (body.empty()) begin = at;
        body.append(text.substr(at, run - at));
        end = run;
      }
      at = run;
    } else {
      break;
    }
  }
  const bool is_key = body.size() >= kLeastKeyChars && !IsMock(std::string_view(body).substr(0, 48)) &&
                      (body.starts_with('M') || body.starts_with("b3BlbnNzaC1rZXktdjE") ||
                       text.substr(after_first_line > 16 ? after_first_line - 16 : 0, 16).find("BLOCK") !=
                           std::string_view::npos ||
                       text.substr(0, after_first_line).ends_with("ENCRYPTED PRIVATE KEY-----"));
  if (!is_key) return std::nullopt;
  return Span{begin, end};
}

bool IsBoundaryBefore(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char last = text[at - 1];
  if (!IsWordChar(last)) return true;
  const auto back = [&](size_t count) { return at >= count ? text[at - count] : '\0'; };
  if (back(2) == '\\') return std::string_view("nrtbfv0").find(last) != std::string_view::npos;
  const auto are_hex = [&](size_t count) {
    for (size_t i = 1; i <= count; ++i) {
      if (HexValue(back(i)) < 0) return false;
    }
    return true;
  };
  if (back(3) == '%' && are_hex(2)) return true;
  if (back(4) == '\\' && back(3) == 'x' && are_hex(2)) return true;
  if (back(6) == '\\' && back(5) == 'u' && are_hex(4)) return true;
  // The colours of a terminal: ESC [ 31 m.
  if (last != 'm') return false;
  size_t digit = 2;
  while (digit < 12 && ((back(digit) >= '0' && back(digit) <= '9') || back(digit) == ';')) ++digit;
  return back(digit) == '[';
}

bool IsBoundaryAfter(std::string_view text, size_t at, bool of_base64) {
  if (at >= text.size()) return true;
  const char next = text[at];
  if (IsWordChar(next) || next == '-') return false;
  return !of_base64 || !(next == '+' || next == '/' || next == '=');
}

}  // namespace batuta::secrets
