#include "daemon/secrets/checks.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/placeholder.h"
#include "daemon/secrets/randomness.h"
#include "tests/support/secrets/fake_secrets.h"

namespace batuta::secrets {
namespace {

bool Passes(Check checks, std::string_view secret, Place place = Place::kAfter) {
  const Rule rule{.id = "rule",
                  .description = "",
                  .tier = Tier::kCertain,
                  .place = place,
                  .literals = "",
                  .pattern = "",
                  .checks = checks};
  return PassesChecks(rule, {secret, 0, secret.size(), 0});
}

TEST(ChecksTest, AWrongChecksumIsNoToken) {
  test::FakeSecrets fakes(1);
  for (const auto& [kind, check] :
       {std::pair("github-token", Check::kGithubCrc), std::pair("npm-token", Check::kGithubCrc),
        std::pair("gitlab-routable-token", Check::kGitlabCrc),
        std::pair("grafana-service-token", Check::kGrafanaCrc),
        std::pair("atlassian-token", Check::kAtlassianCrc), std::pair("age-key", Check::kBech32)}) {
    std::string token = fakes.Of(kind).secret;
    EXPECT_TRUE(Passes(check, token)) << kind;
    token[20] = token[20] == 'Q' ? 'Z' : 'Q';
    EXPECT_FALSE(Passes(check, token)) << kind;
  }
}

TEST(ChecksTest, RandomValuesLookRandomAndWordsDoNot) {
  test::FakeSecrets fakes(2);
  int missed = 0;
  constexpr int kTries = 2000;
  for (int i = 0; i < kTries; ++i) {
    const std::string letters = fakes.Characters(34, 'L');
    if (!LooksRandom(letters) || IsMadeOfWords(letters)) ++missed;
    if (!LooksRandom(fakes.Characters(32, 'x'))) ++missed;
    if (!LooksRandom(fakes.Characters(20, 'A'))) ++missed;
    if (!LooksRandom(fakes.Characters(16, 'B'))) ++missed;
  }
  EXPECT_LE(missed, kTries * 4 / 200);
  for (const std::string_view words : {"FederationDataTransferServiceClient",
                                       "getServerSideConfigurationValue", "some-long-name-for-a-config-file",
                                       "my_database_password_example", "TokenClassificationPipelineOutput"}) {
    EXPECT_TRUE(IsMadeOfWords(words)) << words;
  }
}

TEST(ChecksTest, WhatPeopleWriteInsteadOfASecret) {
  for (const std::string_view value : {"",
                                       "null",
                                       "changeme",
                                       "your_token_here",
                                       "xxxxxxxxxxxxxxxx",
                                       "${API_KEY}",
                                       "$TOKEN",
                                       "<token>",
                                       "{{ secrets.key }}",
                                       "os.environ['KEY']",
                                       "aaaaaaaa",
                                       "0123456789abcdef",
                                       "/run/secrets/token",
                                       "https://example.com/x",
                                       "someone@mail.net",
                                       "1.2.3",
                                       "2024-01-31",
                                       "%API_KEY%",
                                       "REDACTED",
                                       "config/token.json",
                                       "getToken()",
                                       "MY_EXAMPLE_KEY"}) {
    EXPECT_TRUE(IsPlaceholder(value)) << value;
  }
  test::FakeSecrets fakes(3);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += IsPlaceholder(fakes.Characters(40, 'A')) ? 1 : 0;
  EXPECT_LE(taken, 3);
}

TEST(ChecksTest, NamesThatSpeakOfTokensAndHoldNone) {
  for (const std::string_view name :
       {"max_tokens", "num_new_tokens", "pad_token_id", "token_type", "eos_token", "tokenizer_class",
        "secret_name", "password_hash", "tokenFile", "api_key_header", "token_url", "csrf_token",
        "next_page_token"}) {
    EXPECT_TRUE(IsHarmlessName(name)) << name;
  }
  for (const std::string_view name :
       {"api_token", "DB_PASSWORD", "clientSecret", "access_key", "HUB_TOKEN"}) {
    EXPECT_FALSE(IsHarmlessName(name)) << name;
  }
}

TEST(ChecksTest, AnEscapeSequenceIsABoundary) {
  const std::string_view mark = "@";
  for (const std::string_view before :
       {"", " ", "\"", "\\n", "\\t", "%3D", "\\u003d", "\\x3d", "=", "\x1B[31m", "-"}) {
    const std::string text = std::string(before) + std::string(mark);
    EXPECT_TRUE(IsBoundaryBefore(text, before.size())) << before;
  }
  for (const std::string_view before : {"a", "_", "Z9", "then", "3D"}) {
    const std::string text = std::string(before) + std::string(mark);
    EXPECT_FALSE(IsBoundaryBefore(text, before.size())) << before;
  }
  for (const char after : std::string_view("\"'` \\,;)]}<>&#%|.:@!?\n"))
    EXPECT_TRUE(IsBoundaryAfter(std::string(1, after), 0, true)) << after;
  for (const char after : std::string_view("aZ0_-"))
    EXPECT_FALSE(IsBoundaryAfter(std::string(1, after), 0, false)) << after;
}

TEST(ChecksTest, AKeyIsOneInWhateverStringItStands) {
  test::FakeSecrets fakes(4);
  for (const std::string_view line_end :
       {"\n", "\r\n", "\\n", "\\n\"\n  \"", "\\n\",\n    \"", "\\n' +\n '", "\n    "}) {
    const std::string key = fakes.PrivateKey("RSA ", line_end);
    EXPECT_TRUE(FindKeyBody(key, key.find("KEY-----") + 8).has_value()) << line_end;
  }
  EXPECT_FALSE(FindKeyBody("\nMIIE...\n-----END", 0).has_value());
  EXPECT_FALSE(FindKeyBody("", 0).has_value());
}

}  // namespace
}  // namespace batuta::secrets
