#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Flatbuffers, and models of TFLite as such.
namespace batuta::formats {

struct FlatTable;

struct FlatNumber {
  size_t width = 4;  // bytes
  uint64_t value = 0;
};

struct FlatBytes {
  std::string bytes;
};

using FlatInts = std::vector<int32_t>;
using FlatTables = std::vector<FlatTable>;

// A string, a vector of bytes, of numbers or of tables; a table is a vector of one, where it is no vector.
using FlatField = std::variant<FlatNumber, std::string, FlatBytes, FlatInts, FlatTables>;

struct FlatTable {
  std::map<size_t, FlatField> fields = {};
  std::map<size_t, FlatTables> tables = {};  // single ones, of one element each
};

std::string FlatFile(const FlatTable& root, std::string_view identifier);

// A model with one operation on two tensors, to which tests add and from which they take.
FlatTable TfliteModel(const FlatTable& operator_code, const FlatTable& operation);
std::string TfliteFile(const FlatTable& model);

// An operator code: a builtin one, or a custom one by name.
FlatTable TfliteBuiltin(uint32_t code);
FlatTable TfliteCustom(std::string_view name);

// An operation on tensor 0 that gives tensor 1.
FlatTable TfliteOperation();

// The options of an operation that is taken from TensorFlow.
std::string FlexOptions(std::string_view name, std::string_view node);

}  // namespace batuta::formats
