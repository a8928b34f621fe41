#include "daemon/safety/graph/protobuf_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/protobuf.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::FloatField;
using formats::Varint;
using formats::VarintField;
using ::testing::ElementsAre;

TEST(ProtobufReader, GivesFieldsInTheirOrderAndPassesOverWhatIsNotEntered) {
  const std::string bytes = VarintField(1, 300) + BytesField(2, "name") +
                            BytesField(3, std::string(200'000, 'x')) + FloatField(4, 1.5F) +
                            std::string("\x29", 1) + std::string(8, '\x01') + VarintField(15, ~uint64_t{0});
  MemorySource source(bytes);
  ProtobufReader reader(source);
  std::vector<uint32_t> numbers;
  std::vector<uint64_t> values;
  std::string name;
  ProtobufReader::Field field;
  while (reader.Next(field)) {
    numbers.push_back(field.number);
    if (field.is_varint()) values.push_back(field.value);
    if (field.number == 2) {
      EXPECT_TRUE(reader.Text(3, name));
    }
  }
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5, 15));
  EXPECT_THAT(values, ElementsAre(300, ~uint64_t{0}));
  EXPECT_EQ(name, "nam");
  EXPECT_TRUE(reader.complete());
}

TEST(ProtobufReader, EntersMessagesAndLeavesThemEarly) {
  const std::string inner = VarintField(1, 7) + BytesField(2, "rest");
  const std::string bytes = BytesField(1, BytesField(1, inner) + VarintField(9, 1)) + VarintField(2, 5) +
                            BytesField(3, Varint(1) + Varint(1'000'000));
  MemorySource source(bytes);
  ProtobufReader reader(source);
  ProtobufReader::Field field;
  ASSERT_TRUE(reader.Next(field) && reader.Enter());
  ASSERT_TRUE(reader.Next(field) && reader.Enter());
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.value, 7U);
  EXPECT_EQ(reader.depth(), 2U);
  reader.Leave();
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.number, 9U);
  EXPECT_FALSE(reader.Next(field));
  EXPECT_FALSE(reader.complete());
  reader.Leave();
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.value, 5U);
  ASSERT_TRUE(reader.Next(field) && reader.Enter());
  std::vector<uint64_t> packed;
  for (uint64_t value = 0; reader.NextVarint(value);) packed.push_back(value);
  EXPECT_THAT(packed, ElementsAre(1, 1'000'000));
  reader.Leave();
  EXPECT_FALSE(reader.Next(field));
  EXPECT_TRUE(reader.complete());
}

TEST(ProtobufReader, StopsAtWhatLibrariesReadInDifferentWays) {
  const std::string broken[] = {
      std::string(1, '\x00') + Varint(1),                               // field 0
      Varint(uint64_t{1} << 33U) + Varint(1),                           // a tag beyond 32 bits
      std::string("\x0b\x0c"),                                          // a group
      std::string("\x0e"),                                              // a kind that does not exist
      std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),      // 65 bits
      std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // eleven bytes
      std::string("\x08"),                                              // no number
      std::string("\x08\x80"),                                          // half a number
      std::string("\x0a\x05xyz"),                                       // longer than the source
      std::string("\x0dxyz"),                                           // three bytes of four
      std::string("\x09xyzxyzx"),                                       // seven bytes of eight
  };
  for (const std::string& bytes : broken) {
    MemorySource source(bytes);
    ProtobufReader reader(source);
    ProtobufReader::Field field;
    EXPECT_FALSE(reader.Next(field)) << testing::PrintToString(bytes);
    EXPECT_NE(reader.problem(), "");
    EXPECT_FALSE(reader.complete());
    EXPECT_FALSE(reader.Next(field) || reader.Enter());
  }
}

TEST(ProtobufReader, APartMayNotGoBeyondTheMessageAroundIt) {
  const std::string bytes = BytesField(1, "\x12\x05xyz") + BytesField(3, "more");
  MemorySource source(bytes);
  ProtobufReader reader(source);
  ProtobufReader::Field field;
  ASSERT_TRUE(reader.Next(field) && reader.Enter());
  EXPECT_FALSE(reader.Next(field));
  EXPECT_NE(reader.problem(), "");
}

TEST(ProtobufReader, NestsAsDeeplyAsTheLibrariesDo) {
  std::string bytes;
  for (size_t i = 0; i <= ProtobufReader::kMostDepth; ++i) bytes = BytesField(1, bytes);
  MemorySource source(bytes);
  ProtobufReader reader(source);
  ProtobufReader::Field field;
  for (size_t i = 0; i < ProtobufReader::kMostDepth; ++i) ASSERT_TRUE(reader.Next(field) && reader.Enter());
  ASSERT_TRUE(reader.Next(field));
  EXPECT_FALSE(reader.Enter());
  EXPECT_NE(reader.problem(), "");
}

}  // namespace
}  // namespace batuta::safety
