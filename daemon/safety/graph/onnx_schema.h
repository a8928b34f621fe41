#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/safety/graph/protobuf_reader.h"

// What the messages of an ONNX model may hold, as data.
namespace batuta::safety::onnx {

// Kinds of messages that are looked into.
enum class Message : uint8_t {
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kFunction,
  kTraining,
  kExternal,  // key and value of a tensor's data in another file
  kOther,     // names, types and notes: passed over
};

enum class Holds : uint8_t { kNumber, kFloat, kDouble, kBytes };

struct Field {
  uint32_t number = 0;
  Holds holds = Holds::kBytes;
  bool many = false;                  // else one that stands twice is no writer's work, and readers disagree
  Message message = Message::kOther;  // of kBytes that are a message to be looked into
};

// The field of that number; null when ONNX has none.
const Field* FindField(Message message, uint32_t number);

// May it be written so? Numbers also come packed.
bool Fits(const Field& field, ProtobufReader::Wire wire);

// Bits of an element; 0 for texts and for types that are not known.
uint64_t ElementBits(uint64_t data_type);

inline constexpr uint64_t kStringType = 8;

// Do the operators of that domain come with ONNX or its runtime?
bool IsKnownDomain(std::string_view domain);

// Of a known domain, and runs what is not in the model.
bool RunsCode(std::string_view op_type);

}  // namespace batuta::safety::onnx
