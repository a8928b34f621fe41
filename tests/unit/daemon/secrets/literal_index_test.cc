#include "daemon/secrets/literal_index.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

TEST(LiteralIndexTest, FindsEveryPlaceOfEveryLiteral) {
  const std::vector<LiteralIndex::Literal> literals = {{"ab_", false}, {"secret", true}, {"$(.*", false}};
  ASSERT_OK_AND_ASSIGN(const LiteralIndex index, LiteralIndex::Build(literals));
  ASSERT_OK_AND_ASSIGN(LiteralIndex::Scratch scratch, index.NewScratch());
  std::vector<std::pair<uint32_t, size_t>> found;
  const std::string text = "ab_ab_ AB_ SeCrEt $(.* $(xx";
  index.Find(text, scratch, [&](uint32_t literal, size_t end) { found.emplace_back(literal, end); });
  EXPECT_THAT(found, testing::UnorderedElementsAre(std::pair(0U, 3U), std::pair(0U, 6U), std::pair(1U, 17U),
                                                   std::pair(2U, 22U)));
}

}  // namespace
}  // namespace batuta::secrets
