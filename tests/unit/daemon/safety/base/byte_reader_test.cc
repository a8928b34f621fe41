#include "daemon/safety/base/byte_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta::safety {
namespace {

// Bytes of which only a first part is here.
class Beginning final : public ByteSource {
 public:
  Beginning(std::string_view here, uint64_t size_bytes) : here_(here), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    if (offset + out.size() > here_.size()) return absl::OutOfRangeError("not here yet");
    here_.copy(out.data(), out.size(), offset);
    return absl::OkStatus();
  }

 private:
  std::string_view here_;
  uint64_t size_bytes_;
};

std::string Numbered(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

TEST(ByteReader, ReadsAcrossItsBufferAndSeeksBothWays) {
  const std::string bytes = Numbered(3 * ByteReader::kBufferBytes + 5);
  MemorySource source(bytes);
  ByteReader reader(source);
  std::string read;
  ASSERT_TRUE(reader.Append(ByteReader::kBufferBytes - 3, read));
  uint64_t across = 0;
  ASSERT_TRUE(reader.Next(across));
  read.append(reinterpret_cast<const char*>(&across), sizeof across);
  ASSERT_TRUE(reader.Append(reader.left_bytes(), read));
  EXPECT_EQ(read, bytes);
  EXPECT_TRUE(reader.at_end());
  ASSERT_TRUE(reader.Seek(7));
  uint8_t byte = 0;
  ASSERT_TRUE(reader.Next(byte));
  EXPECT_EQ(byte, 7);
}

TEST(ByteReader, SaysThatTheBytesEndedAndStaysWhereItWas) {
  MemorySource source("abc");
  ByteReader reader(source);
  ASSERT_TRUE(reader.Skip(1));
  uint32_t word = 0;
  EXPECT_FALSE(reader.Next(word));
  EXPECT_EQ(reader.offset(), 1U);
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(reader.status().ok());
  uint8_t byte = 0;
  EXPECT_FALSE(reader.Next(byte)) << "a parser that tests late must not go on in the middle";
}

TEST(ByteReader, TakesWhatIsHereOfASourceThatHasOnlyItsBeginning) {
  const std::string here = Numbered(100);
  Beginning source(here, 1 << 20);
  ByteReader reader(source);
  uint64_t number = 0;
  ASSERT_TRUE(reader.Next(number));
  EXPECT_EQ(reader.Peek(50), here.substr(8, 50));
  ASSERT_TRUE(reader.Skip(90));
  EXPECT_TRUE(reader.Peek(8).empty());
  EXPECT_TRUE(absl::IsOutOfRange(reader.status()));
}

TEST(PartSource, GivesTheBytesOfItsPart) {
  MemorySource whole("0123456789");
  PartSource part(whole, 3, 4);
  ByteReader reader(part);
  EXPECT_EQ(reader.Peek(100), "3456");
}

}  // namespace
}  // namespace batuta::safety
