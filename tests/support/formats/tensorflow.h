#pragma once

#include <string>
#include <string_view>
#include <vector>

// The messages of TensorFlow, as protobuf writes them.
namespace batuta::formats {

// The content of a node. `attributes` are fields, as TfAttribute() gives them for a node.
std::string TfNode(std::string_view name, std::string_view op, const std::vector<std::string>& inputs = {},
                   std::string_view attributes = "");

// One attribute of a node, whose `value` is a field of an AttrValue.
std::string TfAttribute(std::string_view name, std::string_view value);

// A node that gives one string.
std::string TfConstant(std::string_view name, std::string_view text);

std::string TfFunction(std::string_view name, const std::vector<std::string>& nodes);

std::string TfGraph(const std::vector<std::string>& nodes, const std::vector<std::string>& functions);

std::string TfSavedModel(std::string_view graph);

}  // namespace batuta::formats
