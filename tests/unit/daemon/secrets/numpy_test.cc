#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/numpy_header.h"
#include "daemon/secrets/scanner.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

using testing::Eq;
using testing::Optional;

std::string Dictionary(std::string_view type, std::string_view shape) {
  return fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}, }}", type, shape);
}

// An array as NumPy writes it; version 1 tells the length in two bytes.
std::string Array(std::string dictionary, std::string_view data, char version = 1) {
  const size_t before = version == 1 ? 10 : 12;
  while ((before + dictionary.size() + 1) % 64 != 0) dictionary += ' ';
  dictionary += '\n';
  std::string file("\x93NUMPY", 6);
  file += version;
  file += '\0';
  for (size_t i = 0; i < before - 8; ++i) file += static_cast<char>(dictionary.size() >> (8 * i));
  return file + dictionary + std::string(data);
}

TEST(NumpyHeaderTest, NumbersAreCounted) {
  EXPECT_THAT(NumpyDataBytes(Dictionary("'<f4'", "(3, 4)") + "   \n"), Optional(Eq(48U)));
  EXPECT_THAT(NumpyDataBytes(Dictionary("'>i8'", "(7,)")), Optional(Eq(56U)));
  EXPECT_THAT(NumpyDataBytes(Dictionary("'<c16'", "()")), Optional(Eq(16U)));
  EXPECT_THAT(NumpyDataBytes(Dictionary("'<u2'", "(5, 0, 2)")), Optional(Eq(0U)));
  EXPECT_THAT(NumpyDataBytes("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 2), }"), Optional(Eq(8U)));
}

TEST(NumpyHeaderTest, WhatMayHoldTextIsNoNumber) {
  for (const std::string_view type :
       {"'|O'", "'<U8'", "'|S8'", "'|V8'", "'|u1'", "'|i1'", "'|b1'", "'<u1'", "'<V4'", "'<M8[ns]'", "'<f'",
        "'<f4x'", "'f4'", "'=f4'", "'<f99'", "[('a', '<f4')]", "[('note', '<U8'), ('x', '<f4')]", "'<f4"}) {
    EXPECT_EQ(NumpyDataBytes(Dictionary(type, "(2,)")), std::nullopt) << type;
  }
}

TEST(NumpyHeaderTest, OnlyWhatNumpyWritesIsAHeader) {
  for (const std::string_view shape :
       {"(2", "(-1,)", "(,)", "(2,,)", "(2;3)", "(2, )", "2", "[2]", "(2, 3,)", "(x,)",
        "(99999999999999999999,)", "(4294967296, 4294967296, 4294967296)", "(2305843009213693952, 4)"}) {
    EXPECT_EQ(NumpyDataBytes(Dictionary("'<f8'", shape)), std::nullopt) << shape;
  }
  const std::string good = Dictionary("'<f8'", "(2,)");
  ASSERT_TRUE(NumpyDataBytes(good).has_value());
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(NumpyDataBytes(good.substr(0, size)), std::nullopt) << size;
  EXPECT_EQ(NumpyDataBytes(" " + good), std::nullopt);
  EXPECT_EQ(NumpyDataBytes(good + " # a comment"), std::nullopt);
  EXPECT_EQ(NumpyDataBytes(good.substr(0, good.size() - 1) + "'note': 'x', }"), std::nullopt);
}

class NumpyScanTest : public testing::Test {
 protected:
  size_t Findings(std::string_view bytes, std::string_view path = "a.npy") {
    absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn());
    EXPECT_THAT(scanner, IsOk());
    safety::MemorySource source(bytes);
    const absl::StatusOr<ScanReport> report = scanner->Scan(path, source);
    EXPECT_THAT(report, IsOk());
    return report->findings.size();
  }

  test::FakeSecrets fakes_{21};
  // 40 bytes: ten numbers of four.
  std::string text_ = " " + fakes_.Of("hf-token").secret + "  ";
};

TEST_F(NumpyScanTest, NumbersArePassedOverByStructureAlone) {
  ASSERT_EQ(text_.size(), 40U);
  for (const char version : {'\1', '\2', '\3'}) {
    EXPECT_EQ(Findings(Array(Dictionary("'<f4'", "(10,)"), text_, version)), 0U);
    EXPECT_EQ(Findings(Array(Dictionary("'<f4'", "(2, 5)"), text_, version), "whatever.bin"), 0U);
  }
}

TEST_F(NumpyScanTest, EverythingElseIsReadToItsEnd) {
  for (const std::string& file :
       {Array(Dictionary("'|S40'", "(1,)"), text_), Array(Dictionary("'|u1'", "(40,)"), text_),
        Array(Dictionary("'|V40'", "()"), text_), Array(Dictionary("'|O'", "(1,)"), text_),
        Array(Dictionary("[('a', '<f4'), ('b', '|S36')]", "(1,)"), text_),
        Array(Dictionary("'<f4'", "(9,)"), text_),      // more than it says
        Array(Dictionary("'<f4'", "(11,)"), text_),     // less
        Array(Dictionary("'<f4'", "(10,)"), text_, 4),  // no version of NumPy's
        Array(Dictionary("'<f4'", "(0,)"), text_),      // all of it trails
        Array(Dictionary("'<f4'", "(10,)"), text_) + '\0'}) {
    EXPECT_EQ(Findings(file), 1U) << file.substr(10, 70);
  }
}

TEST_F(NumpyScanTest, TheHeaderIsReadToo) {
  const std::string lie = Dictionary("'<f4'", "(10,)") + "#" + text_;
  EXPECT_EQ(Findings(Array(lie, std::string(40, '\0'))), 1U);
  // A length that takes the header beyond the file.
  std::string cut = Array(Dictionary("'<f4'", "(10,)"), text_);
  cut[9] = '\x7F';
  EXPECT_EQ(Findings(cut), 1U);
}

}  // namespace
}  // namespace batuta::secrets
