#include "daemon/safety/tensor/msgpack.h"

#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/formats/msgpack.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::MsgpackArray;
using formats::MsgpackBytes;
using formats::MsgpackExtension;
using formats::MsgpackMap;
using formats::MsgpackNdarray;
using formats::MsgpackNumber;
using formats::MsgpackText;

Verdict Inspect(std::string_view bytes) {
  return InspectWith(InspectMsgpack, bytes, "flax_model.msgpack");
}

std::string CodesWith(const std::string& value) {
  return CodesOf(Inspect(MsgpackMap({{"params", MsgpackMap({{"a", value}})}})));
}

TEST(Msgpack, NoAlarmOnThousandsOfValidFiles) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 3'000; ++i) {
    const std::string bytes = formats::RandomMsgpack(random);
    const Verdict verdict = Inspect(bytes);
    ASSERT_EQ(CodesOf(verdict), "") << verdict.findings.front().text;
    ASSERT_EQ(verdict.format, "msgpack");
    ASSERT_TRUE(IsMsgpack(bytes));
  }
}

TEST(Msgpack, TheArraysOfFlaxAreSafe) {
  EXPECT_EQ(CodesWith(MsgpackNdarray({2, 3}, "float32", std::string(24, 'w'))), "");
  EXPECT_EQ(CodesWith(MsgpackNdarray({}, "bfloat16", "ww")), "");
  EXPECT_EQ(CodesWith(MsgpackNdarray({70'000}, "int8", std::string(70'000, 'w'))), "");
  EXPECT_EQ(CodesWith(MsgpackExtension(3, MsgpackArray({MsgpackText("int32"), MsgpackBytes("wwww")}))), "");
  EXPECT_EQ(CodesWith(MsgpackExtension(
                3, MsgpackArray({MsgpackArray({}), MsgpackText("int32"), MsgpackBytes("wwww")}))),
            "");
}

TEST(Msgpack, RefusesAFileThatBreaksARule) {
  struct Broken {
    std::string_view code;
    std::string value;
  };

  const Broken broken[] = {
      {"msgpack-dtype", MsgpackNdarray({1}, "object", "wwwwwwww")},
      {"msgpack-dtype", MsgpackNdarray({1}, "float32,float32", "wwwwwwww")},
      {"msgpack-dtype", MsgpackNdarray({1}, std::string(100, 'f'), "wwww")},
      {"msgpack-array", MsgpackNdarray({2}, "float32", "wwww")},
      {"msgpack-array", MsgpackNdarray({uint64_t{1} << 62U, 4}, "int8", "")},
      {"msgpack-array", MsgpackNdarray({uint64_t{1} << 62U, 8, 0}, "int8", "")},
      {"msgpack-array", MsgpackExtension(1, MsgpackArray({MsgpackText("int32"), MsgpackBytes("wwww")}))},
      {"msgpack-array",
       MsgpackExtension(1, MsgpackArray({MsgpackNumber(1), MsgpackText("int8"), MsgpackBytes("w")}))},
      {"msgpack-array",
       MsgpackExtension(1, MsgpackArray({MsgpackArray({"\xff"}), MsgpackText("int8"), MsgpackBytes("w")}))},
      {"msgpack-array",
       MsgpackExtension(1, MsgpackArray({MsgpackArray({}), MsgpackText("int8"), MsgpackText("w")}))},
      {"msgpack-array",
       MsgpackExtension(1, MsgpackArray({MsgpackArray({}), MsgpackText("int8"), MsgpackBytes("w")}) + "x")},
      {"msgpack-array", MsgpackExtension(2, MsgpackArray({MsgpackNumber(1)}))},
      {"msgpack-array", MsgpackExtension(2, MsgpackArray({MsgpackText("1"), MsgpackNumber(1)}))},
      {"msgpack-extension", MsgpackExtension(4, "")},
      {"msgpack-extension", MsgpackExtension(-1, "time")},
      {"msgpack-broken", "\xc1"},
      {"msgpack-broken", "\xdd\xff\xff\xff\xff"},
      {"msgpack-broken", "\xdf\xff\xff\xff\xff"},
      {"msgpack-broken", "\xc6\xff\xff\xff\xff"},
      {"msgpack-broken", "\xc9\xff\xff\xff\xff\x01"},
      {"msgpack-broken", ""},
      {"msgpack-broken", "\x01\x02"},
      {"msgpack-key", std::string("\x81\x01\x02")},
      {"msgpack-key", MsgpackMap({{"\xff", "\x01"}})},
      {"msgpack-key", MsgpackMap({{"a", "\x01"}, {"b", "\x02"}, {"a", "\x03"}})},
      {"msgpack-key", MsgpackMap({{std::string(70'000, 'k'), "\x01"}})},
  };
  for (const Broken& each : broken) {
    EXPECT_EQ(CodesWith(each.value), each.code) << testing::PrintToString(each.value);
  }
  EXPECT_EQ(CodesOf(Inspect("")), "msgpack-broken");
  EXPECT_EQ(CodesOf(Inspect(MsgpackArray({}))), "msgpack-broken");
  EXPECT_EQ(CodesOf(Inspect(MsgpackMap({}) + "PK")), "msgpack-broken");
}

TEST(Msgpack, TheSameKeyInOtherMapsIsNotTwice) {
  const std::string inner = MsgpackMap({{"a", "\x01"}});
  EXPECT_EQ(CodesOf(Inspect(MsgpackMap({{"a", inner}, {"b", inner}}))), "");
}

TEST(Msgpack, DepthIsBounded) {
  std::string bytes = MsgpackMap({});
  for (int i = 0; i < 63; ++i) bytes = MsgpackMap({{"a", bytes}});
  EXPECT_EQ(CodesOf(Inspect(bytes)), "");
  EXPECT_EQ(CodesOf(Inspect(MsgpackMap({{"a", bytes}}))), "too-complex");
}

TEST(Msgpack, PrefixesAreRefusedAndAnyChangedByteGivesAnAnswer) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 8; ++i) {
    const std::string bytes = formats::RandomMsgpack(random);
    for (size_t size = 0; size < std::min<size_t>(bytes.size(), 400); ++size) {
      EXPECT_NE(CodesOf(Inspect(bytes.substr(0, size))), "");
      std::string changed = bytes;
      changed[size] = static_cast<char>(random());
      Inspect(changed);
    }
  }
}

TEST(Msgpack, ReadsOverTheNumbers) {
  const std::string bytes =
      MsgpackMap({{"a", MsgpackNdarray({8 << 20}, "int8", std::string(8 << 20, 'w'))}, {"b", "\x01"}});
  CountingSource source(bytes);
  EXPECT_EQ(CodesOf(InspectWith(InspectMsgpack, source).verdict), "");
  EXPECT_LE(source.read_bytes(), 256U << 10U);
}

}  // namespace
}  // namespace batuta::safety
