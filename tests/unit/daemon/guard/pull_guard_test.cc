#include "daemon/guard/pull_guard.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/guard/fake_inspection.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::guard {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PullGuardTest : public ::testing::Test {
 protected:
  std::shared_ptr<PullGuard> Guard(Consent consent, char commit = '1',
                                   const std::string& repo = "acme/otter") {
    return std::make_shared<PullGuard>(
        GuardContext{verdicts_, consents_, clock_}, *RepoId::Parse(RepoType::kModel, repo),
        *CommitId::Parse(std::string(40, commit)), consent, Principal{1000, "test"});
  }

  // The blob is named by its first byte.
  static Entry EntryOf(std::string_view path, std::string_view content) {
    std::string hex(64, '0');
    hex[0] = content[0] == 'p' ? 'a' : content[0] == 'm' ? 'b' : content[0] == 'i' ? 'c' : 'd';
    return {*RepoPath::Parse(path), content.size(), *BlobId::Parse(hex), ""};
  }

  static absl::Status Admit(PullGuard& guard, std::string_view path, std::string_view content) {
    safety::MemorySource bytes(content);
    return guard.AdmitWhole(EntryOf(path, content), bytes);
  }

  const Consent pickle_ = *MakeConsent({"pickle"}, false);
  metadata::FakeMetadataStore store_;
  FakeClock clock_;
  FakeInspection inspection_;
  Verdicts verdicts_{store_, inspection_};
  Consents consents_{store_};
};

TEST_F(PullGuardTest, WhatIsSafeComesInWithoutAWord) {
  const auto guard = Guard({});
  EXPECT_THAT(Admit(*guard, "a.safetensors", "safe"), IsOk());
  EXPECT_THAT(guard->WarningOf("a.safetensors"), IsEmpty());
  EXPECT_THAT(*consents_.Of(*RepoId::Parse(RepoType::kModel, "acme/otter")), IsEmpty());
}

TEST_F(PullGuardTest, WhatNobodyAdmitsIsRefused) {
  EXPECT_THAT(Admit(*Guard({}), "a.bin", "pickle"), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Admit(*Guard(pickle_), "a.bin", "malicious"), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Admit(*Guard(pickle_), "a.safetensors", "invalid"), HasReason("INVALID_CONTENT"));
}

TEST_F(PullGuardTest, AnAdmittedFileIsWarnedOfAndItsConsentIsRecorded) {
  const auto guard = Guard(pickle_);
  ASSERT_THAT(Admit(*guard, "a.bin", "pickle"), IsOk());
  EXPECT_THAT(guard->WarningOf("a.bin"), HasSubstr("looks bad"));
  ASSERT_OK_AND_ASSIGN(const auto given, consents_.Of(*RepoId::Parse(RepoType::kModel, "acme/otter")));
  ASSERT_THAT(given, SizeIs(1));
  EXPECT_EQ(given[0].who, (Principal{1000, "test"}));
  EXPECT_EQ(given[0].path, "a.bin");
}

TEST_F(PullGuardTest, AConsentHoldsForItsCommitAndForNoOther) {
  ASSERT_THAT(Admit(*Guard(pickle_), "a.bin", "pickle"), IsOk());
  EXPECT_THAT(Admit(*Guard({}), "a.bin", "pickle"), IsOk());
  EXPECT_THAT(Admit(*Guard({}, '2'), "a.bin", "pickle"), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Admit(*Guard({}, '1', "evil/otter"), "a.bin", "pickle"), HasReason("UNSAFE_CONTENT"));
}

TEST_F(PullGuardTest, WhereUsersShareTheCacheAConsentIsOneUsers) {
  Consents own(store_, Consents::Scope::kWhoGave);
  const auto of = [&](uint32_t uid, const Consent& consent) {
    return std::make_shared<PullGuard>(
        GuardContext{verdicts_, own, clock_}, *RepoId::Parse(RepoType::kModel, "acme/otter"),
        *CommitId::Parse(std::string(40, '1')), consent, Principal{uid, "test"});
  };
  ASSERT_THAT(Admit(*of(1001, pickle_), "a.bin", "pickle"), IsOk());
  EXPECT_THAT(Admit(*of(1001, {}), "a.bin", "pickle"), IsOk());
  EXPECT_THAT(Admit(*of(1002, {}), "a.bin", "pickle"), HasReason("UNSAFE_CONTENT"));
}

TEST_F(PullGuardTest, WhatDoesHarmIsAdmittedToWhoAsksForItEachTime) {
  const Consent all = *MakeConsent({}, true);
  ASSERT_THAT(Admit(*Guard(all), "a.bin", "malicious"), IsOk());
  EXPECT_THAT(Admit(*Guard({}), "a.bin", "malicious"), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Admit(*Guard(pickle_), "a.bin", "malicious"), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Admit(*Guard(all), "a.bin", "malicious"), IsOk());
}

TEST_F(PullGuardTest, ForeseesWhatItWouldSayOfWhatItKnowsAndRecordsNothing) {
  const Entry entry = EntryOf("a.bin", "pickle");
  EXPECT_EQ(Guard({})->Foresee(entry), "") << "nobody has looked at it";
  ASSERT_THAT(Admit(*Guard({}), "a.bin", "pickle"), HasReason("UNSAFE_CONTENT"));
  EXPECT_EQ(Guard({})->Foresee(entry), "a pull refuses it: looks bad");
  EXPECT_EQ(Guard(pickle_)->Foresee(entry), "looks bad");
  EXPECT_THAT(*consents_.Of(*RepoId::Parse(RepoType::kModel, "acme/otter")), IsEmpty());
}

TEST_F(PullGuardTest, AnObjectionThatIsOverriddenGoesOnRecordAndAdmitsNothing) {
  const RepoId repo = *RepoId::Parse(RepoType::kModel, "acme/otter");
  ASSERT_THAT(Admit(*Guard(pickle_), "a.bin", "pickle"), IsOk());
  ASSERT_THAT(Guard({})->RecordObjection(EntryOf("a.bin", "pickle")), IsOk());
  ASSERT_THAT(Guard({})->RecordObjection(EntryOf("b.bin", "invalid")), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto given, consents_.Of(repo));
  ASSERT_THAT(given, SizeIs(2));
  EXPECT_TRUE(given[0].is_objected && given[1].is_objected);
  EXPECT_EQ(given[0].grades, safety::Grades{safety::Grade::kPickle}) << "what was admitted before stays so";
  EXPECT_THAT(Admit(*Guard({}), "b.bin", "invalid"), HasReason("INVALID_CONTENT"));
}

TEST_F(PullGuardTest, AConfigurationThatNamesCodeIsWarnedOfAndNotRefused) {
  inspection_.grades = {{'x', safety::Grade::kCode}};
  const auto guard = Guard({});
  EXPECT_THAT(Admit(*guard, "config.json", "x"), HasReason("UNSAFE_CONTENT"));
  inspection_.code = "config-auto-map";
  EXPECT_THAT(Admit(*guard, "other.yaml", "x"), IsOk());
  EXPECT_FALSE(guard->WarningOf("other.yaml").empty());
}

TEST_F(PullGuardTest, AGlimpseRefusesAtOnceAndRemembersNothing) {
  struct Beginning final : safety::ByteSource {
    explicit Beginning(char byte) : first(byte) {}

    uint64_t size_bytes() const override { return 1 << 20; }

    absl::Status Read(uint64_t offset, std::span<char> out) override {
      if (offset + out.size() > 1) return absl::OutOfRangeError("not here yet");
      out[0] = first;
      return absl::OkStatus();
    }

    char first;
  };

  Beginning pickle('p');
  Beginning safe('s');
  EXPECT_THAT(Guard({})->AdmitGlimpse(EntryOf("a.bin", "p"), pickle), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Guard({})->AdmitGlimpse(EntryOf("a.bin", "s"), safe), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(verdicts_.Find(EntryOf("a.bin", "p").blob, "a.bin"), std::nullopt);
}

TEST_F(PullGuardTest, WhatIsNotVerifiedYetAndLooksInvalidMayBeDamaged) {
  safety::MemorySource invalid("i");
  safety::MemorySource pickle("p");
  const auto guard = Guard({});
  const auto one = guard->GuardOf({EntryOf("a.safetensors", "i")});
  EXPECT_THAT(one->Check(invalid, transfer::Arrived::kBeginning), IsOk());
  EXPECT_THAT(one->Check(invalid, transfer::Arrived::kWhole), HasReason("INVALID_CONTENT"));
  EXPECT_THAT(guard->GuardOf({EntryOf("a.bin", "p")})->Check(pickle, transfer::Arrived::kBeginning),
              HasReason("UNSAFE_CONTENT"));
}

TEST_F(PullGuardTest, ABlobWithTwoNamesIsJudgedUnderBoth) {
  inspection_.grades = {{'x', safety::Grade::kInvalid}};
  safety::MemorySource bytes("x");
  const auto guard = Guard(*MakeConsent({"invalid"}, false));
  ASSERT_THAT(guard->GuardOf({EntryOf("a.bin", "x"), EntryOf("a.safetensors", "x")})
                  ->Check(bytes, transfer::Arrived::kWhole),
              IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
  EXPECT_FALSE(guard->WarningOf("a.safetensors").empty());
}

// One file that is here, of a commit that has no other.
class Alone final : public safety::Snapshot {
 public:
  Alone(std::string path, std::string content) : path_(std::move(path)), content_(std::move(content)) {}

  std::optional<uint64_t> SizeBytes(std::string_view path) override {
    if (path != path_) return std::nullopt;
    return content_.size();
  }

  absl::StatusOr<std::unique_ptr<safety::ByteSource>> Open(std::string_view /*path*/) override {
    return std::make_unique<safety::MemorySource>(content_);
  }

 private:
  const std::string path_;
  const std::string content_;
};

TEST_F(PullGuardTest, WhatAFileSaysOfOthersIsRefusedAdmittedAndRecordedLikeAnythingElse) {
  Alone files("a.index", "gone");
  const Entry entry = EntryOf("a.index", "gone");
  const absl::Status refused = Guard({})->AdmitAmongOthers(entry, files);
  EXPECT_THAT(refused, HasReason("INVALID_CONTENT"));
  EXPECT_EQ(DetailsOf(refused).facts["code"], "fake-index");

  const auto guard = Guard(*MakeConsent({"invalid"}, false));
  EXPECT_THAT(guard->AdmitAmongOthers(entry, files), IsOk());
  EXPECT_THAT(guard->WarningOf("a.index"), HasSubstr("gone is missing"));
  EXPECT_THAT(Guard({})->AdmitAmongOthers(entry, files), IsOk()) << "the consent holds for the commit";
  EXPECT_THAT(Guard({}, '2')->AdmitAmongOthers(entry, files), HasReason("INVALID_CONTENT"));
}

TEST_F(PullGuardTest, AConsentToWhatAFileSaysOfOthersLeavesTheOneToItsContent) {
  inspection_.grades = {{'x', safety::Grade::kUnknown}};
  Alone files("a.index", "x");
  const auto guard = Guard(*MakeConsent({"invalid", "unknown"}, false));
  ASSERT_THAT(Admit(*guard, "a.index", "x"), IsOk());
  ASSERT_THAT(guard->AdmitAmongOthers(EntryOf("a.index", "x"), files), IsOk());
  EXPECT_THAT(guard->WarningOf("a.index"), ::testing::AllOf(HasSubstr("looks bad"), HasSubstr("x is")));

  EXPECT_THAT(Admit(*Guard({}), "a.index", "x"), IsOk());
  EXPECT_THAT(Guard({})->AdmitAmongOthers(EntryOf("a.index", "x"), files), IsOk());
}

}  // namespace
}  // namespace batuta::guard
