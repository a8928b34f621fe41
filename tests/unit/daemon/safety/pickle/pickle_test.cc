#include "daemon/safety/pickle/pickle.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/pickle.h"
#include "tests/unit/daemon/safety/pickle/verdicts.h"

namespace batuta::safety {
namespace {

using namespace formats::pickle;  // NOLINT: the tests below are written in it
using testing::Contains;
using testing::HasSubstr;

bool Probe(std::string_view bytes) {
  MemorySource source(bytes);
  return IsPickle(source).value();
}

struct Case {
  std::string_view name;
  std::string bytes;
  std::string_view code;
  Grade grade = Grade::kUnverified;
};

// What every loader would run, or some of them, in every disguise that is known.
const std::vector<Case>& Refused() {
  constexpr Grade kBad = Grade::kMalicious;
  static const auto& cases = *new std::vector<Case>{
      {"reduce", Proto(2) + Payload() + ".", "pickle-danger", kBad},
      {"no protocol", Payload() + ".", "pickle-danger", kBad},
      {"import alone", Proto(2) + Global("os", "system") + ".", "pickle-danger", kBad},
      {"stack global", Proto(4) + Str("posix") + Str("system") + kStackGlobal + Tuple(Str("true")) + "R.",
       "pickle-danger", kBad},
      {"names through the memo",
       Proto(4) + Str("posix") + kMemoize + "0" + Str("system") + kMemoize + "0" + Get(0) + Get(1) +
           kStackGlobal + Tuple(Str("true")) + "R.",
       "pickle-danger", kBad},
      {"names in swapped order, sorted out by pop",
       Proto(4) + Str("posix") + Str("other") + "0" + Str("system") + kStackGlobal + ".", "pickle-danger",
       kBad},
      {"a name used twice", Proto(4) + Str("code") + "2" + kStackGlobal + ".", "pickle-danger", kBad},
      {"names as strings of Python 2", "U\x05posixU\x06system\x93(S'true'\ntR.", "pickle-danger", kBad},
      {"computed name",
       Proto(4) + Str("posix") + Global("builtins", "str") + Tuple(Str("system")) + kReduce + kStackGlobal +
           ".",
       "pickle-computed-import", kBad},
      {"name with escapes", Proto(4) + "Vposix\nVs\\u0079stem\n" + kStackGlobal + ".",
       "pickle-computed-import", kBad},
      {"inst", "(S'true'\niposix\nsystem\n.", "pickle-danger", kBad},
      {"obj", "(" + Global("posix", "system") + "S'true'\no.", "pickle-danger", kBad},
      {"newobj", Proto(2) + Global("subprocess", "Popen") + Tuple(Str("true")) + kNewObj + ".",
       "pickle-danger", kBad},
      {"newobj_ex", Proto(4) + Global("subprocess", "Popen") + ")}\x92.", "pickle-danger", kBad},
      {"inst at the very end, without a newline", "(S'true'\niposix\nsystem!", "pickle-danger", kBad},
      {"result popped", Proto(2) + Payload() + "0N.", "pickle-danger", kBad},
      {"result popped with its mark", Proto(2) + "(" + Payload() + "1N.", "pickle-danger", kBad},
      {"truncated behind the call", Proto(2) + Payload(), "pickle-danger", kBad},
      {"corrupt behind the call", Proto(2) + Payload() + "\xff\xff", "pickle-danger", kBad},
      {"second pickle", Proto(2) + "N." + Proto(2) + Payload() + ".", "pickle-danger", kBad},
      {"memo of the first pickle in the second",
       Proto(4) + Str("collections") + kMemoize + Str("OrderedDict") + kMemoize + kStackGlobal + "." +
           Proto(4) + Get(0) + Get(1) + kStackGlobal + ".",
       "pickle-unreadable"},
      {"bytes behind the end", Proto(2) + "N." + std::string(1, '\0'), "pickle-trailing"},
      {"zip behind the end", Proto(2) + "N.PK\x03\x04", "pickle-trailing"},
      {"truncated", Proto(2) + "(N", "pickle-unreadable"},
      {"empty stack", Proto(2) + ".", "pickle-unreadable"},
      {"length beyond the end", Proto(4) + "\x8d" + Little(1ULL << 62, 8) + "abc", "pickle-unreadable"},
      {"protocol 6", Proto(6) + "N.", "pickle-unreadable"},
      {"alias of Python 2", Global("commands", "getoutput") + Tuple(Str("true")) + "R.", "pickle-danger",
       kBad},
      {"alias of builtins", Global("__builtin__", "eval") + Tuple(Str("1+1")) + "R.", "pickle-danger", kBad},
      {"alias of Python 2 under protocol 4", Proto(4) + Global("__builtin__", "set") + Tuple("]") + "R.",
       "pickle-unlisted"},
      {"case of a name", Global("collections", "orderedDict") + ")R.", "pickle-unlisted"},
      {"prefix of a name", Global("collections", "Ordered") + ")R.", "pickle-unlisted"},
      {"module below a listed one", Global("collections.abc", "OrderedDict") + ")R.", "pickle-unlisted"},
      {"dotted name", Proto(4) + Str("collections") + Str("_sys.modules.get") + kStackGlobal + ".",
       "pickle-danger", kBad},
      {"dotted name of a class", Proto(4) + Str("acme") + Str("Outer.Inner") + kStackGlobal + ".",
       "pickle-unlisted"},
      {"unlisted class", Proto(2) + Global("acme.layers", "CustomBlock") + ")" + kNewObj + "}b.",
       "pickle-unlisted"},
      {"getattr", Global("builtins", "getattr") + Tuple(Global("builtins", "set") + Str("__class__")) + "R.",
       "pickle-danger", kBad},
      {"operator", Global("operator", "attrgetter") + Tuple(Str("x")) + "R.", "pickle-danger", kBad},
      {"nested pickle by torch", Global("torch.storage", "_load_from_bytes") + Tuple(Bytes("x")) + "R.",
       "pickle-danger", kBad},
      {"pip", Global("pip", "main") + Tuple("]") + "R.", "pickle-danger", kBad},
      {"call of a call", Global("collections", "OrderedDict") + ")R)R.", "pickle-computed-call", kBad},
      {"call of a string", Proto(4) + Str("posix.system") + ")R.", "pickle-computed-call", kBad},
      {"extension", Proto(2) + "\x82\x01)R.", "pickle-extension"},
      {"extension of four bytes", Proto(2) + "\x84" + Little(7, 4) + ".", "pickle-extension"},
      {"buffer", Proto(5) + "\x97.", "pickle-buffer"},
      {"persistent id", Proto(2) + Tuple(Str("storage")) + "Q.", "pickle-persistent-id"},
      {"persistent id of text", "Pposix\\system\n.", "pickle-persistent-id"},
      {"build of a container", Proto(2) + "]}b.", "pickle-state"},
      {"build of a class", Proto(2) + Global("collections", "OrderedDict") + "}b.", "pickle-state"},
      {"build with slots", Proto(2) + Global("collections", "OrderedDict") + ")R" + "N}\x86" + "b.",
       "pickle-state"},
      {"items of a list", Proto(2) + "]K\x01K\x02s.", "pickle-items"},
      {"items of a number", Proto(2) + "K\x01(K\x01K\x02u.", "pickle-items"},
      {"append to a dict", Proto(2) + "}K\x01" + "a.", "pickle-items"},
      {"add to a list", Proto(4) + "](K\x01\x90.", "pickle-items"},
      {"set of a range",
       Global("builtins", "set") + Tuple(Global("builtins", "range") + Tuple(Int(1 << 30)) + "R") + "R.",
       "pickle-arguments"},
      {"room for a number", Global("builtins", "bytearray") + Tuple(Int(1 << 30)) + "R.", "pickle-arguments"},
      {"another codec", Global("_codecs", "encode") + Tuple(Str("x") + Str("idna")) + "R.",
       "pickle-arguments"},
      {"factory that calls",
       Global("collections", "defaultdict") + Tuple(Global("collections", "OrderedDict")) + "R.",
       "pickle-arguments"},
      {"int in base 16", "I0x10\n.", "pickle-odd-argument"},
      {"long in base 16", "L0x10L\n.", "pickle-odd-argument"},
      {"int behind a zero byte, then a payload", std::string("I7\0junk\n", 8) + "0" + Payload() + ".",
       "pickle-danger", kBad},
      {"float behind a zero byte", std::string("F1.0\0junk\n", 10) + ".", "pickle-odd-argument"},
      {"memo behind a zero byte, then a payload", std::string("Np1\0junk\n", 9) + Payload() + ".",
       "pickle-danger", kBad},
      {"string with a foreign byte, then a payload", "S'\xff\xfe'\n0" + Payload() + ".", "pickle-danger",
       kBad},
      {"global with a foreign name", Global("\xc3\xa9", "\xc3\xa9") + ".", "pickle-unlisted"},
      {"memo index far away", Proto(2) + "Nr" + Little(1 << 25, 4) + ".", "pickle-bomb", Grade::kBomb},
      {"names from an odd place of the memo",
       std::string("Vposix\np1\0x\n", 12) + std::string("Vsystem\np2\0x\n", 13) + "g1\ng2\n" + kStackGlobal +
           ".",
       "pickle-computed-import", kBad},
      {"call of what an unlisted call gave", Global("acme", "shell") + ")R" + Tuple(Str("true")) + "R.",
       "pickle-computed-call", kBad},
      {"name longer than any", Global(std::string(5000, 'a'), "b") + ".", "pickle-computed-import", kBad},
      {"frame that is too short", Proto(4) + "\x95" + Little(3, 8) + Bytes("abcd") + "0N.", "pickle-frame",
       kBad},
      {"frame that is too long", Proto(4) + "\x95" + Little(100, 8) + "N.", "pickle-frame", kBad},
      {"frame inside a frame", Proto(4) + Frame("\x95" + Little(2, 8) + "N.") + "N.", "pickle-frame", kBad},
      {"end before the end of the frame", Proto(4) + Frame("N.N") + ".", "pickle-frame", kBad},
  };
  return cases;
}

TEST(InspectPickle, RefusesEveryDisguise) {
  for (const Case& one : Refused()) {
    const Verdict verdict = VerdictOfPickle(one.bytes);
    EXPECT_THAT(Codes(verdict), Contains(one.code)) << one.name;
    EXPECT_TRUE(verdict.grades.Has(one.grade)) << one.name;
    EXPECT_EQ(PickleJudgement(verdict), "dangerous") << one.name;
    EXPECT_FALSE(verdict.grades.Has(Grade::kPickle)) << one.name;
  }
}

TEST(InspectPickle, FindsWhatAPicklerOfHarmlessThingsWrites) {
  const struct {
    std::string_view name;
    std::string bytes;
  } cases[] = {
      {"protocol 0", "(dp0\nVa\np1\nI1\nsVb\np2\nF1.5\nsVc\np3\nL12L\ns."},
      {"protocol 0 of Python 2", "(lp0\nS'a'\np1\naI01\na."},
      {"protocol 2", Proto(2) + Dict(Str("a") + Int(-1) + Str("b") + List("K\x01K\x02")) + "."},
      {"protocol 4 in a frame", Proto(4) + Frame(Str("text") + kMemoize + ".")},
      {"large bytes between frames", Proto(4) + Frame("]" + kMemoize + "(") +
                                         Bytes(std::string(100'000, 'x')) +
                                         Frame("K\x01"
                                               "e.")},
      {"byte array", Proto(5) + "\x96" + Little(3, 8) + "abc."},
      {"set and frozen set", Proto(4) + "\x8f(K\x01K\x02\x90(K\x03\x91\x86."},
      {"several in a row", "N." + Proto(2) + "K\x01." + Proto(4) + Frame("].")},
      {"ordered dict", Global("collections", "OrderedDict") + ")R" + "(" + Str("a") + "K\x01u" + "}b."},
      {"default dict", Global("collections", "defaultdict") + Tuple(Global("builtins", "list")) + "R."},
      {"set of Python 2", Global("__builtin__", "set") + Tuple("(K\x01l") + "R."},
      {"bytes as text", Global("_codecs", "encode") + Tuple(Str("\xc3\xbf") + Str("latin1")) + "R."},
      {"numpy array", Proto(2) + NumpyArray(Int(2), Dtype("f4"), Bytes("12345678")) + "."},
      {"numpy array of objects", Proto(2) + NumpyArray(Int(2), Dtype("O8"), List("NK\x01")) + "."},
      {"numpy scalar",
       Proto(2) + Global("numpy.core.multiarray", "scalar") + Tuple(Dtype("f8") + Bytes("12345678")) + "R."},
      {"estimator", Proto(2) + Global("sklearn.linear_model._logistic", "LogisticRegression") + ")" +
                        kNewObj + Dict(Str("C") + "G" + std::string(8, '\0')) + "b."},
      {"memo with gaps", Proto(2) + "]" + Put(9) + "]" + Put(0) + Get(9) + "\x87."},
      {"a list in itself", Proto(2) + "]" + Put(0) + Get(0) + "a."},
  };

  for (const auto& one : cases) {
    const Verdict verdict = VerdictOfPickle(one.bytes);
    EXPECT_EQ(PickleJudgement(verdict), "clean")
        << one.name << ": " << (verdict.findings.empty() ? "" : verdict.findings.front().text);
  }
}

TEST(InspectPickle, NamesWhatIsCalledWhereItIsCalled) {
  const Verdict verdict = VerdictOfPickle(Proto(2) + Payload() + ".");
  const Finding* worst = Worst(verdict);
  ASSERT_NE(worst, nullptr);
  EXPECT_EQ(worst->text, "calls posix.system (runs a command when loaded)");
  EXPECT_EQ(worst->offset, (Proto(2) + Global("posix", "system") + Tuple(Str("true"))).size());
  EXPECT_THAT(verdict.globals, testing::ElementsAre("posix.system"));
}

TEST(InspectPickle, RefusesWhatGrowsWithoutEnd) {
  // Each list holds the one before twice.
  std::string bottom_up = Proto(2) + "]" + Put(0) + "0";
  for (uint8_t i = 0; i < 40; ++i) {
    bottom_up += "]" + Put(static_cast<uint8_t>(i + 1)) + "(" + Get(i) + Get(i) + "e0";
  }
  bottom_up += Get(40) + ".";
  // All are there before any of them holds another, and every second reference comes first.
  std::string late = Proto(2);
  for (uint8_t i = 0; i <= 40; ++i) late += "]" + Put(i) + "0";
  for (const int parity : {0, 1}) {
    for (int i = parity; i < 40; i += 2) {
      const auto next = static_cast<uint8_t>(i + 1);
      late += Get(static_cast<uint8_t>(i)) + "(" + Get(next) + Get(next) + "e0";
    }
  }
  late += Get(0) + ".";
  for (const std::string& bytes : {bottom_up, late}) {
    EXPECT_THAT(Codes(VerdictOfPickle(bytes)), Contains("pickle-bomb"));
  }
}

TEST(InspectPickle, RefusesWhatNestsTooDeep) {
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += "]";
  for (int i = 0; i < 19'999; ++i) nested += "a";
  EXPECT_THAT(Codes(VerdictOfPickle(Proto(2) + nested + ".")), Contains("pickle-bomb"));
}

TEST(InspectPickle, StopsWhereItsMemoryEnds) {
  std::string many = Proto(2);
  for (int i = 0; i < 100'000; ++i) many += "]" + kMemoize;
  MemorySource source(many);
  Report report;
  Subject subject("model.pkl", source, report, nullptr, {.memory_bytes = 1 << 20});
  ASSERT_TRUE(InspectPickle(subject).ok());
  EXPECT_THAT(Codes(std::move(report).Take()), Contains("too-complex"));
}

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

TEST(InspectPickle, SaysWhatItSawOfAFileThatIsNotAllHere) {
  const std::string here = Proto(2) + Payload() + "N";
  Beginning source(here, 1 << 20);
  Report report;
  Subject subject("model.pkl", source, report, nullptr);
  EXPECT_TRUE(absl::IsOutOfRange(InspectPickle(subject)));
  const Verdict verdict = std::move(report).Take();
  EXPECT_TRUE(verdict.has_pickle);
  EXPECT_EQ(verdict.format, "pickle");
  EXPECT_EQ(verdict.grades, Grades{Grade::kMalicious}) << "what is not here is not yet wrong";
}

TEST(IsPickle, TakesWhatAnUnpicklerWouldRun) {
  for (const std::string& bytes :
       {Proto(2) + "N.", Proto(4) + "garbage", Payload() + ".", Payload() + "garbage",
        std::string("(S'true'\niposix\nsystem\n."), std::string("I1\n."),
        "Vfirst line\nVsecond line\n" + Payload(), "N0N0N0" + Payload()}) {
    EXPECT_TRUE(Probe(bytes)) << bytes;
  }
}

TEST(IsPickle, DoesNotTakeText) {
  for (const std::string_view text :
       {"", "{\"a\": 1}", "[1, 2]", "# A model\n", "cat\ndog\nfish\n", "I am a model\n.gitignore",
        "Vocabulary\n", "(c) 2026\n", "New\n", "PyTorch\n.", "import os\n", "0\n1\n", "<html>",
        ".gitignore\n", "system\n", "collections of words\nare not\n", "GGUF", "\x80\x06N."}) {
    EXPECT_FALSE(Probe(text)) << text;
  }
}

TEST(InspectPickle, AnyPrefixWithTheCallStaysRefused) {
  const std::string whole =
      Proto(4) + Dict(Str("a") + Payload()) + Str("rest") + "0" + Dict("K\x01K\x02") + "0.";
  const size_t end_of_call = whole.find("R") + 1;
  for (size_t size = end_of_call; size <= whole.size(); ++size) {
    EXPECT_TRUE(VerdictOfPickle(whole.substr(0, size)).grades.Has(Grade::kMalicious)) << size;
  }
}

TEST(InspectPickle, AnyByteBehindACleanPickleIsRefused) {
  const std::string clean = Proto(2) + NumpyArray(Int(2), Dtype("f4"), Bytes("12345678")) + ".";
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(PickleJudgement(VerdictOfPickle(clean + static_cast<char>(byte))), "dangerous") << byte;
  }
}

TEST(InspectPickle, AnyOtherByteInACleanPickleIsJudged) {
  const std::string clean = Proto(4) + Frame(NumpyArray(Int(2), Dtype("f4"), Bytes("12345678")) + kMemoize +
                                             "0" + Dict(Str("a") + kTrue) + ".");
  for (size_t i = 0; i < clean.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = clean;
      changed[i] = static_cast<char>(byte);
      const std::string_view judgement = PickleJudgement(VerdictOfPickle(changed));
      EXPECT_TRUE(judgement == "clean" || judgement == "dangerous");
    }
  }
}

}  // namespace
}  // namespace batuta::safety
