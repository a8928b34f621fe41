#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/graph/protobuf_reader.h"

// The messages of TensorFlow that lead to operations, as data.
namespace batuta::safety::tensorflow {

enum class Message : uint8_t {
  kSavedModel,
  kMetaGraph,
  kMetaInfo,
  kOperationList,
  kGraph,
  kLibrary,
  kFunction,
  kSignature,
  kNode,
  kAttribute,  // a name and a value
  kValue,
  kList,
  kFunctionValue,
  kTensor,
  kAsset,
  kAssetTensor,
  kObjectGraph,
  kObject,
  kUserObject,
  kKerasMetadata,
  kKerasNode,
  kFingerprint,
};

// The message in that field, where it is one that leads on.
std::optional<Message> MessageIn(Message message, uint32_t field);

// Has that message such a field, a number or not? Those in which nothing can hide may have any.
bool HasField(Message message, const ProtobufReader::Field& field);

// Can `name` be the name of an operation?
bool IsOperationName(std::string_view name);

// What a whole file is, by its first fields; nothing when it is none. No file holds
// to the fields of two: where one has the name of an operation the other has a number or a message, which
// begins with a byte that no name has.
absl::StatusOr<std::optional<Message>> RootOf(ByteSource& bytes);

// Is it a graph from the first byte to the last, with a node at least? For what is packed into a string.
// An error, of this and the last, is about reading.
absl::StatusOr<bool> IsGraph(ByteSource& bytes);

}  // namespace batuta::safety::tensorflow
