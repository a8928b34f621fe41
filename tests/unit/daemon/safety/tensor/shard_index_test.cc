#include "daemon/safety/tensor/shard_index.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/safetensors.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::Safetensors;
using ::testing::AllOf;
using ::testing::HasSubstr;

TensorNames Names(std::initializer_list<std::string_view> names) {
  TensorNames all;
  for (const std::string_view name : names) all.Add(name);
  return all;
}

// A model in two files.
class ShardIndexTest : public testing::Test {
 protected:
  Verdict Inspect(std::string_view index) {
    MemorySource source(index);
    Report report;
    Subject subject("model.safetensors.index.json", source, report, nullptr);
    EXPECT_TRUE(InspectShardIndex(subject, [this](std::string_view file) {
                  asked_.emplace_back(file);
                  const auto found = shards_.find(file);
                  return found == shards_.end() ? Shard() : found->second;
                }).ok());
    return std::move(report).Take();
  }

  TensorNames first_ = Names({"a", "b"});
  TensorNames second_ = Names({"c"});
  std::map<std::string, Shard, std::less<>> shards_ = {
      {"1.safetensors", {Shard::State::kSafetensors, &first_}},
      {"2.safetensors", {Shard::State::kSafetensors, &second_}},
      {"x.bin", {Shard::State::kOther, nullptr}},
      {"later.safetensors", {Shard::State::kUnread, nullptr}},
  };
  std::vector<std::string> asked_;
};

TEST_F(ShardIndexTest, EveryTensorIsInItsFile) {
  const Verdict verdict = Inspect(
      R"({"metadata":{"total_size":12,"weight_map":{"q":"no.bin"}},"weight_map":{"a":"1.safetensors","b":"1.safetensors",)"
      R"("c":"2.safetensors","d":"later.safetensors"}})");
  EXPECT_EQ(CodesOf(verdict), "");
  EXPECT_THAT(asked_, testing::ElementsAre("1.safetensors", "2.safetensors", "later.safetensors"));
}

TEST_F(ShardIndexTest, SaysWhatIsMissing) {
  EXPECT_EQ(CodesOf(Inspect(R"({"weight_map":{"a":"3.safetensors","b":"3.safetensors"}})")),
            "index-missing-file");
  EXPECT_EQ(CodesOf(Inspect(R"({"weight_map":{"a":"x.bin","b":"x.bin"}})")), "index-other-format");
  const Verdict verdict = Inspect(R"({"weight_map":{"a":"1.safetensors","c":"1.safetensors"}})");
  EXPECT_EQ(CodesOf(verdict), "index-missing-tensor");
  EXPECT_THAT(verdict.findings.at(0).text, AllOf(HasSubstr("\"c\""), HasSubstr("\"1.safetensors\"")));
}

TEST_F(ShardIndexTest, RefusesWhatIsNoIndex) {
  for (const std::string_view bytes :
       {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":"a"})", R"({"weight_map":{"a":1}})",
        R"({"weight_map":{"a":{"b":"c"}}})", R"({"weight_map":{"a":"1.safetensors"})",
        R"({"weight_map":{}}x)", R"({"weight_map":{"a":"1.safetensors","a":"1.safetensors"}})"}) {
    EXPECT_EQ(CodesOf(Inspect(bytes)), "index-broken") << bytes;
  }
}

TEST(TensorNamesTest, AreReadFromTheHeader) {
  const std::string bytes = Safetensors(
      R"({"__metadata__":{"a":"b"},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0079":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
      1);
  CountingSource source(std::string_view(bytes).substr(0, bytes.size() - 1), bytes.size());
  const auto names = ReadTensorNames(source);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(names->size(), 2U);
  EXPECT_TRUE(names->Contains("x") && names->Contains("y"));
  EXPECT_FALSE(names->Contains("a") || names->Contains("__metadata__"));
  for (const std::string& other : {std::string(), std::string("PK\3\4\0\0\0\0\0"), Safetensors("[]", 0),
                                   Safetensors("{\"a\":", 0), Safetensors("{", 0)}) {
    MemorySource broken(other);
    EXPECT_TRUE(absl::IsDataLoss(ReadTensorNames(broken).status())) << other;
  }
}

}  // namespace
}  // namespace batuta::safety
