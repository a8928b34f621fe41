#include "daemon/service/measured_service.h"

#include <string>

#include <gmock/gmock.h>

#include "batuta/v1/job_service.pb.h"

namespace batuta::service {

namespace {

v1::StartPullRequest LockedPull(int files) {
  v1::StartPullRequest request;
  request.mutable_spec()->mutable_repo()->set_id("acme/otter");
  for (int i = 0; i < files; ++i) {
    v1::Entry* const entry = request.mutable_spec()->add_locked();
    entry->set_path("data/part-" + std::to_string(i) + ".parquet");
    entry->set_blob(std::string(64, 'a'));
    entry->set_size_bytes(1'000'000);
  }
  return request;
}

bool Fits(const std::string& data, uint64_t parts) {
  return HasAtMostParts(data, *v1::StartPullRequest::descriptor(), parts);
}

TEST(HasAtMostPartsTest, CountsFieldsAtEveryDepth) {
  // spec, repo, id; and for each file itself, path, size and blob
  const std::string data = LockedPull(5).SerializeAsString();
  EXPECT_TRUE(Fits(data, 3 + 5 * 4));
  EXPECT_FALSE(Fits(data, 3 + 5 * 4 - 1));
}

TEST(HasAtMostPartsTest, TheLargestPullThatIsAllowedFits) {
  const std::string data = LockedPull(50'000).SerializeAsString();
  EXPECT_LE(data.size(), LimitsOf("StartPull").bytes);
  EXPECT_TRUE(Fits(data, LimitsOf("StartPull").parts));
}

TEST(HasAtMostPartsTest, EmptyEntriesAndUnknownFieldsAreParts) {
  v1::StartPullRequest request;
  for (int i = 0; i < 1'000; ++i) request.mutable_spec()->add_locked();
  EXPECT_FALSE(Fits(request.SerializeAsString(), 1'000));
  std::string unknown;
  for (int i = 0; i < 1'000; ++i) unknown += "\xf8\x7f\x01";  // field 2047
  EXPECT_TRUE(Fits(unknown, 1'000));
  EXPECT_FALSE(Fits(unknown, 999));
}

TEST(HasAtMostPartsTest, WhatIsMalformedOrDeepEnds) {
  for (const std::string& data : {std::string(200, '\xff'), std::string("\x12\xff\xff\xff\xff\x0f"),
                                  std::string("\x12\x05"), std::string(500, '\x0b')}) {
    EXPECT_TRUE(Fits(data, 1'000));
  }
}

TEST(LimitsOfTest, OnlyWhatMayListFilesMayBeLarge) {
  EXPECT_GT(LimitsOf("PlanPull").bytes, LimitsOf("Resolve").bytes);
  EXPECT_GT(LimitsOf("StartPull").bytes, LimitsOf("Search").bytes);
}

}  // namespace

}  // namespace batuta::service
