// Writes the seeds of the fuzz targets for pickles: make_pickle_seeds tests/fuzz/safety/pickle
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/formats/pickle.h"

namespace batuta::formats::pickle {
namespace {

void Write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string Legacy() {
  const std::string id =
      Tuple(Str("storage") + Global("torch", "FloatStorage") + Str("0") + Str("cpu") + Int(2) + kNone) + "Q";
  return Proto(2) + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + Proto(2) + "M\xe9\x03." + Proto(2) +
         Dict(Str("little_endian") + kTrue) + "." + Proto(2) + Tensor(id, 0, "K\x02", "K\x01") + "." +
         Proto(2) + List(Str("0")) + "." + Little(2, 8) + "12345678";
}

std::string Joblib(const std::string& dtype, const std::string& behind) {
  return Proto(3) + Global("joblib.numpy_pickle", "NumpyArrayWrapper") + ")" + kNewObj +
         Dict(Str("subclass") + Global("numpy", "ndarray") + Str("shape") + Tuple(Int(2)) + Str("order") +
              Str("C") + Str("dtype") + dtype + Str("numpy_array_alignment_bytes") + Int(16)) +
         "b" + behind + ".";
}

std::string Npy(const std::string& descr, const std::string& data) {
  const std::string header = "{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,), }\n";
  return "\x93NUMPY" + Little(1, 1) + Little(0, 1) + Little(header.size(), 2) + header + data;
}

void WriteAll(const std::filesystem::path& folder) {
  const std::string objects = Proto(2) + NumpyArray(Int(2), Dtype("O8"), List("NK\x01")) + ".";
  const std::filesystem::path pickles = folder / "pickle_corpus";
  Write(pickles / "protocol_0",
        "(dp0\nVa\np1\nI1\nsS'b'\np2\nF1.5\nsVc\n(lp3\nL12L\nag1\nasVd\n(I1\nNtp4\ns.");
  Write(pickles / "protocol_4",
        Proto(4) + Frame(Dict(Str("a") + kMemoize + "\x8f(K\x01\x90" + Str("b") + kMemoize + "G" +
                              std::string(8, '\0') + Get(0) + Bytes("xy")) +
                         "."));
  Write(pickles / "payloads", "(S'true'\niposix\nsystem\n0(cposix\nsystem\nVtrue\no0" + Payload() + "0" +
                                  Str("posix") + Str("system") + kStackGlobal + "\x82\x01)\x81}\x92" + "b.");
  Write(pickles / "several", "N." + Proto(2) + "](K\x01(K\x02l(K\x03\x91" + "e" + Put(3) + Get(3) + "a.");
  Write(pickles / "plain_classes",
        Proto(2) + Global("collections", "OrderedDict") + ")R(" + Str("a") +
            Global("collections", "defaultdict") + Tuple(Global("builtins", "list")) + "Ru" + "}b0" +
            Global("_codecs", "encode") + Tuple(Str("x") + Str("latin1")) + "R0" +
            Global("copyreg", "_reconstructor") +
            Tuple(Global("sklearn.svm._classes", "SVC") + Global("builtins", "object") + "N") + "R}b.");
  Write(pickles / "numpy", Proto(2) + NumpyArray(Int(2), Dtype("f4"), Bytes("12345678")) + ".");
  Write(pickles / "tensor",
        Proto(2) + Tensor(Storage("FloatStorage", "0", 6), 0, "K\x02K\x03", "K\x03K\x01") + ".");
  Write(pickles / "legacy", Legacy());
  Write(pickles / "joblib", Joblib(Dtype("f4"),
                                   "\x01\xff"
                                   "12345678"));
  Write(pickles / "joblib_objects", Joblib(Dtype("O8"), objects));
  const std::filesystem::path arrays = folder / "npy_corpus";
  Write(arrays / "numbers", Npy("'<f4'", "12345678"));
  Write(arrays / "fields", Npy("[('a', '<i2', (1, 3)), (('t', 'b'), [('x', '|u1')])]", std::string(14, 'x')));
  Write(arrays / "objects", Npy("'|O'", objects));
}

}  // namespace
}  // namespace batuta::formats::pickle

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  batuta::formats::pickle::WriteAll(argv[1]);
  return 0;
}
