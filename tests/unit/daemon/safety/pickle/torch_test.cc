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

// Of an archive with one storage "0" of that many bytes.
Verdict VerdictOfTorch(std::string_view bytes, uint64_t storage_bytes, TorchStorages* used = nullptr) {
  TorchStorages storages = {{"0", {.size_bytes = storage_bytes}}, {"1", {.size_bytes = 4}}};
  const Verdict verdict =
      VerdictOf(bytes, [&](Subject& subject) { return InspectTorchPickle(subject, storages); });
  if (used != nullptr) *used = storages;
  return verdict;
}

std::string TensorOfSix(int32_t offset, std::string_view sizes, std::string_view strides) {
  return Proto(2) + Tensor(Storage("FloatStorage", "0", 6), offset, sizes, strides) + ".";
}

TEST(InspectTorchPickle, FindsTensorsInTheirStorageClean) {
  TorchStorages used;
  const Verdict verdict = VerdictOfTorch(TensorOfSix(0, "K\x02K\x03", "K\x03K\x01"), 24, &used);
  EXPECT_THAT(Codes(verdict), ElementsAre("pickle-clean"));
  EXPECT_TRUE(used.at("0").is_referenced);
  EXPECT_FALSE(used.at("1").is_referenced);
}

TEST(InspectTorchPickle, HoldsEachTensorAgainstItsStorage) {
  const std::string large = "\x8a\x07" + std::string(6, '\xff') + "\x3f";

  const struct {
    std::string_view name;
    std::string bytes;
    std::string_view code;
  } cases[] = {
      {"last element just inside", TensorOfSix(5, "K\x01", "K\x01"), "pickle-clean"},
      {"nothing of it", TensorOfSix(6, Int(0) + "K\x64", "K\x64K\x01"), "pickle-clean"},
      {"one element again and again", TensorOfSix(0, "K\x64", Int(0)), "pickle-clean"},
      {"one too many", TensorOfSix(0, "K\x07", "K\x01"), "torch-tensor"},
      {"an offset too far", TensorOfSix(7, Int(0), "K\x01"), "torch-tensor"},
      {"strides that lead out", TensorOfSix(0, "K\x02K\x02", "K\x05K\x02"), "torch-tensor"},
      {"a product that wraps", TensorOfSix(0, large + "K\x02", large + "K\x01"), "torch-tensor"},
      {"a negative offset", TensorOfSix(-1, "K\x01", "K\x01"), "pickle-arguments"},
      {"a negative stride", TensorOfSix(0, "K\x02", Int(-1)), "pickle-arguments"},
      {"fewer strides", TensorOfSix(0, "K\x02K\x02", "K\x01"), "pickle-arguments"},
      {"sizes that are a list of text", TensorOfSix(0, Str("2"), "K\x01"), "pickle-arguments"},
      {"items set on a tensor",
       Proto(2) + Tensor(Storage("FloatStorage", "0", 6), 0, "K\x02", "K\x01") + "K\x01K\x01s.",
       "pickle-items"},
      {"a state given to a tensor",
       Proto(2) + Tensor(Storage("FloatStorage", "0", 6), 0, "K\x02", "K\x01") + "}b.", "pickle-state"},
      {"a number for its storage", Proto(2) + Tensor("K\x01", 0, "K\x02", "K\x01") + ".", "pickle-arguments"},
      {"another storage type", Proto(2) + Storage("Size", "0", 6) + ".", "pickle-persistent-id"},
      {"a storage with another count", Proto(2) + Storage("FloatStorage", "0", 7) + ".", "torch-storage"},
      {"a storage with a wider element", Proto(2) + Storage("DoubleStorage", "0", 6) + ".", "torch-storage"},
      {"a key that the archive has not", Proto(2) + Storage("FloatStorage", "7", 6) + ".",
       "pickle-persistent-id"},
      {"a key that leads out", Proto(2) + Storage("FloatStorage", "../0", 6) + ".", "pickle-persistent-id"},
      {"an id that is text", Proto(2) + Str("0") + "Q.", "pickle-persistent-id"},
      {"bytes behind the end", TensorOfSix(0, "K\x02", "K\x01") + "N.", "pickle-trailing"},
      {"a payload", Proto(2) + Payload() + ".", "pickle-danger"},
  };

  for (const auto& one : cases) {
    EXPECT_THAT(Codes(VerdictOfTorch(one.bytes, 24)), Contains(one.code)) << one.name;
  }
}

TEST(InspectTorchPickle, KnowsTheOtherWaysToMakeATensor) {
  const std::string storage = Storage("FloatStorage", "0", 6);
  const std::string tensor = Tensor(storage, 0, "K\x02", "K\x01");
  const std::string hooks = Global("collections", "OrderedDict") + ")R";
  const std::string parameter =
      Global("torch._utils", "_rebuild_parameter") + Tuple(tensor + kTrue + hooks) + "R";
  const std::string untyped = Global("torch._utils", "_rebuild_tensor_v3") +
                              Tuple(Storage("UntypedStorage", "0", 24) + Int(0) + Tuple("K\x03") +
                                    Tuple("K\x01") + kFalse + hooks + Global("torch", "float64")) +
                              "R";
  const std::string quantized =
      Global("torch._utils", "_rebuild_qtensor") +
      Tuple(Storage("QInt32Storage", "0", 6) + Int(0) + Tuple("K\x06") + Tuple("K\x01") +
            Tuple(Global("torch", "per_tensor_affine") + "G" + std::string(8, '\0') + Int(0)) + kFalse +
            hooks) +
      "R";
  const std::string sparse =
      Global("torch._utils", "_rebuild_sparse_tensor") +
      Tuple(Global("torch.serialization", "_get_layout") + Tuple(Str("torch.sparse_coo")) + "R" +
            Tuple(tensor + tensor + Tuple("K\x03"))) +
      "R";
  const std::string typed =
      Global("torch._tensor", "_rebuild_from_type_v2") +
      Tuple(Global("torch._utils", "_rebuild_parameter") + Global("torch.nn.parameter", "Parameter") +
            Tuple(tensor + kTrue + hooks) + "}") +
      "R";
  const std::string size = Global("torch", "Size") + Tuple(Tuple("K\x02")) + "R";
  const std::string device = Global("torch", "device") + Tuple(Str("cuda") + Int(0)) + "R";
  for (const std::string& made : {parameter, untyped, quantized, sparse, typed, size, device}) {
    const Verdict verdict = VerdictOfTorch(Proto(2) + made + ".", 24);
    EXPECT_THAT(Codes(verdict), ElementsAre("pickle-clean")) << made;
  }
  const std::string other = Global("torch._tensor", "_rebuild_from_type_v2") +
                            Tuple(Global("collections", "OrderedDict") + Global("torch", "Tensor") + ")}") +
                            "R";
  EXPECT_THAT(Codes(VerdictOfTorch(Proto(2) + other + ".", 24)), Contains("pickle-arguments"));
}

// Torch before 1.6.
struct Legacy {
  std::string magic = Proto(2) + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  std::string protocol = Proto(2) + "M\xe9\x03.";
  std::string system =
      Proto(2) + Dict(Str("protocol_version") + "M\xe9\x03" + Str("little_endian") + kTrue) + ".";
  std::string view = "N";
  std::string keys = Proto(2) + List(Str("0")) + ".";
  std::string count = Little(2, 8);
  std::string data = "12345678";

  std::string Bytes() const {
    const std::string id =
        Tuple(Str("storage") + Global("torch", "FloatStorage") + Str("0") + Str("cpu") + Int(2) + view) + "Q";
    return magic + protocol + system + Proto(2) + Tensor(id, 0, "K\x02", "K\x01") + "." + keys + count + data;
  }
};

TEST(InspectPickle, FollowsALegacyTorchCheckpointToItsLastByte) {
  const Verdict verdict = VerdictOfPickle(Legacy().Bytes());
  EXPECT_THAT(Codes(verdict), ElementsAre("pickle-clean"));
  EXPECT_EQ(verdict.format, "torch legacy checkpoint");
  EXPECT_THAT(Codes(VerdictOfPickle(Legacy{.view = Tuple(Str("0") + Int(0) + Int(2))}.Bytes())),
              ElementsAre("pickle-clean"));
}

TEST(InspectPickle, RefusesALegacyTorchCheckpointThatIsNotAsTorchWritesIt) {
  const struct {
    std::string_view name;
    Legacy stream;
    std::string_view code;
  } cases[] = {
      {"another protocol", {.protocol = Proto(2) + "K\x01."}, "torch-legacy"},
      {"a system that is no dict", {.system = "N."}, "torch-legacy"},
      {"a payload for its system", {.system = Proto(2) + Payload() + "."}, "pickle-danger"},
      {"keys that are no list", {.keys = "N."}, "torch-legacy"},
      {"a key too many", {.keys = Proto(2) + List(Str("0") + Str("1")) + "."}, "torch-legacy"},
      {"another key", {.keys = Proto(2) + List(Str("1")) + "."}, "torch-legacy"},
      {"another count", {.count = Little(3, 8)}, "torch-legacy"},
      {"fewer bytes", {.data = "1234567"}, "torch-legacy"},
      {"more bytes", {.data = "123456789"}, "pickle-trailing"},
      {"a view that leads out", {.view = Tuple(Str("0") + Int(1) + Int(2))}, "torch-storage"},
      {"a magic that is computed",
       {.magic = Proto(2) + Global("operator", "add") + Tuple("K\x01K\x02") + "R."},
       "pickle-danger"},
  };

  for (const auto& one : cases) {
    const Verdict verdict = VerdictOfPickle(one.stream.Bytes());
    EXPECT_THAT(Codes(verdict), Contains(one.code)) << one.name;
    EXPECT_FALSE(verdict.grades.Has(Grade::kPickle)) << one.name;
  }
}

}  // namespace
}  // namespace batuta::safety
