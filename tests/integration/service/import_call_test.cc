#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batuta/v1/cache_service.grpc.pb.h"

#include "common/rpc/status_codec.h"
#include "tests/integration/service/service_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {
namespace {

const std::string kCommit(40, 'c');
constexpr char kBlob[] = "9e26dfeeb6e641a33dae4961196235bdb965b21b";  // of `{}`

v1::ImportRequest Header(const std::string& repo = "acme/otter", const std::string& commit = kCommit,
                         const std::string& path = "config.json", const std::string& blob = kBlob,
                         const std::string& ref = "main") {
  v1::ImportRequest part;
  v1::ImportHeader& header = *part.mutable_header();
  header.mutable_repo()->set_type(v1::REPO_TYPE_MODEL);
  header.mutable_repo()->set_id(repo);
  header.set_commit(commit);
  header.add_refs(ref);
  v1::Entry& file = *header.add_files();
  file.set_path(path);
  file.set_blob(blob);
  return part;
}

v1::ImportRequest Blob(uint64_t size_bytes) {
  v1::ImportRequest part;
  part.mutable_blob()->set_blob(kBlob);
  part.mutable_blob()->set_size_bytes(size_bytes);
  return part;
}

v1::ImportRequest Data(const std::string& bytes) {
  v1::ImportRequest part;
  part.set_data(bytes);
  return part;
}

class ImportCallTest : public ServiceFixture {
 protected:
  ImportCallTest() : stub_(v1::CacheService::NewStub(Connect())) {}

  absl::Status Import(const std::vector<v1::ImportRequest>& parts) {
    CallContext context;
    response_.Clear();
    const auto writer = stub_->Import(&context, &response_);
    for (const v1::ImportRequest& part : parts) {
      if (!writer->Write(part)) break;
    }
    writer->WritesDone();
    return FromGrpcStatus(writer->Finish());
  }

  bool IsHeld() {
    return inventory_->leases().Count(*RepoId::Parse(RepoType::kModel, "acme/otter"),
                                      *CommitId::Parse(kCommit)) > 0;
  }

  bool IsCached() {
    v1::ResolveRequest request;
    *request.mutable_repo() = Model("acme/otter");
    CallContext context;
    v1::ResolveResponse response;
    return stub_->Resolve(&context, request, &response).ok();
  }

  const std::unique_ptr<v1::CacheService::Stub> stub_;
  v1::ImportResponse response_;
};

TEST_F(ImportCallTest, TakesInACommitOnceAndFindsItTheSecondTime) {
  EXPECT_THAT(Import({Header(), Blob(2), Data("{"), Data("}")}), IsOk());
  EXPECT_EQ(response_.imported_files(), 1U);
  EXPECT_EQ(response_.imported_bytes(), 2U);
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(response_.snapshot_path()) / "config.json"));
  EXPECT_TRUE(IsCached());

  EXPECT_THAT(Import({Header()}), IsOk());
  EXPECT_EQ(response_.present_files(), 1U);
}

TEST_F(ImportCallTest, PartsOutOfOrderAreRefused) {
  EXPECT_THAT(Import({}), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(Import({v1::ImportRequest()}), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(Import({Blob(2)}), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(Import({Data("{}")}), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(Import({Header(), Header()}), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(Import({Header(), Data("{}")}), HasReason("INVALID_ARGUMENT"));
  EXPECT_FALSE(IsCached());
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(ImportCallTest, WhatIsMalformedIsRefused) {
  EXPECT_THAT(Import({Header("acme//otter")}), HasReason("INVALID_REPO_ID"));
  EXPECT_THAT(Import({Header("acme/otter", "main")}), HasReason("INVALID_REVISION"));
  EXPECT_THAT(Import({Header("acme/otter", kCommit, "../x")}), HasReason("INVALID_PATH"));
  EXPECT_THAT(Import({Header("acme/otter", kCommit, "x", "../x")}), HasReason("INVALID_ETAG"));
  EXPECT_THAT(Import({Header("acme/otter", kCommit, "x", kBlob, "../x")}), HasReason("INVALID_REVISION"));
  EXPECT_THAT(Import({Header("acme/otter", kCommit, "x", kBlob, kCommit)}), HasReason("INVALID_REVISION"));
}

TEST_F(ImportCallTest, WrongBytesAreRefused) {
  EXPECT_THAT(Import({Header(), Blob(2), Data("[]")}), HasReason("DIGEST_MISMATCH"));
  EXPECT_THAT(Import({Header(), Blob(2), Data("{")}), HasReason("DIGEST_MISMATCH"));
  EXPECT_THAT(Import({Header()}), HasReason("DIGEST_MISMATCH"));
  EXPECT_FALSE(IsCached());
}

TEST_F(ImportCallTest, WhatIsUnsafeComesInOnlyForACallerWhoAdmitsIt) {
  inspection_.grades = {{'{', safety::Grade::kMalicious}};
  v1::ImportRequest header = Header();
  header.mutable_header()->add_allow_unsafe("pickle");
  EXPECT_THAT(Import({header, Blob(2), Data("{}")}), HasReason("UNSAFE_CONTENT"));
  EXPECT_FALSE(IsCached());
  header.mutable_header()->add_allow_unsafe("all of them");
  EXPECT_THAT(Import({header}), HasReason("INVALID_ARGUMENT"));
  header.mutable_header()->clear_allow_unsafe();
  header.mutable_header()->set_allow_malicious(true);
  EXPECT_THAT(Import({header, Blob(2), Data("{}")}), IsOk());
  EXPECT_TRUE(IsCached());

  const auto given = consents_.Of(*RepoId::Parse(RepoType::kModel, "acme/otter"));
  ASSERT_THAT(given, IsOk());
  ASSERT_EQ(given->size(), 1U);
  EXPECT_EQ(given->front().who.uid, kOwner);
}

TEST_F(ImportCallTest, ACallerWhoLeavesLeavesNothing) {
  // Often, since the call may end while a part of it is being dealt with, or between two.
  for (size_t pieces = 0; pieces < 100; ++pieces) {
    v1::ImportResponse response;
    CallContext context;
    const auto writer = stub_->Import(&context, &response);
    EXPECT_TRUE(writer->Write(Header()));
    EXPECT_TRUE(writer->Write(Blob(5'000'000)));
    for (size_t i = 0; i < pieces % 10; ++i) EXPECT_TRUE(writer->Write(Data(std::string(100'000, 'x'))));
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
    EXPECT_TRUE(WaitUntil([this] { return !IsHeld(); })) << "what was begun is put away";
  }
  EXPECT_TRUE(HasNoCalls());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cache_->root())) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
  EXPECT_FALSE(IsCached());
}

TEST_F(ImportCallTest, AStopEndsIt) {
  CallContext context;
  v1::ImportResponse response;
  const auto writer = stub_->Import(&context, &response);
  ASSERT_TRUE(writer->Write(Header()));
  ASSERT_TRUE(WaitUntil([this] { return calls_.running() == 1; }));

  EXPECT_TRUE(StopServing());

  EXPECT_THAT(FromGrpcStatus(writer->Finish()), HasReason("DAEMON_STOPPING"));
}

}  // namespace
}  // namespace batuta::service
