#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/gguf/format.h"

// Writes GGUF files, valid as they come and wrong where a test says something else.
namespace batuta::formats {

struct GgufPair {
  std::string key;
  uint32_t type = 0;
  std::string value;  // as it stands in the file
};

GgufPair GgufText(std::string_view key, std::string_view text);

// Of any type that is a number or a bool; the lowest bytes of `value` count.
GgufPair GgufNumber(std::string_view key, gguf::ValueType type, uint64_t value);

// `elements` as they stand in the file.
GgufPair GgufArray(std::string_view key, gguf::ValueType element, uint64_t count, std::string_view elements);

// With its length before it.
std::string GgufString(std::string_view text);

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> shape;
  uint32_t type = 0;
  std::optional<uint64_t> offset = {};  // in the data; else behind the tensor before it
};

struct GgufFile {
  uint32_t version = 3;
  std::vector<GgufPair> pairs;
  std::vector<GgufTensor> tensors;
  uint64_t alignment = gguf::kDefaultAlignment;  // the pair that says so is the test's to add
  std::optional<uint64_t> pair_count = {};
  std::optional<uint64_t> tensor_count = {};
  bool pads_last = true;
  char padding = '\0';

  std::string Header() const;
  std::string Bytes() const;
};

// Any valid file, of a few kilobytes.
GgufFile RandomGguf(std::mt19937_64& random);

}  // namespace batuta::formats
