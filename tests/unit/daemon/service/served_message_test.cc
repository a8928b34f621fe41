#include "daemon/service/served_message.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {
namespace {

constexpr size_t kLarge = 300'000;

std::string Bytes(size_t size) {
  std::string bytes(size, ' ');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 250);
  return bytes;
}

v1::ServeFolderRequest Answer(size_t data_bytes) {
  v1::ServeFolderRequest answer;
  answer.set_number(1'234'567);
  answer.set_error_number(5);
  answer.set_handle(~uint64_t{0});
  answer.add_entries()->set_name("weights.safetensors");
  answer.mutable_entries(0)->set_size_bytes(1ULL << 40U);
  answer.set_data(Bytes(data_bytes));
  return answer;
}

// As it may arrive: in pieces that `length` gives.
template <typename Length>
grpc::ByteBuffer Cut(std::string_view message, Length length) {
  std::vector<grpc::Slice> pieces;
  while (!message.empty()) {
    const size_t size = std::min<size_t>(message.size(), length());
    pieces.emplace_back(message.data(), size);
    message.remove_prefix(size);
  }
  return {pieces.data(), pieces.size()};
}

grpc::ByteBuffer Whole(std::string_view message) {
  return Cut(message, [&] { return message.size(); });
}

void ExpectSame(const absl::StatusOr<ServedMessage>& parsed, v1::ServeFolderRequest answer) {
  ASSERT_THAT(parsed, IsOk());
  EXPECT_TRUE(parsed->data == answer.data());
  answer.clear_data();
  EXPECT_EQ(parsed->fields.SerializeAsString(), answer.SerializeAsString());
}

TEST(ServedMessageTest, IsWhatWasSentHoweverItIsCut) {
  std::minstd_rand random(7);
  for (const size_t data_bytes : {size_t{0}, size_t{1}, size_t{100}, kLarge}) {
    const v1::ServeFolderRequest answer = Answer(data_bytes);
    const std::string message = answer.SerializeAsString();
    for (const size_t most : {size_t{3}, size_t{2'000}, size_t{70'000}, size_t{1'000'000}}) {
      grpc::ByteBuffer buffer = Cut(message, [&] { return 1 + random() % most; });
      ExpectSame(ParseServedMessage(buffer), answer);
    }
  }
}

TEST(ServedMessageTest, TheBytesOutliveTheBuffer) {
  absl::StatusOr<ServedMessage> parsed;
  {
    const std::string message = Answer(kLarge).SerializeAsString();
    grpc::ByteBuffer buffer = Whole(message);
    parsed = ParseServedMessage(buffer);
  }
  ExpectSame(parsed, Answer(kLarge));
}

// Fields may come in any order and more than once: the last one counts.
TEST(ServedMessageTest, FieldsMayComeInAnyOrder) {
  v1::ServeFolderRequest data;
  data.set_data(Bytes(kLarge));
  v1::ServeFolderRequest rest = Answer(0);
  rest.clear_data();
  v1::ServeFolderRequest other;
  other.set_data("what was before");
  const std::string message = other.SerializeAsString() + data.SerializeAsString() + rest.SerializeAsString();
  grpc::ByteBuffer buffer = Whole(message);
  ExpectSame(ParseServedMessage(buffer), Answer(kLarge));
}

TEST(ServedMessageTest, FieldsOfLaterVersionsArePassedOver) {
  std::string message = Answer(kLarge).SerializeAsString();
  message += std::string("\xa0\x06\x05", 3);  // 100: a number
  message += std::string(
      "\xa1\x06"
      "12345678",
      10);  // 100: eight bytes
  message += std::string(
      "\xa5\x06"
      "1234",
      6);  // 100: four bytes
  message += std::string(
      "\xa2\x06\x03"
      "abc",
      6);  // 100: a string
  grpc::ByteBuffer buffer = Whole(message);
  const absl::StatusOr<ServedMessage> parsed = ParseServedMessage(buffer);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_TRUE(parsed->data == Bytes(kLarge));
  EXPECT_EQ(parsed->fields.number(), 1'234'567u);
}

TEST(ServedMessageTest, WhatIsNoMessageIsRefused) {
  const std::string whole = Answer(kLarge).SerializeAsString();
  std::vector<std::string> bad = {std::string("\x3a\xff\xff\xff\xff\x0f", 6), "\x3a\x05xyz",
                                  std::string("\x00\x01", 2), "\x0f", "\xff\xff\xff\xff\xff\xff"};
  bad.push_back(whole.substr(0, whole.size() - 1));
  for (const std::string& message : bad) {
    grpc::ByteBuffer buffer = Whole(message);
    EXPECT_THAT(ParseServedMessage(buffer), HasReason(reason::kInvalidArgument))
        << testing::PrintToString(message.substr(0, 20));
  }
}

// Whatever comes, it is read as the protocol's own parser reads it.
TEST(ServedMessageTest, DamagedMessagesAreReadAsTheirOwnParserReadsThem) {
  std::minstd_rand random(11);
  const std::string whole = Answer(40).SerializeAsString();
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string message = whole;
    for (int change = 0; change < 1 + round % 3; ++change)
      message[random() % message.size()] = static_cast<char>(random());
    message.resize(message.size() - random() % 3);
    v1::ServeFolderRequest expected;
    const bool is_good = expected.ParseFromString(message);
    grpc::ByteBuffer buffer = Cut(message, [&] { return 1 + random() % 20; });
    const absl::StatusOr<ServedMessage> parsed = ParseServedMessage(buffer);
    ASSERT_EQ(parsed.ok(), is_good) << testing::PrintToString(message);
    if (is_good) ExpectSame(parsed, expected);
    refused += is_good ? 0 : 1;
  }
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace batuta::service
