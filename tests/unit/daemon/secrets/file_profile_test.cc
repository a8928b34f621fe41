#include "daemon/secrets/file_profile.h"

#include <gtest/gtest.h>

namespace batuta::secrets {
namespace {

TEST(FileProfileTest, TheNameTellsHowMuchIsLookedFor) {
  constexpr std::string_view kText = "some text\n";
  EXPECT_EQ(ProfileOf("a/train.py", kText, 10).most, Tier::kPossible);
  EXPECT_FALSE(ProfileOf("a/train.py", kText, 10).has_bare_values);
  EXPECT_TRUE(ProfileOf("deploy/values.yaml", kText, 10).has_bare_values);
  EXPECT_TRUE(ProfileOf("Dockerfile", kText, 10).has_bare_values);
  EXPECT_EQ(ProfileOf("tokenizer.json", kText, 10).most, Tier::kCertain);
  EXPECT_FALSE(ProfileOf("Tokenizer.JSON", kText, 10).decodes);
  EXPECT_EQ(ProfileOf("package-lock.json", kText, 10).most, Tier::kCertain);
  EXPECT_EQ(ProfileOf("config.json", kText, 10).most, Tier::kLikely);
  EXPECT_EQ(ProfileOf("chats.jsonl", kText, 10).most, Tier::kPossible);
  EXPECT_EQ(ProfileOf("chats.jsonl", kText, 2 << 20).most, Tier::kLikely);
  EXPECT_EQ(ProfileOf("model.bin", std::string_view("\0\1\2\3", 4), 10).most, Tier::kCertain);
}

TEST(FileProfileTest, SomeFilesAreSecretByTheirName) {
  struct Case {
    std::string_view path;
    std::string_view text;
    std::string_view kind;
  };

  constexpr std::string_view kLogin = "A=b\nDB_PASSWORD=k3J9xQ2m\n";
  const Case cases[] = {
      {".env", kLogin, "dotenv-file"},
      {"app/.env.production", kLogin, "dotenv-file"},
      {".env.example", kLogin, ""},
      {".env", "PORT=8080\nDB_PASSWORD=changeme\nTOKEN=\n", ""},
      {".ssh/id_ed25519", "-----BEGIN", "private-key-file"},
      {"id_rsa.pub", "ssh-rsa AAAA", ""},
      {"release.jks", "\xFE\xED\xFE\xED\1\2", "key-store"},
      {"release.jks", "just text", ""},
      {".bash_history", "ls\n", "shell-history"},
      {"huggingface/token", "abc", "machine-learning-login"},
      {"model/token", "abc", ""},
      {"terraform.tfstate", "{}", "secret-file"},
      {"README.md", "text", ""},
      {".git-credentials", "   \n", ""},
  };
  for (const Case& each : cases) {
    const NameRule* rule = FindNameRule(each.path);
    const bool found = rule != nullptr && ConfirmName(*rule, each.text).has_value();
    EXPECT_EQ(found ? rule->id : "", each.kind) << each.path << ": " << each.text;
  }
  EXPECT_EQ(ConfirmName(*FindNameRule(".env"), kLogin), 2U);
}

TEST(FileProfileTest, FilesOfOneClassOfNamesAreLookedAtInTheSameWay) {
  constexpr std::string_view kPaths[] = {
      "a.py",           "b/c.py",          "Makefile",  "x/Dockerfile", "config.json",
      "a/CONFIG.json",  "tokenizer.json",  "vocab.txt", "notes.txt",    "notes.txt.gz",
      "chats.jsonl",    "chats.jsonl.zst", "chats.gz",  ".env",         ".env.gz",
      "app/.env.local", ".env.example",    "id_rsa",    "id_rsa.pub",   "huggingface/token",
      "model/token",    "weights.bin",     "data.zip",  "values.yaml",  "page.html",
      "kaggle.json"};
  for (const std::string_view a : kPaths) {
    for (const std::string_view b : kPaths) {
      if (NameClassOf(a) != NameClassOf(b)) continue;
      EXPECT_EQ(FindNameRule(a), FindNameRule(b)) << a << " " << b;
      for (const std::string_view head : {"text\n", "version https://git-lfs", "\1\2\3"}) {
        for (const uint64_t size : {uint64_t{10}, uint64_t{2} << 20}) {
          const Profile first = ProfileOf(a, head, size);
          const Profile second = ProfileOf(b, head, size);
          EXPECT_EQ(first.most, second.most) << a << " " << b;
          EXPECT_EQ(first.has_bare_values, second.has_bare_values) << a << " " << b;
          EXPECT_EQ(first.decodes, second.decodes) << a << " " << b;
        }
      }
      EXPECT_EQ(WithoutPacking(a) == a, WithoutPacking(b) == b) << a << " " << b;
    }
  }
  EXPECT_EQ(NameClassOf("a/b.py"), NameClassOf("c.py"));
  EXPECT_NE(NameClassOf("a.txt.gz"), NameClassOf("a.py.gz"));
}

TEST(FileProfileTest, AMemberOfAnArchiveHasItsOwnName) {
  EXPECT_EQ(ProfileOf("a.zip!tokenizer.json", "text\n", 10).most, Tier::kCertain);
  EXPECT_EQ(FindNameRule("a.zip!id_rsa")->id, "private-key-file");
  EXPECT_EQ(FindNameRule("a.zip!huggingface/token")->id, "machine-learning-login");
}

}  // namespace
}  // namespace batuta::secrets
