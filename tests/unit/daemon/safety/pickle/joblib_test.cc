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

// What joblib writes in front of an array of two numbers.
struct Wrapper {
  std::string subclass = Global("numpy", "ndarray");
  std::string shape = Tuple(Int(2));
  std::string order = Str("C");
  std::string dtype = Dtype("f4");
  std::string alignment = Str("numpy_array_alignment_bytes") + Int(16);
  std::string padding = std::string("\x02\xff\xff");

  std::string Bytes() const {
    return Global("joblib.numpy_pickle", "NumpyArrayWrapper") + ")" + kNewObj +
           Dict(Str("subclass") + subclass + Str("shape") + shape + Str("order") + order + Str("dtype") +
                dtype + Str("allow_mmap") + kTrue + alignment) +
           "b" + padding;
  }
};

TEST(InspectPickle, PassesOverTheArraysOfJoblibAndReadsOnBehindThem) {
  const std::string like_a_payload = "cos\nsys\n";
  ASSERT_EQ(like_a_payload.size(), 8U);
  const std::string array = Wrapper().Bytes() + like_a_payload;
  const Verdict clean = VerdictOfPickle(Proto(3) + List(array + array) + ".");
  EXPECT_THAT(Codes(clean), ElementsAre("pickle-clean"));
  EXPECT_EQ(clean.format, "joblib");
  EXPECT_THAT(Codes(VerdictOfPickle(Proto(3) + array + Payload() + ".")), Contains("pickle-danger"));
}

TEST(InspectPickle, WalksTheObjectsOfAnArrayOfJoblib) {
  const auto with = [](std::string_view objects) {
    return VerdictOfPickle(Proto(3) + Wrapper{.dtype = Dtype("O8"), .padding = ""}.Bytes() +
                           std::string(objects) + ".");
  };
  EXPECT_THAT(Codes(with(Proto(2) + NumpyArray(Int(2), Dtype("O8"), List("NK\x01")) + ".")),
              ElementsAre("pickle-clean"));
  EXPECT_THAT(Codes(with(Proto(2) + Payload() + ".")), Contains("pickle-danger"));
  EXPECT_THAT(Codes(with(Proto(2) + "(N")), Contains("pickle-unreadable"));
  EXPECT_THAT(Codes(with(Proto(2) + Wrapper().Bytes() + "12345678.")), Contains("joblib-array"));
  // Read as one plain pickle, what is numbered here would have other numbers.
  EXPECT_THAT(Codes(with(Proto(2) + "N" + kMemoize + ".")), Contains("joblib-array"));
}

TEST(InspectPickle, RefusesArraysThatAreNotAsJoblibWritesThemAndReadsOnWhereItCan) {
  const std::string behind = "12345678";

  const struct {
    std::string_view name;
    Wrapper wrapper;
    std::string_view code;
    bool reads_on = true;
  } cases[] = {
      {"another class", {.subclass = Global("collections", "OrderedDict")}, "joblib-array"},
      {"another order", {.order = Str("A")}, "joblib-array"},
      {"padding that is code", {.padding = "\x02N."}, "joblib-array"},
      {"padding whose length is an opcode", {.padding = "(" + std::string(40, '\xff')}, "joblib-array"},
      {"a negative shape", {.shape = Tuple(Int(-2))}, "joblib-hidden-code", false},
      {"a computed shape",
       {.shape = Global("collections", "OrderedDict") + ")R"},
       "joblib-hidden-code",
       false},
      {"a type that is text", {.dtype = Str("f4")}, "joblib-hidden-code", false},
      {"a shape beyond the end", {.shape = Tuple(Int(1 << 30))}, "pickle-unreadable", false},
  };

  for (const auto& one : cases) {
    const Verdict verdict = VerdictOfPickle(Proto(3) + one.wrapper.Bytes() + behind + Payload() + ".");
    EXPECT_THAT(Codes(verdict), Contains(one.code)) << one.name;
    EXPECT_EQ(testing::Matches(Contains("pickle-danger"))(Codes(verdict)), one.reads_on) << one.name;
  }
  EXPECT_THAT(Codes(VerdictOfPickle(Proto(3) + Global("joblib.numpy_pickle", "NumpyArrayWrapper") + ")" +
                                    kNewObj + "}b.")),
              Contains("joblib-hidden-code"));
}

// Before joblib 1.2 nothing stands between the state of the wrapper and the bytes of the array.
TEST(InspectPickle, LooksForCodeInTheBytesOfAnArrayWithoutPadding) {
  const auto with = [](const std::string& bytes) {
    const Wrapper wrapper{.shape = Tuple(Int(static_cast<int32_t>(bytes.size()))),
                          .dtype = Dtype("S1"),
                          .alignment = "",
                          .padding = ""};
    return Codes(VerdictOfPickle(Proto(3) + wrapper.Bytes() + bytes + "."));
  };
  for (const std::string& harmless :
       {std::string(16, '\0'), std::string("\x3f\x80\0\0", 4), std::string("N0K\x01)."),
        std::string("cat food\n\n"), std::string("Vtext\n\xff"), std::string("\x93"),
        std::string("X\xff\xff\xff\xff"
                    "cos\nsystem\n"),
        std::string()}) {
    EXPECT_THAT(with(harmless), ElementsAre("pickle-clean")) << harmless;
  }
  for (const std::string& code :
       {Payload(), "N0" + Payload(), std::string("(iposix\nsystem\n"),
        Str("posix") + Str("system") + kStackGlobal, "Vposix\nVsystem\n" + kStackGlobal,
        "h\x01h\x02" + kStackGlobal, Bytes("skipped") + "0" + Payload(), std::string(5000, 'N')}) {
    EXPECT_THAT(with(code), Contains("joblib-array")) << code;
  }
}

TEST(InspectOldJoblib, InspectsTheStreamBehindItsLength) {
  const auto inspector = +[](Subject& part) {
    part.report().AddNote(part.place());
    return absl::OkStatus();
  };
  const std::string header = "ZF0x12" + std::string(15, ' ');
  const Verdict inspected = VerdictOf(header + "\x78\x9c...", InspectOldJoblib, inspector);
  EXPECT_THAT(inspected.notes, ElementsAre("model.pkl » zlib stream"));
  EXPECT_TRUE(inspected.findings.empty());
  EXPECT_THAT(Codes(VerdictOf(header + "text", InspectOldJoblib, inspector)), ElementsAre("joblib-header"));
  EXPECT_THAT(Codes(VerdictOf("ZF0x", InspectOldJoblib, inspector)), ElementsAre("joblib-header"));
  EXPECT_TRUE(IsOldJoblib(header));
  EXPECT_FALSE(IsOldJoblib("ZFS is a file system"));
}

}  // namespace
}  // namespace batuta::safety
