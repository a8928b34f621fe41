#include "daemon/push/secret_check.h"

#include <future>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "common/sync/sequence.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using metadata::Table;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A MemorySource with its bytes.
class HeldSource final : public safety::ByteSource {
 public:
  explicit HeldSource(std::string bytes) : bytes_(std::move(bytes)), source_(bytes_) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override { return source_.Read(offset, out); }

 private:
  const std::string bytes_;
  safety::MemorySource source_;
};

class SecretCheckTest : public testing::Test {
 protected:
  SecretRequest RequestFor(const std::map<std::string, std::string>& files) {
    SecretRequest request;
    for (const auto& [path, bytes] : files) {
      request.files.push_back({.path = path, .sha256 = NameOf(bytes), .size_bytes = bytes.size()});
    }
    request.open = [this, files](const FileToScan& file) -> absl::StatusOr<OpenedFile> {
      opened_.push_back(file.path);
      return OpenedFile{.bytes = std::make_unique<HeldSource>(files.at(file.path)),
                        .check_unchanged = [this] { return unchanged_; }};
    };
    return request;
  }

  // Names, not hashes: the check does not look.
  BlobId NameOf(const std::string& bytes) {
    const auto number = static_cast<char>('a' + names_.emplace(bytes, names_.size()).first->second);
    return *BlobId::Parse(std::string(64, number));
  }

  std::unique_ptr<SecretCheck> Start(SecretRequest request) {
    return SecretCheck::Start(
        {.runner = runner_, .pool = pool_, .store = store_, .clock = clock_}, std::move(request),
        [this](const SecretProgress& progress) { told_.push_back(progress); },
        [this](absl::StatusOr<SecretOutcome> outcome) { outcome_ = std::move(outcome); });
  }

  absl::StatusOr<SecretOutcome> Check(SecretRequest request) {
    outcome_.reset();
    opened_.clear();
    told_.clear();
    const std::unique_ptr<SecretCheck> check = Start(std::move(request));
    EXPECT_FALSE(outcome_.has_value());
    runner_.RunUntilIdle();
    EXPECT_TRUE(outcome_.has_value());
    return outcome_.value_or(absl::InternalError("no answer"));
  }

  std::string Stored() {
    std::string all;
    EXPECT_THAT(store_.Scan(Table::kScans, "",
                            [&](std::string_view key, std::string_view value) {
                              all.append(key).append(value);
                              return true;
                            }),
                IsOk());
    return all;
  }

  FakeClock clock_;
  ManualTaskRunner runner_;
  ManualWorkerPool pool_{runner_};
  metadata::FakeMetadataStore store_;
  test::FakeSecrets fakes_{7};
  const test::FakeSecret token_ = fakes_.Of("hf-token");
  const std::string leak_ = "x = 1\n" + token_.line + "\n";
  std::map<std::string, size_t> names_;
  absl::Status unchanged_;
  std::vector<std::string> opened_;
  std::vector<SecretProgress> told_;
  std::optional<absl::StatusOr<SecretOutcome>> outcome_;
};

TEST_F(SecretCheckTest, FindsWhatBlocksAndTellsHowFarItIs) {
  const auto outcome = Check(RequestFor({{"a.ini", leak_}, {"b.txt", "nothing here\n"}, {"empty", ""}}));
  ASSERT_THAT(outcome, IsOk());
  ASSERT_THAT(outcome->verdict.findings, SizeIs(1));
  EXPECT_EQ(outcome->verdict.findings[0].fingerprint, "a.ini:hf-token:2");
  EXPECT_THAT(StatusOf(outcome->verdict), HasReason("SECRETS_FOUND"));
  EXPECT_EQ(outcome->files_remembered, 0U);
  EXPECT_GE(outcome->bytes_read, leak_.size());
  ASSERT_FALSE(told_.empty());
  EXPECT_EQ(told_.back().done_bytes, told_.back().total_bytes);
  EXPECT_EQ(told_.back().total_bytes, leak_.size() + 13);
  EXPECT_EQ(told_.back().files_done, 3U);
}

TEST_F(SecretCheckTest, WhatWasFoundIsRememberedWithoutTheSecret) {
  ASSERT_THAT(Check(RequestFor({{"old/a.ini", leak_}, {"b.txt", "nothing here\n"}})), IsOk());
  const std::string stored = Stored();
  EXPECT_THAT(stored, HasSubstr("hf-token"));
  for (size_t i = 3; i + 4 <= token_.secret.size() - 2; ++i) {
    EXPECT_EQ(stored.find(token_.secret.substr(i, 4)), std::string::npos);
  }
  const auto again = Check(RequestFor({{"new/c.ini", leak_}, {"d.txt", "nothing here\n"}}));
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_EQ(again->files_remembered, 2U);
  EXPECT_EQ(again->bytes_read, 0U);
  ASSERT_THAT(again->verdict.findings, SizeIs(1));
  EXPECT_EQ(again->verdict.findings[0].fingerprint, "new/c.ini:hf-token:2");
  EXPECT_EQ(told_.back().done_bytes, told_.back().total_bytes);
}

TEST_F(SecretCheckTest, WhatIsAllowedIsRememberedAsFound) {
  SecretRequest allowed = RequestFor({{"a.ini", leak_}});
  allowed.allowances = {"a.ini:hf-token:2", "a.ini:hf-token:3"};
  const auto first = Check(std::move(allowed));
  ASSERT_THAT(first, IsOk());
  EXPECT_FALSE(first->verdict.blocks());
  EXPECT_THAT(first->verdict.unused_allowances, ElementsAre("a.ini:hf-token:3"));
  const auto without = Check(RequestFor({{"a.ini", leak_}}));
  ASSERT_THAT(without, IsOk());
  EXPECT_TRUE(without->verdict.blocks());
}

TEST_F(SecretCheckTest, CommentsAllowUnlessTheyMayNot) {
  const std::string commented = token_.line + "  # batuta:allow-secret a fake\n";
  const auto allowed = Check(RequestFor({{"a.ini", commented}}));
  ASSERT_THAT(allowed, IsOk());
  EXPECT_FALSE(allowed->verdict.blocks());
  EXPECT_EQ(allowed->verdict.allowed, 1U);
  SecretRequest strict = RequestFor({{"a.ini", commented}});
  strict.allows_comments = false;
  const auto found = Check(std::move(strict));
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(found->verdict.blocks());
}

TEST_F(SecretCheckTest, RulesOfTheFolderComeBesideOursAndSwitchNoneOff) {
  SecretRequest request = RequestFor({{"a.ini", leak_}, {"c.txt", "\nbadge-123456\n"}});
  request.gitleaks_toml =
      "[extend]\nuseDefault = false\ndisabledRules = ['hf-token']\n"
      "[allowlist]\npaths = ['a\\.ini']\nregexes = ['hf_.*']\n"
      "[[rules]]\nid = 'badge'\nregex = 'badge-[0-9]{6}'\nkeywords = ['badge']\n";
  const auto outcome = Check(std::move(request));
  ASSERT_THAT(outcome, IsOk());
  ASSERT_THAT(outcome->verdict.findings, SizeIs(2));
  EXPECT_EQ(outcome->verdict.findings[0].fingerprint, "a.ini:hf-token:2");
  EXPECT_EQ(outcome->verdict.findings[1].fingerprint, "c.txt:badge:2");
}

TEST_F(SecretCheckTest, ABrokenRuleIsToldBeforeAFileIsRead) {
  SecretRequest request = RequestFor({{"a.ini", leak_}});
  request.gitleaks_toml = "[[rules]]\nid = 'badge'\nregex = '('\n";
  const auto outcome = Check(std::move(request));
  EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(outcome, HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(std::string(MessageOf(outcome.status())), HasSubstr("badge"));
  EXPECT_THAT(opened_, IsEmpty());
}

TEST_F(SecretCheckTest, AFileThatChangedEndsItAndIsNotRemembered) {
  unchanged_ = MakeError(absl::StatusCode::kAborted, reason::kFileChanged, "a.ini changed");
  EXPECT_THAT(Check(RequestFor({{"a.ini", leak_}})), HasReason("FILE_CHANGED"));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(SecretCheckTest, WhatCannotBeOpenedEndsIt) {
  SecretRequest request = RequestFor({{"a.ini", leak_}, {"b.ini", leak_}});
  request.open = [](const FileToScan&) -> absl::StatusOr<OpenedFile> {
    return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, "the disk refuses");
  };
  EXPECT_THAT(Check(std::move(request)), HasReason("STORAGE_FAILED"));
}

TEST_F(SecretCheckTest, ACatalogThatFailsCostsOnlyTheMemory) {
  store_.FailReads(absl::UnavailableError("down"), 10);
  store_.FailWrites(absl::UnavailableError("down"), 10);
  const auto outcome = Check(RequestFor({{"a.ini", leak_}}));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_TRUE(outcome->verdict.blocks());
}

TEST_F(SecretCheckTest, DroppingItEndsIt) {
  std::unique_ptr<SecretCheck> check;
  SecretRequest request = RequestFor({{"a.ini", leak_}, {"b.ini", leak_ + "\n"}});
  request.open = [&check, open = request.open](const FileToScan& file) {
    check.reset();
    return open(file);
  };
  check = Start(std::move(request));
  runner_.RunUntilIdle();
  EXPECT_THAT(opened_, SizeIs(1));
  EXPECT_FALSE(outcome_.has_value());
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(SecretCheckTest, WhatIsOldIsForgotten) {
  ASSERT_THAT(Check(RequestFor({{"a.ini", leak_}})), IsOk());
  clock_.Advance(std::chrono::days(100));
  ASSERT_THAT(Check(RequestFor({{"b.txt", "fine"}})), IsOk());
  EXPECT_THAT(Stored(), testing::Not(HasSubstr("hf-token")));
  EXPECT_THAT(Check(RequestFor({{"a.ini", leak_}}))->verdict.findings, SizeIs(1));
}

TEST_F(SecretCheckTest, WordsThatLeaveBesideTheFilesAreLookedInto) {
  SecretRequest request = RequestFor({{"a.txt", "fine\n"}});
  request.texts = {{.path = "//message", .words = "the commit message", .text = leak_},
                   {.path = "//description", .words = "the description", .text = ""}};
  const SecretRequest again = request;
  const auto outcome = Check(std::move(request));
  ASSERT_THAT(outcome, IsOk());
  ASSERT_THAT(outcome->verdict.findings, SizeIs(1));
  EXPECT_EQ(outcome->verdict.findings[0].path, "the commit message");
  EXPECT_EQ(outcome->verdict.findings[0].line, 2U);
  EXPECT_EQ(outcome->verdict.findings[0].fingerprint, "//message:hf-token:2");
  EXPECT_THAT(std::string(MessageOf(StatusOf(outcome->verdict))), HasSubstr("the commit message\", line 2"));
  EXPECT_EQ(Stored().find("hf-token"), std::string::npos) << "what is no file is not remembered";
  EXPECT_EQ(told_.back().files_total, 1U);
  EXPECT_TRUE(Check(again)->verdict.blocks());
}

TEST_F(SecretCheckTest, WordsAreAllowedAsFilesAre) {
  const SecretRequest leak = [this] {
    SecretRequest request = RequestFor({});
    request.texts = {{.path = "//message", .words = "the commit message", .text = leak_}};
    return request;
  }();
  SecretRequest by_caller = leak;
  by_caller.allowances = {"//message:hf-token:2"};
  EXPECT_FALSE(Check(std::move(by_caller))->verdict.blocks());
  SecretRequest by_list = leak;
  by_list.gitleaksignore = "//message:hf-token:2\n";
  EXPECT_FALSE(Check(std::move(by_list))->verdict.blocks());
  SecretRequest by_comment = leak;
  by_comment.texts[0].text = token_.line + "  # batuta:allow-secret a fake\n";
  EXPECT_FALSE(Check(std::move(by_comment))->verdict.blocks());
  // A file that is called like the words is another thing.
  SecretRequest by_file = leak;
  by_file.allowances = {"the commit message:hf-token:2"};
  EXPECT_TRUE(Check(std::move(by_file))->verdict.blocks());
}

TEST_F(SecretCheckTest, ASecretInANameIsFoundAndShownNowhere) {
  const std::string path = "runs/" + token_.secret + "/log.txt";
  const std::map<std::string, std::string> files = {{path, leak_}, {"b.txt", "fine\n"}};
  const auto outcome = Check(RequestFor(files));
  ASSERT_THAT(outcome, IsOk());
  ASSERT_THAT(outcome->verdict.findings, SizeIs(2));  // its content too, by its path: see HideNames()
  const secrets::Finding& name = outcome->verdict.findings[1];
  const std::string shown = "runs/hf_…" + token_.secret.substr(35) + " (37 characters)";
  EXPECT_EQ(name.path, "the name of " + shown);
  EXPECT_EQ(name.fingerprint, "//name/" + shown + ":hf-token:1");
  EXPECT_THAT(outcome->hidden_names, ElementsAre(testing::Pair(path, shown)));

  SecretRequest allowed = RequestFor(files);
  allowed.allowances = {name.fingerprint, path + ":hf-token:2"};
  const auto clean = Check(std::move(allowed));
  ASSERT_THAT(clean, IsOk());
  EXPECT_FALSE(clean->verdict.blocks());
  EXPECT_THAT(clean->verdict.unused_allowances, IsEmpty());
}

TEST_F(SecretCheckTest, NamesThatAreSecretAsFilesAreNoSecretsThemselves) {
  const auto outcome = Check(
      RequestFor({{"docs/id_rsa", ""}, {"secrets/api_key.md", "fine\n"}, {"token=abc/part-0.csv", "1\n"}}));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_FALSE(outcome->verdict.blocks());
}

TEST_F(SecretCheckTest, NothingToScanIsClean) {
  const auto outcome = Check(RequestFor({}));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_FALSE(outcome->verdict.blocks());
}

TEST(SecretCheckOnThreadsTest, ManyFilesAreFoundWhateverTheOrder) {
  const std::unique_ptr<Sequence> runner = Sequence::Start("core");
  const std::unique_ptr<WorkerPool> pool = WorkerPool::Start("push", 3);
  metadata::FakeMetadataStore store;
  const SystemClock clock;
  test::FakeSecrets fakes(11);
  std::map<std::string, std::string> files;
  SecretRequest request;
  for (int i = 0; i < 100; ++i) {
    const std::string path = "d/" + std::to_string(i) + ".ini";
    std::string bytes(static_cast<size_t>(i) * 100, '\n');
    if (i % 10 == 0) bytes += fakes.Of("hf-token").line;
    request.files.push_back({.path = path,
                             .sha256 = *BlobId::Parse(test::Hex(std::string(32, static_cast<char>(i)))),
                             .size_bytes = bytes.size()});
    files.emplace(path, std::move(bytes));
  }
  request.open = [&files](const FileToScan& file) -> absl::StatusOr<OpenedFile> {
    return OpenedFile{.bytes = std::make_unique<HeldSource>(files.at(file.path))};
  };
  std::promise<absl::StatusOr<SecretOutcome>> promise;
  const std::unique_ptr<SecretCheck> check = RunOn(*runner, [&] {
    return SecretCheck::Start(
        {.runner = *runner, .pool = *pool, .store = store, .clock = clock, .side_by_side = 3}, request,
        nullptr, [&](absl::StatusOr<SecretOutcome> outcome) { promise.set_value(std::move(outcome)); });
  });
  const absl::StatusOr<SecretOutcome> outcome = promise.get_future().get();
  pool->Stop();
  runner->Stop();
  ASSERT_THAT(outcome, IsOk());
  EXPECT_THAT(outcome->verdict.findings, SizeIs(10));
}

}  // namespace
}  // namespace batuta::push
