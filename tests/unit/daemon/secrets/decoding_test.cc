#include "daemon/secrets/decoding.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/encoding.h"
#include "tests/support/archives/packed.h"
#include "tests/support/secrets/fake_secrets.h"

namespace batuta::secrets {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Decoded> AllIn(std::string_view text) {
  std::vector<Decoded> all;
  FindDecodable(text, {0, text.size()}, [&](Decoded decoded) { all.push_back(std::move(decoded)); });
  return all;
}

constexpr std::string_view kMessage = "the quick brown fox says: password = swordfish; and goes home";

TEST(DecodingTest, FindsTextInEveryCoding) {
  std::string wrapped = test::Base64(kMessage);
  wrapped.insert(44, "\n    ");
  for (const std::string& coded :
       {test::Base64(kMessage), test::Base64Url(kMessage), test::Hex(kMessage), test::Percent(kMessage),
        wrapped, test::Base64(test::Utf16(kMessage, false, false))}) {
    EXPECT_THAT(AllIn("before \"" + coded + "\" behind"),
                Contains(Field(&Decoded::text, HasSubstr(kMessage))))
        << coded;
  }
}

TEST(DecodingTest, TellsWhatIsCompressed) {
  const std::vector<Decoded> found = AllIn("x = " + test::Base64(test::Gzipped(kMessage)));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].is_packed);
}

TEST(DecodingTest, KnowsWhereEachByteCameFrom) {
  const std::string coded = test::Base64(kMessage);
  const std::string text = "line\n" + coded.substr(0, 44) + "\n" + coded.substr(44);
  const std::vector<Decoded> found = AllIn(text);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].OriginOf(0), 5U);
  EXPECT_EQ(found[0].OriginOf(30), 45U);  // 44 characters are 33 bytes; 40 characters in
  EXPECT_EQ(found[0].OriginOf(33), 50U);  // behind the line end
}

TEST(DecodingTest, BinaryDataAndWordsAreLeftAlone) {
  test::FakeSecrets fakes(1);
  for (int i = 0; i < 200; ++i) EXPECT_THAT(AllIn(fakes.Characters(2000, '6')), IsEmpty());
  EXPECT_THAT(AllIn("averyveryverylongidentifierthatgoesonandon_andon a/path/with/many/parts/in/it/and/more"),
              IsEmpty());
}

TEST(EncodingTest, KnowsUtf16ByItsMarkOrItsZeros) {
  EXPECT_EQ(ProbeUtf16(test::Utf16(kMessage, false, true)), false);
  EXPECT_EQ(ProbeUtf16(test::Utf16(kMessage, true, true)), true);
  EXPECT_EQ(ProbeUtf16(test::Utf16(kMessage, false, false)), false);
  EXPECT_EQ(ProbeUtf16(test::Utf16(kMessage, true, false)), true);
  EXPECT_EQ(ProbeUtf16(kMessage), std::nullopt);
  EXPECT_EQ(ProbeUtf16(std::string(64, '\0')), std::nullopt);
  EXPECT_EQ(Utf16ToUtf8(test::Utf16(kMessage, true, false), true), kMessage);
}

TEST(EncodingTest, TheMaskSaysOfEachByteWhetherItIsBase64) {
  for (size_t place = 0; place < kBase64MaskBytes; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes(kBase64MaskBytes, '.');
      bytes[place] = static_cast<char>(byte);
      const uint64_t wanted = IsBase64(static_cast<char>(byte)) ? uint64_t{1} << place : 0;
      ASSERT_EQ(Base64Mask(bytes.data()), wanted) << place << " " << byte;
    }
  }
}

TEST(DecodingTest, FindsWhatIsCodedAtEveryPlaceOfARunOfText) {
  // Runs before it, gaps and ends of the text at every distance: what is looked at as a whole begins
  // anywhere.
  const std::string coded = test::Base64("password = 'something'");
  for (size_t before = 0; before < 120; ++before) {
    for (const std::string_view gap : {" ", "..", "\n", "=\""}) {
      for (const size_t behind : {size_t{0}, size_t{1}, size_t{60}}) {
        const std::string text =
            std::string(before, 'k') + std::string(gap) + coded + std::string(behind, '.');
        std::vector<std::string> found;
        FindDecodable(text, {0, text.size()}, [&](const Decoded& decoded) { found.push_back(decoded.text); });
        EXPECT_THAT(found, testing::Contains("password = 'something'")) << before << gap << behind;
      }
    }
  }
}

}  // namespace
}  // namespace batuta::secrets
