#include "daemon/secrets/placeholder.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace batuta::secrets {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsLetter(char c) {
  return Lower(c) >= 'a' && Lower(c) <= 'z';
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), Lower);
  return lowered;
}

// Anywhere in a value, of any letter case.
constexpr std::string_view kMockWords[] = {
    "example",  "sample",     "placeholder", "replace",    "dummy",    "fake_",    "_fake",
    "xxxx",     "****",       "....",        "\u2026",     "redacted", "your_",    "your-",
    "_your",    "yourtoken",  "yourapi",     "yoursecret", "changeme", "change_",  "insert_",
    "todo_",    "0123456789", "1234567890",  "123456789",  "abcdefgh", "98765432", "qwertyui",
    "asdfghjk", "deadbeef",   "notreal",     "not_real",   "not-real", "invalid_", "_here"};

// As a whole.
constexpr std::string_view kPlainWords[] = {"",
                                            "null",
                                            "none",
                                            "nil",
                                            "true",
                                            "false",
                                            "undefined",
                                            "empty",
                                            "dummy",
                                            "fake",
                                            "your",
                                            "test",
                                            "testing",
                                            "changeme",
                                            "password",
                                            "passwd",
                                            "secret",
                                            "guest",
                                            "root",
                                            "admin",
                                            "postgres",
                                            "user",
                                            "username",
                                            "token",
                                            "pass",
                                            "ollama",
                                            "todo",
                                            "string",
                                            "required",
                                            "optional",
                                            "default",
                                            "not-needed",
                                            "lm-studio",
                                            "x-oauth-basic",
                                            "mysecretpassword",
                                            "sk-no-key-required",
                                            "basic",
                                            "bearer",
                                            "unknown",
                                            "hunter2",
                                            "letmein",
                                            "foobar",
                                            "anonymous",
                                            "mypassword",
                                            "no-key",
                                            "mysql",
                                            "minioadmin",
                                            "rabbitmq",
                                            "redis"};

// What begins so refers to a place.
constexpr std::string_view kReferences[] = {"$",     "{{",       "{%",        "%(",    "<",       "!env",
                                            "enc[",  "vault:",   "op://",     "ssm:",  "arn:",    "secrets.",
                                            "env.",  "process.", "os.",       "file:", "http://", "https://",
                                            "s3://", "gs://",    "projects/", "ref+",  "@@",      "keyring"};

bool HasRun(std::string_view value, size_t length) {
  size_t run = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    run = i > 0 && value[i] == value[i - 1] ? run + 1 : 1;
    if (run >= length) return true;
  }
  return false;
}

// 1.2.3, 2024-01-31T10:00, 0x1F, 1e-5, 10.0.0.1.
bool IsNumberLike(std::string_view value) {
  const size_t letters = static_cast<size_t>(std::ranges::count_if(value, IsLetter));
  const bool plain = std::ranges::all_of(value, [](char c) {
    return IsDigit(c) || IsLetter(c) || c == '.' || c == '-' || c == '+' || c == ':' || c == '_' ||
           c == ',' || c == ' ';
  });
  const size_t digits = static_cast<size_t>(std::ranges::count_if(value, IsDigit));
  return plain && digits > 0 && letters <= 2 && digits + 4 < value.size() + 8 && letters * 6 <= digits + 5;
}

bool IsPath(std::string_view value) {
  if (value.starts_with("/") || value.starts_with("./") || value.starts_with("../") ||
      value.starts_with("~/") || value.starts_with("C:\\")) {
    return value.find('/', 1) != std::string_view::npos || value.find('.') != std::string_view::npos;
  }
  // a/b.c and a/b/c with names in them
  const auto slashes = std::ranges::count(value, '/');
  if (slashes == 0) return false;
  const size_t dot = value.rfind('.');
  return dot != std::string_view::npos && value.size() - dot <= 6 &&
         value.find('/', dot) == std::string_view::npos &&
         std::ranges::all_of(value.substr(dot + 1), IsLetter);
}

bool IsEmail(std::string_view value) {
  const size_t at = value.find('@');
  return at != std::string_view::npos && at > 0 && value.find('.', at) != std::string_view::npos &&
         std::ranges::all_of(value, [](char c) {
           return IsLetter(c) || IsDigit(c) || c == '@' || c == '.' || c == '-' || c == '_' || c == '+';
         });
}

// Names that speak of secrets and hold none, without `_`, `-` and `.`.
constexpr std::string_view kHarmlessParts[] = {
    "tokenid",        "tokentype",     "tokencount",   "tokenbudget",       "tokenlength",   "tokenlimit",
    "tokenclass",     "tokeniz",       "maxtoken",     "mintoken",          "numtoken",      "newtoken",
    "padtoken",       "bostoken",      "eostoken",     "clstoken",          "septoken",      "masktoken",
    "unktoken",       "specialtoken",  "addedtoken",   "imagetoken",        "stoptoken",     "csrftoken",
    "nexttoken",      "pagetoken",     "tokenfile",    "keyfile",           "secretname",    "secretlength",
    "secretsize",     "secretref",     "secretstore",  "passwordpolicy",    "passwordhash",  "passwordformat",
    "passwordfield",  "credentialid",  "apikeyname",   "apikeyenv",         "apikeyheader",  "tokenurl",
    "tokenuri",       "tokenendpoint", "pastkey",      "publickey",         "passwordreset", "tokenprefix",
    "forgotpassword", "resetpassword", "tokenpattern", "continuationtoken", "synctoken",     "tokenlist"};

constexpr std::string_view kHarmlessEnds[] = {
    "tokens", "id",          "ids",      "name",    "type",     "url",    "uri",      "path",
    "file",   "header",      "field",    "env",     "prefix",   "regex",  "format",   "length",
    "size",   "count",       "limit",    "version", "endpoint", "label",  "hint",     "help",
    "desc",   "description", "message",  "class",   "policy",   "expiry", "ttl",      "error",
    "index",  "map",         "text",     "title",   "hash",     "digest", "checksum", "algorithm",
    "arn",    "manager",     "provider", "service", "required", "usage",  "secrets"};

}  // namespace

std::string_view::size_type FindAnyCase(std::string_view text, std::string_view lower_case) {
  const auto is_same = [](char a, char b) { return Lower(a) == b; };
  const auto found = std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(), is_same);
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

bool IsMock(std::string_view value) {
  if (HasRun(value, value.size() > 128 ? 10 : value.size() > 48 ? 6 : 5)) return true;
  const std::string lowered = Lowered(value.substr(0, 512));
  return std::ranges::any_of(kMockWords,
                             [&](std::string_view word) { return lowered.find(word) != std::string::npos; });
}

bool IsPlaceholder(std::string_view value) {
  const std::string lowered = Lowered(value);
  if (std::ranges::find(kPlainWords, std::string_view(lowered)) != std::end(kPlainWords)) return true;
  if (IsMock(value)) return true;
  for (const std::string_view reference : kReferences) {
    if (lowered.starts_with(reference)) return true;
  }
  const bool refers =
      value.find("${") != std::string_view::npos || value.find("{{") != std::string_view::npos ||
      value.find("$(") != std::string_view::npos || value.find("()") != std::string_view::npos ||
      value.find('<') != std::string_view::npos ||
      (value.size() > 2 && value.front() == '%' && value.back() == '%') ||
      (value.size() > 2 && value.front() == '{' && value.back() == '}') ||
      (value.size() > 2 && value.front() == '@' && value.back() == '@') ||
      value.find("%s") != std::string_view::npos;
  return refers || IsNumberLike(value) || IsPath(value) || IsEmail(value) ||
         value.find("://") != std::string_view::npos;
}

bool IsHarmlessName(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (IsLetter(c) || IsDigit(c)) plain += Lower(c);
  }
  return std::ranges::any_of(kHarmlessParts,
                             [&](std::string_view part) { return plain.find(part) != std::string::npos; }) ||
         std::ranges::any_of(kHarmlessEnds, [&](std::string_view end) { return plain.ends_with(end); });
}

bool IsUuid(std::string_view value) {
  if (value.size() != 36) return false;
  for (size_t i = 0; i < value.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = Lower(value[i]);
    if (is_dash ? c != '-' : !(IsDigit(c) || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace batuta::secrets
