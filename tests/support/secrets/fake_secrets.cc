#include "tests/support/secrets/fake_secrets.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tests/support/archives/packed.h"

namespace batuta::test {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

std::string AlphabetOf(char name) {
  const auto join = [](auto... parts) { return (std::string() + ... + std::string(parts)); };
  switch (name) {
    case 'L':
      return join(kUpper, kLower);
    case 'A':
      return join(kDigits, kUpper, kLower);
    case 'l':
      return join(kLower, kDigits);
    case 'U':
      return join(kUpper, kDigits);
    case 'd':
      return std::string(kDigits);
    case 'x':
      return "0123456789abcdef";
    case 'B':
      return join(kUpper, "234567");
    case 'q':
      return join(kLower, "234567");
    case '6':
      return join(kUpper, kLower, kDigits, "+/");
    case 'u':
      return join(kUpper, kLower, kDigits, "-_");
    case 's':
      return "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    case 'b':
      return "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    case '9':
      return "9DH";
    default:
      return "?";
  }
}

std::string Encoded64(std::string_view bytes, std::string_view last_two, bool has_padding) {
  const std::string alphabet =
      std::string(kUpper) + std::string(kLower) + std::string(kDigits) + std::string(last_two);
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0U);
    for (size_t k = 0; k <= group.size(); ++k) out += alphabet[bits >> (18 - 6 * k) & 63];
    if (has_padding) out.append(3 - group.size(), '=');
  }
  return out;
}

std::string InBase(uint32_t number, std::string_view digits, size_t width) {
  std::string text(width, '0');
  for (size_t i = width; i-- > 0; number /= static_cast<uint32_t>(digits.size()))
    text[i] = digits[number % digits.size()];
  return text;
}

// The last six characters of a bech32 text (BIP 173).
std::string Bech32Sum(std::string_view prefix, std::string_view data) {
  constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  std::vector<uint32_t> values;
  for (const char c : prefix) values.push_back(static_cast<uint32_t>(c) >> 5);
  values.push_back(0);
  for (const char c : prefix) values.push_back(static_cast<uint32_t>(c) & 31);
  for (const char c : data) values.push_back(static_cast<uint32_t>(kAlphabet.find(c)));
  values.insert(values.end(), 6, 0);
  constexpr std::array<uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  uint32_t sum = 1;
  for (const uint32_t value : values) {
    const uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < 5; ++i) sum ^= (top >> i & 1) != 0 ? kGenerator[i] : 0;
  }
  std::string text;
  for (int shift = 25; shift >= 0; shift -= 5) text += kAlphabet[(sum ^ 1) >> shift & 31];
  return text;
}

}  // namespace

std::string Base64(std::string_view bytes) {
  return Encoded64(bytes, "+/", true);
}

std::string Base64Url(std::string_view bytes) {
  return Encoded64(bytes, "-_", false);
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string Percent(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

std::string Utf16(std::string_view ascii, bool is_big_endian, bool has_mark) {
  std::string out = !has_mark ? "" : is_big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) {
    if (is_big_endian) out += '\0';
    out += c;
    if (!is_big_endian) out += '\0';
  }
  return out;
}

std::string FakeSecrets::Characters(size_t count, char alphabet) {
  const std::string characters = AlphabetOf(alphabet);
  std::string out;
  while (out.size() < count) out += characters[random_() % characters.size()];
  return out;
}

std::string FakeSecrets::Filled(std::string_view format) {
  std::string out;
  while (!format.empty()) {
    const size_t open = format.find('{');
    out += format.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t colon = format.find(':', open);
    const size_t count = std::stoul(std::string(format.substr(open + 1, colon - open - 1)));
    out += Characters(count, format[colon + 1]);
    format.remove_prefix(colon + 3);
  }
  return out;
}

std::string FakeSecrets::GithubToken(std::string_view prefix, size_t random_characters) {
  const std::string body = Characters(random_characters, 'A');
  return std::string(prefix) + body + InBase(Crc32(body), AlphabetOf('A'), 6);
}

std::string FakeSecrets::PrivateKey(std::string_view algorithm, std::string_view line_end) {
  // A sequence whose length covers the rest, as DER begins.
  const std::string body = "MIIE" + Characters(600, '6');
  const std::string mark = fmt::format("{}PRIVATE KEY-----", algorithm);
  std::string key = "-----BEGIN " + mark + std::string(line_end);
  for (size_t i = 0; i < body.size(); i += 64) key += body.substr(i, 64) + std::string(line_end);
  return key + "-----END " + mark;
}

std::string FakeSecrets::JsonWebToken(std::string_view payload) {
  return Base64Url(R"({"alg":"HS256","typ":"JWT"})") + "." + Base64Url(payload) + "." + Characters(43, 'u');
}

FakeSecret FakeSecrets::Make(const FakeFormat& format) {
  FakeSecret fake{.kind = std::string(format.kind), .line = {}, .secret = Filled(format.secret)};
  fake.line = std::string(format.before) + fake.secret + std::string(format.after);
  return fake;
}

FakeSecret FakeSecrets::Of(std::string_view kind) {
  for (FakeSecret& fake : OfEveryKind()) {
    if (fake.kind == kind) return fake;
  }
  return {};
}

std::vector<FakeSecret> FakeSecrets::OfEveryKind() {
  std::vector<FakeSecret> fakes;
  for (const FakeFormat& format : FakeFormats()) fakes.push_back(Make(format));
  const auto add = [&](std::string_view kind, std::string_view before, std::string secret,
                       std::string_view after = "", uint64_t line = 0) {
    fakes.push_back({.kind = std::string(kind),
                     .line = std::string(before) + secret + std::string(after),
                     .secret = secret,
                     .secret_line = line});
  };
  for (const std::string_view prefix : {"gh"
                                        "p_",
                                        "gh"
                                        "o_",
                                        "gh"
                                        "u_",
                                        "gh"
                                        "s_"})
    add("github-token", "", GithubToken(prefix));
  add("github-refresh-token", "",
      GithubToken("gh"
                  "r_",
                  70));
  add("npm-token", "",
      GithubToken("np"
                  "m_"));
  const std::string routable =
      "gl"
      "pat-" +
      Characters(43, 'u') + ".01.1" + Characters(1, 'd');
  add("gitlab-routable-token", "",
      routable + InBase(Crc32(routable), AlphabetOf('d') + std::string(kLower), 7));
  const std::string grafana =
      "gl"
      "sa_" +
      Characters(32, 'A');
  const uint32_t sum = Crc32(grafana);
  add("grafana-service-token", "",
      grafana +
          fmt::format("_{:02x}{:02x}{:02x}{:02x}", sum & 255, sum >> 8 & 255, sum >> 16 & 255, sum >> 24));
  const std::string atlassian =
      "ATA"
      "TT3" +
      Characters(177, 'u') + "=";
  add("atlassian-token", "", atlassian + fmt::format("{:08X}", Crc32(atlassian)));
  add("grafana-cloud-token", "",
      "gl"
      "c_" +
          Base64(R"({"o":"123","n":"name","k":")" + Characters(24, 'A') + "\"}"));
  add("sentry-org-token", "",
      "sntry"
      "s_" +
          Base64(R"({"iat":1700000000,"url":"https://sentry.io","org":"me"})") + "_" + Characters(43, '6'));
  const std::string age = Characters(52, 'b');
  std::string age_key =
      "age-secret-key-"
      "1" +
      age + Bech32Sum("age-secret-key-", age);
  std::ranges::transform(age_key, age_key.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  add("age-key", "", age_key);
  add("neptune-token", "NEPTUNE_API_TOKEN=",
      Base64(R"({"api_address":"https://app.neptune.ai","api_key":")" + Characters(36, 'x') + "\"}"));
  add("jwt", "token: ", JsonWebToken(R"({"sub":"1","role":"writer","exp":9999999999,"iat":1700000000})"));
  add("docker-auth", R"({"auths":{"registry.internal.net":{"auth": ")",
      Base64("builder:" + Characters(16, 'A')), "\"}}}");
  add("authorization-basic", "Authorization: Basic ", Base64("builder:" + Characters(16, 'A')));
  add("discord-bot-token", "DISCORD_TOKEN=",
      Base64Url("1" + Characters(17, 'd')) + "." + Characters(6, 'A') + "." + Characters(38, 'u'));
  add("kubernetes-client-key", "    client-key-data: ", Base64(PrivateKey("RSA ", "\n")));
  add("aws-secret-near-id",
      "AK"
      "IA" +
          Characters(16, 'B') + ",",
      Characters(40, '6'));
  for (const std::string_view algorithm : {"", "RSA ", "EC ", "ENCRYPTED "}) {
    const std::string key = PrivateKey(algorithm, "\n");
    const size_t first_line = key.find('\n') + 1;
    add("private-key", key.substr(0, first_line), key.substr(first_line), "", 1);
  }
  add("private-key", "{\"key\": \"", PrivateKey("", "\\n"), "\\n\"}");
  add("putty-key", "Private-Lines: 8\n", Characters(64, '6'), "", 1);
  add("gcp-service-account", R"({"type": "service_account", "client_email": "a@b.iam", "private_key_id": ")",
      Characters(40, 'x'), "\", \"private_key\": \"" + PrivateKey("", "\\n") + "\"}");
  return fakes;
}

}  // namespace batuta::test
