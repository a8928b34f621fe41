#include "tests/support/formats/onnx.h"

#include "tests/support/formats/protobuf.h"

namespace batuta::formats {
namespace {

std::string TensorHead(std::string_view name, uint64_t type, const std::vector<uint64_t>& dims) {
  std::string bytes;
  for (const uint64_t size : dims) bytes += VarintField(1, size);
  return bytes + VarintField(2, type) + BytesField(8, name);
}

uint64_t Below(std::mt19937_64& random, uint64_t bound) {
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

std::string RandomTensor(std::mt19937_64& random) {
  struct Type {
    uint64_t id;
    uint64_t bits;
  };

  constexpr Type kTypes[] = {{1, 32},   {2, 8},   {5, 16}, {7, 64}, {9, 8},  {10, 16}, {11, 64},
                             {15, 128}, {16, 16}, {17, 8}, {21, 4}, {23, 4}, {24, 8},  {25, 2}};
  const Type& type = kTypes[Below(random, std::size(kTypes))];
  std::vector<uint64_t> dims(Below(random, 4));
  uint64_t elements = 1;
  for (uint64_t& size : dims) {
    size = Below(random, 5);
    elements *= size;
  }
  const std::string raw((elements * type.bits + 7) / 8, 'w');
  switch (Below(random, 4)) {
    case 0:
      return OnnxExternalTensor("x", type.id, dims,
                                {{"location", "model.onnx_data"},
                                 {"offset", std::to_string(Below(random, 10) * 4096)},
                                 {"length", std::to_string(raw.size())}});
    case 1: {
      // Packed sizes, numbers instead of raw data.
      std::string packed;
      for (const uint64_t size : dims) packed += Varint(size);
      return BytesField(1, packed) + VarintField(2, 7) + BytesField(7, std::string(elements, '\1'));
    }
    default:
      return OnnxTensor("w", type.id, dims, raw);
  }
}

std::string RandomGraph(std::mt19937_64& random, int depth) {
  std::vector<std::string> nodes;
  std::vector<std::string> initializers;
  for (uint64_t i = Below(random, 6); i > 0; --i) {
    std::vector<std::string> attributes;
    if (Below(random, 2) == 0) attributes.push_back(BytesField(1, "axis") + VarintField(3, ~uint64_t{0}));
    if (Below(random, 3) == 0) attributes.push_back(BytesField(5, RandomTensor(random)));
    if (depth > 0 && Below(random, 3) == 0)
      attributes.push_back(BytesField(6, RandomGraph(random, depth - 1)));
    constexpr std::string_view kDomains[] = {"", "ai.onnx.ml", "com.microsoft"};
    nodes.push_back(OnnxNode("MatMul", kDomains[Below(random, 3)], attributes));
  }
  for (uint64_t i = Below(random, 6); i > 0; --i) initializers.push_back(RandomTensor(random));
  return OnnxGraph(nodes, initializers);
}

}  // namespace

std::string OnnxTensor(std::string_view name, uint64_t type, const std::vector<uint64_t>& dims,
                       std::string_view raw) {
  return TensorHead(name, type, dims) + BytesField(9, raw);
}

std::string OnnxExternalTensor(std::string_view name, uint64_t type, const std::vector<uint64_t>& dims,
                               const std::map<std::string, std::string>& place) {
  std::string bytes = TensorHead(name, type, dims);
  for (const auto& [key, value] : place) bytes += BytesField(13, BytesField(1, key) + BytesField(2, value));
  return bytes + VarintField(14, 1);
}

std::string OnnxNode(std::string_view op_type, std::string_view domain,
                     const std::vector<std::string>& attributes) {
  std::string bytes = BytesField(1, "in") + BytesField(2, "out") + BytesField(4, op_type);
  for (const std::string& attribute : attributes) bytes += BytesField(5, attribute);
  return domain.empty() ? bytes : bytes + BytesField(7, domain);
}

std::string OnnxGraph(const std::vector<std::string>& nodes, const std::vector<std::string>& initializers) {
  std::string bytes;
  for (const std::string& node : nodes) bytes += BytesField(1, node);
  bytes += BytesField(2, "graph");
  for (const std::string& tensor : initializers) bytes += BytesField(5, tensor);
  return bytes + BytesField(11, BytesField(1, "in")) + BytesField(12, BytesField(1, "out"));
}

std::string OnnxFunction(std::string_view domain, std::string_view name,
                         const std::vector<std::string>& nodes) {
  std::string bytes = BytesField(1, name);
  for (const std::string& node : nodes) bytes += BytesField(7, node);
  return bytes + BytesField(10, domain);
}

std::string OnnxModel(std::string_view graph, std::string_view more) {
  return VarintField(1, 10) + BytesField(2, "tests") + BytesField(7, graph) +
         BytesField(8, BytesField(1, "") + VarintField(2, 21)) + std::string(more);
}

std::string RandomOnnx(std::mt19937_64& random) {
  return OnnxModel(RandomGraph(random, 3));
}

}  // namespace batuta::formats
