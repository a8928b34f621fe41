#include "daemon/safety/graph/onnx_schema.h"

#include <algorithm>
#include <array>
#include <span>

namespace batuta::safety::onnx {
namespace {

constexpr bool kMany = true;

constexpr Field One(uint32_t number, Holds holds) {
  return {.number = number, .holds = holds};
}

constexpr Field Many(uint32_t number, Holds holds) {
  return {.number = number, .holds = holds, .many = kMany};
}

constexpr Field One(uint32_t number, Message message) {
  return {.number = number, .message = message};
}

constexpr Field Many(uint32_t number, Message message) {
  return {.number = number, .many = kMany, .message = message};
}

constexpr Field Text(uint32_t number) {
  return {.number = number};
}

constexpr Field Texts(uint32_t number) {
  return {.number = number, .many = kMany};
}

constexpr Field kModel[] = {
    One(1, Holds::kNumber),        // ir_version
    Text(2),                       // producer_name
    Text(3),                       // producer_version
    Text(4),                       // domain
    One(5, Holds::kNumber),        // model_version
    Text(6),                       // doc_string
    One(7, Message::kGraph),       // graph
    Texts(8),                      // opset_import
    Texts(14),                     // metadata_props
    Many(20, Message::kTraining),  // training_info
    Many(25, Message::kFunction),  // functions
    Texts(26),                     // configuration
    Texts(30),                     // global_mutable_initializer_name
};

constexpr Field kGraph[] = {
    Many(1, Message::kNode),     // node
    Text(2),                     // name
    Many(5, Message::kTensor),   // initializer
    Text(10),                    // doc_string
    Texts(11),                   // input
    Texts(12),                   // output
    Texts(13),                   // value_info
    Texts(14),                   // quantization_annotation
    Many(15, Message::kSparse),  // sparse_initializer
    Texts(16),                   // metadata_props
};

constexpr Field kNode[] = {
    Texts(1),                      // input
    Texts(2),                      // output
    Text(3),                       // name
    Text(4),                       // op_type
    Many(5, Message::kAttribute),  // attribute
    Text(6),                       // doc_string
    Text(7),                       // domain
    Text(8),                       // overload
    Texts(9),                      // metadata_props
    Texts(10),                     // device_configurations
};

constexpr Field kAttribute[] = {
    Text(1),                     // name
    One(2, Holds::kFloat),       // f
    One(3, Holds::kNumber),      // i
    Text(4),                     // s
    One(5, Message::kTensor),    // t
    One(6, Message::kGraph),     // g
    Many(7, Holds::kFloat),      // floats
    Many(8, Holds::kNumber),     // ints
    Texts(9),                    // strings
    Many(10, Message::kTensor),  // tensors
    Many(11, Message::kGraph),   // graphs
    Text(13),                    // doc_string
    Text(14),                    // tp
    Texts(15),                   // type_protos
    One(20, Holds::kNumber),     // type
    Text(21),                    // ref_attr_name
    One(22, Message::kSparse),   // sparse_tensor
    Many(23, Message::kSparse),  // sparse_tensors
};

constexpr Field kTensor[] = {
    Many(1, Holds::kNumber),       // dims
    One(2, Holds::kNumber),        // data_type
    Text(3),                       // segment
    Many(4, Holds::kFloat),        // float_data
    Many(5, Holds::kNumber),       // int32_data
    Texts(6),                      // string_data
    Many(7, Holds::kNumber),       // int64_data
    Text(8),                       // name
    Text(9),                       // raw_data
    Many(10, Holds::kDouble),      // double_data
    Many(11, Holds::kNumber),      // uint64_data
    Text(12),                      // doc_string
    Many(13, Message::kExternal),  // external_data
    One(14, Holds::kNumber),       // data_location
    Texts(16),                     // metadata_props
};

constexpr Field kSparse[] = {
    One(1, Message::kTensor),  // values
    One(2, Message::kTensor),  // indices
    Many(3, Holds::kNumber),   // dims
};

constexpr Field kFunction[] = {
    Text(1),                        // name
    One(2, Holds::kNumber),         // since_version
    One(3, Holds::kNumber),         // status
    Texts(4),                       // input
    Texts(5),                       // output
    Texts(6),                       // attribute, by name
    Many(7, Message::kNode),        // node
    Text(8),                        // doc_string
    Texts(9),                       // opset_import
    Text(10),                       // domain
    Many(11, Message::kAttribute),  // attribute_proto
    Texts(12),                      // value_info
    Text(13),                       // overload
    Texts(14),                      // metadata_props
};

constexpr Field kTraining[] = {
    One(1, Message::kGraph),  // initialization
    One(2, Message::kGraph),  // algorithm
    Texts(3),                 // initialization_binding
    Texts(4),                 // update_binding
};

constexpr Field kExternal[] = {
    Text(1),  // key
    Text(2),  // value
};

std::span<const Field> FieldsOf(Message message) {
  switch (message) {
    case Message::kModel:
      return kModel;
    case Message::kGraph:
      return kGraph;
    case Message::kNode:
      return kNode;
    case Message::kAttribute:
      return kAttribute;
    case Message::kTensor:
      return kTensor;
    case Message::kSparse:
      return kSparse;
    case Message::kFunction:
      return kFunction;
    case Message::kTraining:
      return kTraining;
    case Message::kExternal:
      return kExternal;
    case Message::kOther:
      break;
  }
  return {};
}

// By TensorProto.DataType.
constexpr std::array<uint8_t, 27> kElementBits = {
    0,    // undefined
    32,   // float
    8,    // uint8
    8,    // int8
    16,   // uint16
    16,   // int16
    32,   // int32
    64,   // int64
    0,    // string
    8,    // bool
    16,   // float16
    64,   // double
    32,   // uint32
    64,   // uint64
    64,   // complex64
    128,  // complex128
    16,   // bfloat16
    8,    // float8e4m3fn
    8,    // float8e4m3fnuz
    8,    // float8e5m2
    8,    // float8e5m2fnuz
    4,    // uint4
    4,    // int4
    4,    // float4e2m1
    8,    // float8e8m0
    2,    // uint2
    2,    // int2
};

// Those of ONNX and those that every onnxruntime has.
constexpr std::string_view kDomains[] = {
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.training",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.microsoft.experimental",
    "com.ms.internal.nhwc",
};

// A device's compiled code, Python functions by name, Python kernels.
constexpr std::string_view kRunners[] = {"EPContext", "PyOp", "PythonOp", "PythonOpGrad", "TritonOp"};

}  // namespace

const Field* FindField(Message message, uint32_t number) {
  for (const Field& field : FieldsOf(message)) {
    if (field.number == number) return &field;
  }
  return nullptr;
}

bool Fits(const Field& field, ProtobufReader::Wire wire) {
  using Wire = ProtobufReader::Wire;
  switch (field.holds) {
    case Holds::kNumber:
      return wire == Wire::kVarint || (field.many && wire == Wire::kBytes);
    case Holds::kFloat:
      return wire == Wire::kFixed32 || (field.many && wire == Wire::kBytes);
    case Holds::kDouble:
      return wire == Wire::kFixed64 || (field.many && wire == Wire::kBytes);
    case Holds::kBytes:
      break;
  }
  return wire == Wire::kBytes;
}

uint64_t ElementBits(uint64_t data_type) {
  return data_type < kElementBits.size() ? kElementBits[static_cast<size_t>(data_type)] : 0;
}

bool IsKnownDomain(std::string_view domain) {
  return std::find(std::begin(kDomains), std::end(kDomains), domain) != std::end(kDomains);
}

bool RunsCode(std::string_view op_type) {
  return std::find(std::begin(kRunners), std::end(kRunners), op_type) != std::end(kRunners);
}

}  // namespace batuta::safety::onnx
