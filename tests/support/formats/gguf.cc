#include "tests/support/formats/gguf.h"

#include "daemon/gguf/tensor_type.h"

namespace batuta::formats {
namespace {

using gguf::ValueType;

template <typename Number>
std::string Raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

uint64_t Up(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

// Nonsense where a test asks for a type or a shape that does not exist.
uint64_t TensorBytes(const GgufTensor& tensor) {
  const gguf::TensorType* type = gguf::FindTensorType(tensor.type);
  if (type == nullptr) return 0;
  uint64_t elements = 1;
  for (const uint64_t size : tensor.shape) elements *= size;
  return elements / type->block_elements * type->block_bytes;
}

uint64_t Below(std::mt19937_64& random, uint64_t bound) {
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

std::string RandomText(std::mt19937_64& random, uint64_t most_bytes) {
  std::string text(Below(random, most_bytes + 1), '\0');
  for (char& c : text) c = static_cast<char>(' ' + Below(random, 95));
  return text;
}

std::string RandomElements(std::mt19937_64& random, ValueType type, uint64_t count) {
  std::string elements;
  for (uint64_t i = 0; i < count; ++i) {
    if (type == ValueType::kString) {
      elements += GgufString(RandomText(random, 12));
    } else {
      const uint64_t value = type == ValueType::kBool ? Below(random, 2) : random();
      elements += Raw(value).substr(0, static_cast<size_t>(gguf::FixedBytes(type)));
    }
  }
  return elements;
}

GgufPair RandomPair(std::mt19937_64& random, uint64_t number) {
  const std::string key = "test.key_" + std::to_string(number);
  const auto type = static_cast<ValueType>(Below(random, gguf::kValueTypeCount));
  if (type != ValueType::kArray) return {key, static_cast<uint32_t>(type), RandomElements(random, type, 1)};
  auto element = static_cast<ValueType>(Below(random, gguf::kValueTypeCount));
  if (element == ValueType::kArray) element = ValueType::kString;
  const uint64_t count = Below(random, 20);
  return GgufArray(key, element, count, RandomElements(random, element, count));
}

GgufTensor RandomTensor(std::mt19937_64& random, uint64_t number) {
  GgufTensor tensor{.name = "blk." + std::to_string(number) + ".weight", .shape = {}};
  const gguf::TensorType* type = nullptr;
  while (type == nullptr) {
    tensor.type = static_cast<uint32_t>(Below(random, gguf::kTensorTypeCount));
    type = gguf::FindTensorType(tensor.type);
  }
  const uint64_t dimensions = Below(random, 5);
  for (uint64_t i = 0; i < dimensions; ++i) tensor.shape.push_back(Below(random, 4));
  if (dimensions > 0) tensor.shape.front() *= type->block_elements;
  if (dimensions == 0 && type->block_elements > 1) tensor.type = 0;
  return tensor;
}

}  // namespace

std::string GgufString(std::string_view text) {
  return Raw(uint64_t{text.size()}) + std::string(text);
}

GgufPair GgufText(std::string_view key, std::string_view text) {
  return {std::string(key), static_cast<uint32_t>(ValueType::kString), GgufString(text)};
}

GgufPair GgufNumber(std::string_view key, ValueType type, uint64_t value) {
  return {std::string(key), static_cast<uint32_t>(type),
          Raw(value).substr(0, static_cast<size_t>(gguf::FixedBytes(type)))};
}

GgufPair GgufArray(std::string_view key, ValueType element, uint64_t count, std::string_view elements) {
  return {std::string(key), static_cast<uint32_t>(ValueType::kArray),
          Raw(static_cast<uint32_t>(element)) + Raw(count) + std::string(elements)};
}

std::string GgufFile::Header() const {
  std::string bytes = Raw(gguf::kMagic) + Raw(version) + Raw(tensor_count.value_or(tensors.size())) +
                      Raw(pair_count.value_or(pairs.size()));
  for (const GgufPair& pair : pairs) bytes += GgufString(pair.key) + Raw(pair.type) + pair.value;
  uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    bytes += GgufString(tensor.name) + Raw(static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t size : tensor.shape) bytes += Raw(size);
    bytes += Raw(tensor.type) + Raw(tensor.offset.value_or(offset));
    offset = Up(offset + TensorBytes(tensor), alignment);
  }
  return bytes;
}

std::string GgufFile::Bytes() const {
  std::string bytes = Header();
  if (tensors.empty()) return bytes;
  bytes.resize(Up(bytes.size(), alignment), padding);
  for (const GgufTensor& tensor : tensors) {
    bytes.resize(Up(bytes.size(), alignment), padding);
    bytes.append(TensorBytes(tensor), 'w');
  }
  if (pads_last) bytes.resize(Up(bytes.size(), alignment), padding);
  return bytes;
}

GgufFile RandomGguf(std::mt19937_64& random) {
  GgufFile file{.version = 2 + static_cast<uint32_t>(Below(random, 2)), .pairs = {}, .tensors = {}};
  if (Below(random, 2) == 0) {
    file.alignment = uint64_t{1} << Below(random, 9);
    file.pairs.push_back(GgufNumber("general.alignment", ValueType::kU32, file.alignment));
  }
  const uint64_t pairs = Below(random, 12);
  for (uint64_t i = 0; i < pairs; ++i) file.pairs.push_back(RandomPair(random, i));
  const uint64_t tensors = Below(random, 12);
  for (uint64_t i = 0; i < tensors; ++i) file.tensors.push_back(RandomTensor(random, i));
  file.pads_last = Below(random, 2) == 0;
  return file;
}

}  // namespace batuta::formats
