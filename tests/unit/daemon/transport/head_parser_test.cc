#include "daemon/transport/head_parser.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::transport {
namespace {

using ::testing::Eq;
using ::testing::Optional;
using Step = HeadParser::Step;

// The last step of feeding all lines.
Step FeedAll(HeadParser& parser, const std::vector<std::string>& lines) {
  Step step = Step::kMore;
  for (const std::string& line : lines) {
    step = parser.Feed(line);
    if (step == Step::kTooLarge || step == Step::kMalformed) return step;
  }
  return step;
}

TEST(HeadParserTest, ReadsStatusLinesOfAllVersions) {
  EXPECT_THAT(ParseStatusLine("HTTP/1.1 200 OK"), Optional(Eq(200)));
  EXPECT_THAT(ParseStatusLine("HTTP/2 404"), Optional(Eq(404)));
  EXPECT_THAT(ParseStatusLine("http/1.0 503 "), Optional(Eq(503)));
  for (const char* line : {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 abc",
                           "HTTP/1.1 099 x", "ICY 200"}) {
    EXPECT_EQ(ParseStatusLine(line), std::nullopt) << line;
  }
}

TEST(HeadParserTest, CollectsFieldsUntilTheEmptyLine) {
  HeadParser parser;
  EXPECT_EQ(FeedAll(parser, {"HTTP/1.1 206 Partial\r\n", "ETag:\"x\"\r\n", "no colon\r\n", ": no name\r\n",
                             "Content-Length :  5 \r\n", "X-Empty:\r\n", "\r\n"}),
            Step::kComplete);
  EXPECT_EQ(parser.head().status, 206);
  ASSERT_EQ(parser.head().headers.size(), 3u);
  EXPECT_THAT(parser.head().Find("etag"), Optional(Eq("\"x\"")));
  EXPECT_THAT(parser.head().Find("Content-Length"), Optional(Eq("5")));
  EXPECT_THAT(parser.head().Find("X-Empty"), Optional(Eq("")));
}

TEST(HeadParserTest, ForgetsInterimAnswersAndDropsTrailers) {
  HeadParser parser;
  EXPECT_EQ(
      FeedAll(parser, {"HTTP/1.1 103 Hints\r\n", "Link: x\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "A: 1\r\n"}),
      Step::kMore);
  EXPECT_FALSE(parser.complete());
  EXPECT_EQ(parser.Feed("\r\n"), Step::kComplete);
  EXPECT_EQ(parser.Feed("X-Trailer: 1\r\n"), Step::kMore);
  EXPECT_TRUE(parser.complete());
  EXPECT_EQ(parser.head().headers.size(), 1u);
}

TEST(HeadParserTest, JoinsFoldedValues) {
  HeadParser parser;
  EXPECT_EQ(FeedAll(parser, {"HTTP/1.1 200 OK", " stray", "A:", "\t one", "  two ", ""}), Step::kComplete);
  EXPECT_THAT(parser.head().Find("A"), Optional(Eq("one two")));
}

TEST(HeadParserTest, BoundsLinesAndBytesOverAllHeads) {
  HeadParser many;
  many.Feed("HTTP/1.1 200 OK");
  for (size_t i = 0; i < HeadParser::kMaxHeaders; ++i) ASSERT_EQ(many.Feed("A: 1"), Step::kMore);
  EXPECT_EQ(many.Feed("A: 1"), Step::kTooLarge);

  HeadParser wide;
  wide.Feed("HTTP/1.1 200 OK");
  EXPECT_EQ(wide.Feed("A: " + std::string(HeadParser::kMaxBytes, 'x')), Step::kTooLarge);

  HeadParser interim;
  Step step = Step::kMore;
  int heads = 0;
  for (; step == Step::kMore && heads < 100'000; ++heads)
    step = FeedAll(interim, {"HTTP/1.1 100 Continue\r\n", "\r\n"});
  EXPECT_EQ(step, Step::kTooLarge);

  HeadParser trailing;
  FeedAll(trailing, {"HTTP/1.1 200 OK", ""});
  for (size_t i = 0; i < HeadParser::kMaxHeaders; ++i) ASSERT_EQ(trailing.Feed("T: 1"), Step::kMore);
  EXPECT_EQ(trailing.Feed("T: 1"), Step::kTooLarge);
}

TEST(HeadParserTest, RefusesWhatIsNotHttp) {
  HeadParser parser;
  EXPECT_EQ(parser.Feed("SSH-2.0-OpenSSH"), Step::kMalformed);
}

}  // namespace
}  // namespace batuta::transport
