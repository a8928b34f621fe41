#include "daemon/safety/pickle/npy.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/pickle.h"
#include "tests/unit/daemon/safety/pickle/verdicts.h"

namespace batuta::safety {
namespace {

using namespace formats::pickle;  // NOLINT: the tests below are written in it
using testing::Contains;
using testing::ElementsAre;

std::string Npy(std::string_view header, std::string_view data, int major = 1) {
  return "\x93NUMPY" + Little(static_cast<uint64_t>(major), 1) + Little(0, 1) +
         Little(header.size(), major == 1 ? 2 : 4) + std::string(header) + std::string(data);
}

std::string Header(std::string_view descr, std::string_view shape) {
  return "{'descr': " + std::string(descr) + ", 'fortran_order': False, 'shape': " + std::string(shape) +
         ", }   \n";
}

TEST(InspectNpy, TakesWhatNumpyWrites) {
  const struct {
    std::string_view descr;
    std::string_view shape;
    size_t bytes;
  } cases[] = {
      {"'<f8'", "(3,)", 24},
      {"'|b1'", "()", 1},
      {"'<U3'", "(2, 2)", 48},
      {"'<M8[ns]'", "(2,)", 16},
      {"'|V7'", "(0, 5)", 0},
      {"[('a', '<i4'), ('b', '<f8', (2,)), ('c', [('x', '|u1')])]", "(3,)", 63},
      {"[(('title', 'name'), '<i4')]", "(1L,)", 4},
  };

  for (const auto& one : cases) {
    for (const int major : {1, 2, 3}) {
      const Verdict verdict =
          VerdictOf(Npy(Header(one.descr, one.shape), std::string(one.bytes, '\0'), major), InspectNpy);
      EXPECT_EQ(Judgement(verdict), "safe") << one.descr;
      EXPECT_EQ(verdict.format, "numpy array");
    }
  }
}

TEST(InspectNpy, RefusesWhatIsNotAsNumpyWritesIt) {
  const std::string header = Header("'<f4'", "(2,)");

  const struct {
    std::string_view name;
    std::string bytes;
    std::string_view code;
  } cases[] = {
      {"too few bytes", Npy(header, "1234567"), "npy-size"},
      {"too many bytes", Npy(header, "123456789"), "npy-size"},
      {"a shape that wraps", Npy(Header("'<f4'", "(4611686018427387904, 4)"), ""), "npy-header"},
      {"the same in front of a zero", Npy(Header("'<f4'", "(4611686018427387904, 16, 0)"), ""), "npy-header"},
      {"a negative shape", Npy(Header("'<f4'", "(-1,)"), ""), "npy-header"},
      {"a list for its shape", Npy(Header("'<f4'", "[2]"), "12345678"), "npy-header"},
      {"another type", Npy(Header("'<q4'", "(2,)"), "12345678"), "npy-header"},
      {"a type of a function", Npy(Header("[('a', '<f4', 2)]", "(2,)"), "12345678"), "npy-header"},
      {"a call", Npy(Header("__import__('os')", "(2,)"), "12345678"), "npy-code"},
      {"an operator", Npy(Header("'<f' + '4'", "(2,)"), "12345678"), "npy-code"},
      {"a name", Npy("{'descr': x, 'fortran_order': False, 'shape': (2,)}", "12345678"), "npy-code"},
      {"a key twice",
       Npy("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "12345678"),
       "npy-header"},
      {"no shape", Npy("{'descr': '<f4', 'fortran_order': False}", "12345678"), "npy-header"},
      {"version 4", Npy(header, "12345678", 4), "npy-header"},
      {"a header beyond the end", Npy(header, "").substr(0, 40), "npy-header"},
      {"nothing behind the magic", "\x93NUMPY", "npy-header"},
      {"nested without end", Npy(std::string(60'000, '('), ""), "npy-code"},
  };

  for (const auto& one : cases) {
    const Verdict verdict = VerdictOf(one.bytes, InspectNpy);
    EXPECT_THAT(Codes(verdict), ElementsAre(one.code)) << one.name;
  }
}

TEST(InspectNpy, WalksAnArrayOfObjects) {
  const std::string objects = Proto(2) + NumpyArray(Int(2), Dtype("O8"), List("NK\x01")) + ".";
  for (const std::string_view descr : {"'|O'", "'O'", "[('a', '<f4'), ('b', [('c', '|O')])]"}) {
    const std::string header = Header(descr, "(2,)");
    EXPECT_THAT(Codes(VerdictOf(Npy(header, objects), InspectNpy)), ElementsAre("pickle-clean"));
    EXPECT_THAT(Codes(VerdictOf(Npy(header, objects + "."), InspectNpy)), ElementsAre("pickle-trailing"));
    EXPECT_THAT(Codes(VerdictOf(Npy(header, Proto(2) + Payload() + "."), InspectNpy)),
                ElementsAre("pickle-danger"));
    EXPECT_THAT(Codes(VerdictOf(Npy(header, std::string(16, '\0')), InspectNpy)),
                ElementsAre("pickle-unreadable"));
  }
}

}  // namespace
}  // namespace batuta::safety
