#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace batuta::secrets {

// Goes up whenever the same bytes may give other findings; what was remembered of older ones is then
// worthless.
inline constexpr uint32_t kRuleVersion = 2;

// How sure a kind is, and therefore where it is looked for.
enum class Tier : uint8_t {
  kCertain,   // says itself what it is: prefix and length, structure or checksum. In every file.
  kLikely,    // a shape beside the name of its vendor. In text, also that of datasets.
  kPossible,  // a value that looks random under a name that speaks of secrets. In code and configuration.
};

// Where the literal of a rule stands.
enum class Place : uint8_t {
  kStart,       // the pattern begins with it
  kInside,      // the pattern has it somewhere in the middle
  kAfter,       // a word, of any letter case, shortly before what the pattern matches
  kAssignment,  // a word, of any letter case, in the name of what is assigned; the value is the secret
  kAnywhere,    // a word, of any letter case, somewhere in the block that the pattern is searched in; none:
                // always
};

// What a match must pass beyond its pattern. A set of bits.
enum class Check : uint32_t {
  kNone = 0,
  kRandom = 1 << 0,      // as much entropy as nearly all random values of its length and alphabet have
  kNoWords = 1 << 1,     // not made of words, as an identifier is
  kMixedCase = 1 << 2,   // letters of both cases
  kTwoDigits = 1 << 3,   // at least two digits
  kNamed = 1 << 4,       // beside it stands key, token, secret, password, …
  kNotHash = 1 << 5,     // nothing beside it speaks of hashes or commits
  kGithubCrc = 1 << 6,   // the last six are the CRC-32 of the rest, in base 62
  kGitlabCrc = 1 << 7,   // the last seven are the CRC-32 of the rest, in base 36
  kGrafanaCrc = 1 << 8,  // the last eight are the CRC-32 of the rest, in hex, lowest byte first
  kAtlassianCrc = 1 << 9,
  kBech32 = 1 << 10,
  kBytes64 = 1 << 11,  // base64 of 64 bytes
  kBytes32 = 1 << 12,
  kPem = 1 << 13,             // the body of a private key follows; it is the secret
  kJwt = 1 << 14,             // header and payload are what they should be, and it opens something
  kUrl = 1 << 15,             // a password in a URL, for a host that is not local
  kSas = 1 << 16,             // the other parts of a signed URL stand beside it
  kServiceAccount = 1 << 17,  // the other members of Google's JSON stand beside it
  kUserLogin = 1 << 18,
  kNotPublicWeb = 1 << 19,  // not the web configuration of Firebase, which is public
  kNotPeptide = 1 << 20,    // not one of many words of amino acids
  kBasic = 1 << 21,         // base64 of `user:password`
  kDiscordId = 1 << 22,     // the first part is base64 of digits
  kConnection = 1 << 23,    // another attribute of a connection string stands on the line
  kGeneric = 1 << 24,       // all that is asked of a value that only its name makes suspicious
  kJsonInBase64 = 1 << 25,  // what follows the prefix is base64 of JSON
  kHostedLogin = 1 << 26,   // another line of a login file stands near
};

constexpr Check operator|(Check a, Check b) {
  return static_cast<Check>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}

constexpr bool Has(Check all, Check one) {
  return (static_cast<uint32_t>(all) & static_cast<uint32_t>(one)) != 0;
}

// One kind of secret. The rules are data: `rules_*.cc`.
struct Rule {
  std::string_view id;           // stable, unique, lower case with dashes: "hf-token"
  std::string_view description;  // for a person, without a stop: "Hugging Face access token"
  Tier tier = Tier::kCertain;
  Place place = Place::kStart;
  std::string_view literals;  // what a cheap first look searches; several are separated by `|`
  std::string_view pattern;   // RE2, bytes; its first group, or all of it, is the secret
  Check checks = Check::kNone;
};

std::span<const Rule> MachineLearningRules();
std::span<const Rule> CloudRules();
std::span<const Rule> ServiceRules();
std::span<const Rule> StructureRules();

// What a name says of a file: a finding without a look at its text, or with a short one.
enum class NameCondition : uint8_t {
  kNotEmpty,   // any content
  kAssigned,   // some line assigns a value that is no placeholder
  kNotPublic,  // any content that is no certificate, public key or encrypted file
  kMagic,      // content that begins with one of the magics of key stores
};

struct NameRule {
  std::string_view id;
  std::string_view description;
  std::string_view names;       // globs on the lower-case last name, or last two names, separated by `|`
  std::string_view exceptions;  // the same; these are none
  NameCondition condition = NameCondition::kNotEmpty;
};

std::span<const NameRule> NameRules();

}  // namespace batuta::secrets
