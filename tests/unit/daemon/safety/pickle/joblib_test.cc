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
  EXPECT_THAT(Codes(with(Proto(2) + "N" + kMemoize + ".")), Contains("pickle-unreadable"));
}

TEST(InspectPickle, RefusesArraysThatAreNotAsJoblibWritesThem) {
  const struct {
    std::string_view name;
    Wrapper wrapper;
  } cases[] = {
      {"another class", {.subclass = Global("collections", "OrderedDict")}},
      {"a negative shape", {.shape = Tuple(Int(-2))}},
      {"a computed shape", {.shape = Global("collections", "OrderedDict") + ")R"}},
      {"another order", {.order = Str("A")}},
      {"a type that is text", {.dtype = Str("f4")}},
      {"a shape beyond the end", {.shape = Tuple(Int(1 << 30))}},
      {"padding that is code", {.padding = "\x02N."}},
      {"padding whose length is an opcode", {.padding = "(" + std::string(40, '\xff')}},
      {"no padding in front of what a plain unpickler would run",
       {.dtype = Dtype("S1"), .alignment = "", .padding = ""}},
  };

  for (const auto& one : cases) {
    const Verdict verdict = VerdictOfPickle(Proto(3) + one.wrapper.Bytes() + "N0N0N0N0.");
    EXPECT_EQ(PickleJudgement(verdict), "dangerous") << one.name;
    EXPECT_FALSE(verdict.grades.Has(Grade::kPickle)) << one.name;
  }
  EXPECT_THAT(Codes(VerdictOfPickle(Proto(3) + Global("joblib.numpy_pickle", "NumpyArrayWrapper") + ")" +
                                    kNewObj + "}b.")),
              Contains("joblib-array"));
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
