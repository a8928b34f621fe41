#include "daemon/safety/graph/checkpoint_index.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "tests/support/formats/level_table.h"
#include "tests/support/formats/protobuf.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::LevelBlock;
using formats::LevelTable;
using formats::Varint;
using formats::VarintField;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kTensor =
    VarintField(1, 1) + BytesField(2, BytesField(2, VarintField(1, 4))) + VarintField(5, 16);

TEST(CheckpointIndex, TablesOfTensorsAreSafe) {
  // The second key repeats the first two letters of the one before.
  const std::string shared = Varint(0) + Varint(3) + Varint(kTensor.size()) + "w/a" + kTensor + Varint(2) +
                             Varint(1) + Varint(kTensor.size()) + "b" + kTensor +
                             std::string("\0\0\0\0\1\0\0\0", 8);
  for (const std::string& table : {LevelTable({LevelBlock({{"", VarintField(1, 1)}, {"w", kTensor}})}),
                                   LevelTable({}), LevelTable({LevelBlock({{"a", kTensor}}), shared})}) {
    const Verdict verdict = InspectWith(InspectCheckpointIndex, table);
    EXPECT_THAT(Codes(verdict), IsEmpty()) << (verdict.findings.empty() ? "" : verdict.findings[0].text);
    EXPECT_EQ(verdict.format, "tensorflow checkpoint index");
  }
}

TEST(CheckpointIndex, WhatIsNoTableIsRefused) {
  const std::string tables[] = {
      "",
      "PK\3\4 and no table at all, but for its length of more than 48 bytes",
      LevelTable({LevelBlock({{"w", "no message"}})}),
      LevelTable({LevelBlock({{"w", BytesField(9, "more")}})}),
      LevelTable({std::string("\0\5\1key\0\0\0\0\1\0\0\0", 14)}),
      LevelTable({LevelBlock({})}, "#!/bin/sh\n"),
      LevelTable({LevelBlock({})}) + "x",
  };
  for (const std::string& table : tables) {
    EXPECT_THAT(Codes(InspectWith(InspectCheckpointIndex, table)),
                ElementsAre(rules::kCheckpointInvalid.code))
        << testing::PrintToString(table);
  }
  EXPECT_THAT(Codes(InspectWith(InspectCheckpointIndex, LevelTable({LevelBlock({})}, "", '\1'))),
              ElementsAre(rules::kCheckpointUnsupported.code));
}

TEST(CheckpointIndex, EveryDamageIsAnswered) {
  ExpectEveryDamageIsAnswered(InspectCheckpointIndex,
                              LevelTable({LevelBlock({{"a", kTensor}, {"b", kTensor}})}));
}

}  // namespace
}  // namespace batuta::safety
