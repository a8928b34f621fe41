#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// Writes the messages of ONNX models, as the fields that hold them in the message around.
namespace batuta::formats {

// A TensorProto with raw data.
std::string OnnxTensor(std::string_view name, uint64_t type, const std::vector<uint64_t>& dims,
                       std::string_view raw);

// One with its data in another file: "location", "offset", "length".
std::string OnnxExternalTensor(std::string_view name, uint64_t type, const std::vector<uint64_t>& dims,
                               const std::map<std::string, std::string>& place);

// A NodeProto with attributes (AttributeProto) of that content.
std::string OnnxNode(std::string_view op_type, std::string_view domain = "",
                     const std::vector<std::string>& attributes = {});

// A GraphProto.
std::string OnnxGraph(const std::vector<std::string>& nodes, const std::vector<std::string>& initializers);

// A FunctionProto.
std::string OnnxFunction(std::string_view domain, std::string_view name,
                         const std::vector<std::string>& nodes);

// A file: the graph and then fields of the model.
std::string OnnxModel(std::string_view graph, std::string_view more = "");

// Any valid model, of a few kilobytes, with graphs inside of nodes.
std::string RandomOnnx(std::mt19937_64& random);

}  // namespace batuta::formats
