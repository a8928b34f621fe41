#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/guard/fake_inspection.h"
#include "tests/unit/daemon/imports/import_fixture.h"

// What the guard keeps out. The fake inspection goes by the first byte: p is a pickle, m malicious, i
// invalid; an .index names other files, which begin with an s.
namespace batuta::imports {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ImportGuardTest : public CommitImportTest {
 protected:
  ImportGuardTest() { guard_ = &context_; }

  ImportSpec Allowing(std::vector<std::string> classes) const {
    ImportSpec spec = Spec();
    spec.allow_unsafe = std::move(classes);
    spec.who = {1000, "test"};
    return spec;
  }

  std::vector<guard::GivenConsent> Given() { return *consents_.Of(CacheWorld::Model("acme/otter")); }

  // Names of blobs that other tools could link.
  std::vector<std::string> Blobs() const {
    std::vector<std::string> blobs;
    for (const std::string& path : world_.files.Paths()) {
      if (path.find("/blobs/") != path.npos && !path.ends_with("/")) blobs.push_back(path);
    }
    return blobs;
  }

  guard::FakeInspection inspection_;
  guard::Verdicts verdicts_{world_.store, inspection_};
  guard::Consents consents_{world_.store};
  const guard::GuardContext context_{verdicts_, consents_, world_.clock};
};

TEST_F(ImportGuardTest, WhatIsUnsafeIsRefusedBeforeItHasAName) {
  for (const size_t bytes : {size_t{100}, size_t{900'000}}) {
    files_ = {{"model.safetensors", std::string(bytes, 'p')}};
    EXPECT_THAT(ImportAll(Spec()),
                AllOf(HasReason("UNSAFE_CONTENT"), HasMessage(HasSubstr("model.safetensors"))));
    ExpectNothingVisible();
    EXPECT_THAT(Blobs(), IsEmpty());
    EXPECT_THAT(Parts(), IsEmpty());
  }
}

TEST_F(ImportGuardTest, WhatIsInvalidIsToldFromWhatIsUnsafe) {
  files_ = {{"config.json", "safe"}, {"model.safetensors", "invalid"}};
  EXPECT_THAT(ImportAll(Spec()), HasReason("INVALID_CONTENT"));
  ExpectNothingVisible();
}

TEST_F(ImportGuardTest, WhatTheCallerAdmitsComesInAndIsRecorded) {
  files_ = {{"model.safetensors", "pickle"}};
  ASSERT_THAT(ImportAll(Allowing({"pickle"})), IsOk());
  ExpectAllVisible();
  ASSERT_THAT(Given(), SizeIs(1));
  EXPECT_EQ(Given()[0].who, (Principal{1000, "test"}));
  EXPECT_EQ(Given()[0].path, "model.safetensors");
}

TEST_F(ImportGuardTest, WhatDoesHarmNeedsAConsentOfItsOwn) {
  files_ = {{"model.safetensors", "malicious"}};
  ImportSpec spec = Allowing({"pickle", "code", "invalid", "unknown"});
  EXPECT_THAT(ImportAll(spec), HasReason("UNSAFE_CONTENT"));
  spec.allow_malicious = true;
  EXPECT_THAT(ImportAll(spec), IsOk());
}

TEST_F(ImportGuardTest, ABlobIsJudgedUnderEachOfItsNames) {
  inspection_.grades = {{'x', safety::Grade::kInvalid}};
  files_ = {{"a.json", "x"}, {"b.safetensors", "x"}};
  auto arrival = Begin(Allowing({"invalid"}));
  ASSERT_THAT(arrival, IsOk());
  ASSERT_THAT(Send(**arrival, files_[0]), IsOk());
  ASSERT_THAT((*arrival)->Finish(), IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
}

TEST_F(ImportGuardTest, APickleAndAProgramByNameAreRefusedBeforeTheFirstByte) {
  files_ = {{"pytorch_model.bin", "safe"}};
  EXPECT_THAT(Begin(Spec()), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(ImportAll(Allowing({"pickle"})), IsOk());
  files_ = {{"modeling.py", "safe"}};
  EXPECT_THAT(Begin(Spec()), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Begin(Allowing({"code"})), IsOk());
  EXPECT_THAT(Begin(Allowing({"cod"})), HasReason("INVALID_ARGUMENT"));
}

TEST_F(ImportGuardTest, WhatTheRepoHasIsNotInspectedAgain) {
  files_ = {{"config.json", "safe"}, {"model.safetensors", "safe weights"}};
  ASSERT_THAT(ImportAll(Spec()), IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
  ImportSpec next = Spec();
  next.commit = CacheWorld::Commit('4');
  ASSERT_THAT(ImportAll(next), IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
}

TEST_F(ImportGuardTest, WhatAnotherToolHasBroughtIsJudgedBeforeAnythingIsSent) {
  files_ = {{"model.safetensors", "pickle"}};
  world_.Bring("acme/otter", '2', {{"old.safetensors", "pickle"}}, /*is_main=*/false);
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  ImportSpec spec = Spec();
  spec.files[0].blob = *BlobId::Parse(CacheWorld::BlobName("pickle"));
  EXPECT_THAT(Begin(spec), HasReason("UNSAFE_CONTENT"));
  spec.repo = CacheWorld::Model("acme/stoat");
  EXPECT_THAT(Begin(spec), HasReason("UNSAFE_CONTENT")) << "as another repo has it";
  ExpectNothingVisible();
}

TEST_F(ImportGuardTest, FilesAreHeldAgainstEachOther) {
  files_ = {{"1.json", "safe"}, {"2.json", "other"}, {"m.index", "1.json 2.json"}};
  EXPECT_THAT(ImportAll(Spec()), AllOf(HasReason("INVALID_CONTENT"),
                                       HasMessage(AllOf(HasSubstr("m.index"), HasSubstr("2.json")))));
  ExpectNothingVisible();
  EXPECT_THAT(ImportAll(Allowing({"invalid"})), IsOk());
  ExpectAllVisible();
  EXPECT_THAT(Given(), SizeIs(1));
}

TEST_F(ImportGuardTest, WhatIsMissingIsWhatTheListingDoesNotHave) {
  const Named index{"m.index", "1.json 2.json"};
  const Named one{"1.json", "safe"};
  const Named two{"2.json", "other"};
  files_ = {index, one};
  ImportSpec spec = Spec();
  spec.tree = ListingOf(files_);
  EXPECT_THAT(ImportAll(spec), HasReason("INVALID_CONTENT"));
  ExpectNothingVisible();

  spec.tree = ListingOf({index, one, two});
  EXPECT_THAT(ImportAll(spec), IsOk()) << "it exists, and was not exported";
  spec.tree = "";
  spec.commit = CacheWorld::Commit('4');
  EXPECT_THAT(ImportAll(spec), IsOk()) << "nobody knows what the commit has";
}

}  // namespace
}  // namespace batuta::imports
