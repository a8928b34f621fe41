#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Pickles from opcode bytes. Nothing here is ever loaded, and what it would run is inert.
namespace batuta::formats::pickle {

inline std::string Little(uint64_t number, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
  return out;
}

inline std::string Proto(int version) {
  return "\x80" + Little(static_cast<uint64_t>(version), 1);
}

inline std::string Global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

// SHORT_BINUNICODE; BINUNICODE for what is longer.
inline std::string Str(std::string_view text) {
  return text.size() < 256 ? "\x8c" + Little(text.size(), 1) + std::string(text)
                           : "X" + Little(text.size(), 4) + std::string(text);
}

inline std::string Bytes(std::string_view bytes) {
  return "B" + Little(bytes.size(), 4) + std::string(bytes);
}

// BININT.
inline std::string Int(int32_t number) {
  return "J" + Little(static_cast<uint32_t>(number), 4);
}

inline std::string Get(uint8_t index) {
  return "h" + Little(index, 1);
}

inline std::string Put(uint8_t index) {
  return "q" + Little(index, 1);
}

inline std::string Tuple(std::string_view items) {
  return "(" + std::string(items) + "t";
}

inline std::string List(std::string_view items) {
  return "](" + std::string(items) + "e";
}

inline std::string Dict(std::string_view items) {
  return "}(" + std::string(items) + "u";
}

inline std::string Frame(std::string_view code) {
  return "\x95" + Little(code.size(), 8) + std::string(code);
}

inline const std::string kStackGlobal = "\x93";
inline const std::string kMemoize = "\x94";
inline const std::string kNewObj = "\x81";
inline const std::string kReduce = "R";
inline const std::string kBuild = "b";
inline const std::string kStop = ".";
inline const std::string kNone = "N";
inline const std::string kTrue = "\x88";
inline const std::string kFalse = "\x89";
inline const std::string kEmptyTuple = ")";

// A call of something that runs a command; the command does nothing.
inline std::string Payload() {
  return Global("posix", "system") + Tuple(Str("true")) + kReduce;
}

// numpy.dtype(code) with the state that numpy writes.
inline std::string Dtype(std::string_view code) {
  return Global("numpy", "dtype") + Tuple(Str(code) + kFalse + kTrue) + kReduce +
         Tuple(Int(3) + Str("<") + kNone + kNone + kNone + Int(-1) + Int(-1) + Int(0)) + kBuild;
}

// numpy.core.multiarray._reconstruct(...) with its state.
inline std::string NumpyArray(std::string_view shape, std::string_view dtype, std::string_view data) {
  return Global("numpy.core.multiarray", "_reconstruct") + Global("numpy", "ndarray") + Int(0) + "\x85" +
         Bytes("b") + "\x87" + kReduce +
         Tuple(Int(1) + Tuple(shape) + std::string(dtype) + kFalse + std::string(data)) + kBuild;
}

// The persistent id of a torch storage, and what the loader makes of it.
inline std::string Storage(std::string_view type, std::string_view key, int32_t count) {
  return Tuple(Str("storage") + Global("torch", type) + Str(key) + Str("cpu") + Int(count)) + "Q";
}

// torch._utils._rebuild_tensor_v2.
inline std::string Tensor(std::string_view storage, int32_t offset, std::string_view sizes,
                          std::string_view strides) {
  return Global("torch._utils", "_rebuild_tensor_v2") +
         Tuple(std::string(storage) + Int(offset) + Tuple(sizes) + Tuple(strides) + kFalse +
               Global("collections", "OrderedDict") + kEmptyTuple + kReduce) +
         kReduce;
}

}  // namespace batuta::formats::pickle
