#include "daemon/pull/sparse_bytes.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::pull {
namespace {

using transport::ByteRange;

TEST(SparseBytesTest, SaysWhichBytesItNeeds) {
  SparseBytes bytes(100);
  std::string out(10, '\0');
  EXPECT_THAT(bytes.Read(5, out), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(bytes.missing(), (ByteRange{5, 15}));
  bytes.Add(0, std::string(10, 'a'));
  EXPECT_THAT(bytes.Read(5, out), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(bytes.missing(), (ByteRange{10, 15})) << "what is here is not asked for again";
  bytes.Add(10, std::string(5, 'b'));
  ASSERT_THAT(bytes.Read(5, out), IsOk());
  EXPECT_EQ(out, "aaaaabbbbb");
}

TEST(SparseBytesTest, GivesWhatWasAddedInAnyOrderAndOverlap) {
  std::mt19937 random(1);
  std::string content(1'000, '\0');
  for (char& c : content) c = static_cast<char>(random());
  for (int round = 0; round < 200; ++round) {
    SparseBytes bytes(content.size());
    std::vector<bool> is_here(content.size());
    for (int added = 0; added < 12; ++added) {
      const size_t begin = random() % content.size();
      const size_t length = 1 + random() % (content.size() - begin);
      bytes.Add(begin, content.substr(begin, length));
      for (size_t i = begin; i < begin + length; ++i) is_here[i] = true;
      const size_t from = random() % content.size();
      std::string out(1 + random() % (content.size() - from), '\0');
      bool wanted = true;
      for (size_t i = from; i < from + out.size(); ++i) wanted = wanted && is_here[i];
      ASSERT_EQ(bytes.Read(from, out).ok(), wanted);
      if (wanted) {
        ASSERT_EQ(out, content.substr(from, out.size()));
      }
    }
  }
}

}  // namespace
}  // namespace batuta::pull
