#include "daemon/safety/graph/sentencepiece.h"

#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/formats/protobuf.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::FloatField;
using formats::VarintField;

std::string Piece(std::string_view text, uint64_t kind) {
  return BytesField(1, BytesField(1, text) + FloatField(2, -1.5F) + VarintField(3, kind));
}

std::string Plain() {
  return Piece("<unk>", 2) + Piece("</s>", 3) + Piece("\xe2\x96\x81the", 1) + Piece("<0x0A>", 6) +
         BytesField(2, BytesField(1, "corpus.txt") + VarintField(3, 2)) +
         BytesField(3, BytesField(1, "nmt_nfkc")) + BytesField(5, "");
}

std::string CodesOfModel(std::string_view bytes) {
  return CodesOf(InspectWith(InspectSentencePiece, bytes, "tokenizer.model"));
}

TEST(SentencePiece, AModelIsSafe) {
  const Verdict verdict = InspectWith(InspectSentencePiece, Plain(), "tokenizer.model");
  EXPECT_EQ(CodesOf(verdict), "");
  EXPECT_EQ(verdict.format, "sentencepiece");
  EXPECT_TRUE(IsSentencePiece(Plain()));
}

TEST(SentencePiece, AnythingElseIsRefused) {
  const std::string broken[] = {
      "",
      BytesField(2, ""),
      Plain() + BytesField(6, ""),
      Plain() + VarintField(1, 3),
      Plain() + "PK",
      Plain() + BytesField(2, "\xff"),
      Plain() + Piece("", 1),
      Plain() + Piece("\xff", 1),
      Plain() + Piece("x", 7),
      Plain() + BytesField(1, FloatField(2, 1)),
      Plain() + BytesField(1, BytesField(1, "a") + BytesField(1, "b")),
      Plain() + BytesField(1, BytesField(1, "a") + BytesField(4, "b")),
      Plain() + Piece(std::string(100'000, 'x'), 1),
  };
  for (const std::string& bytes : broken) {
    EXPECT_EQ(CodesOfModel(bytes), "sentencepiece-broken") << testing::PrintToString(bytes.substr(0, 300));
  }
}

TEST(SentencePiece, AnyChangedByteGivesAnAnswer) {
  const std::string bytes = Plain();
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(byte);
      CodesOfModel(changed);
    }
  }
}

}  // namespace
}  // namespace batuta::safety
