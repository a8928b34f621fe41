#include "tests/support/formats/tensorflow.h"

#include "tests/support/formats/protobuf.h"

namespace batuta::formats {

std::string TfNode(std::string_view name, std::string_view op, const std::vector<std::string>& inputs,
                   std::string_view attributes) {
  std::string node = BytesField(1, name) + BytesField(2, op);
  for (const std::string& input : inputs) node += BytesField(3, input);
  return node + std::string(attributes);
}

std::string TfAttribute(std::string_view name, std::string_view value) {
  return BytesField(5, BytesField(1, name) + BytesField(2, value));
}

std::string TfConstant(std::string_view name, std::string_view text) {
  constexpr uint64_t kString = 7;
  return TfNode(name, "Const", {},
                TfAttribute("value", BytesField(8, VarintField(1, kString) + BytesField(8, text))));
}

std::string TfFunction(std::string_view name, const std::vector<std::string>& nodes) {
  std::string function = BytesField(1, BytesField(1, name));
  for (const std::string& node : nodes) function += BytesField(3, node);
  return function;
}

std::string TfGraph(const std::vector<std::string>& nodes, const std::vector<std::string>& functions) {
  std::string graph;
  for (const std::string& node : nodes) graph += BytesField(1, node);
  std::string library;
  for (const std::string& function : functions) library += BytesField(1, function);
  return graph + BytesField(2, library) + BytesField(4, VarintField(1, 1395));
}

std::string TfSavedModel(std::string_view graph) {
  const std::string info = BytesField(1, "") + BytesField(4, "serve") + BytesField(5, "2.15.0");
  return VarintField(1, 1) + BytesField(2, BytesField(1, info) + BytesField(2, graph));
}

}  // namespace batuta::formats
