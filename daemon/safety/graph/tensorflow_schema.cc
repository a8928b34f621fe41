#include "daemon/safety/graph/tensorflow_schema.h"

#include <algorithm>
#include <string>

#include "common/status/status.h"

namespace batuta::safety::tensorflow {
namespace {

using Field = ProtobufReader::Field;

// No operation has a longer name.
constexpr uint64_t kMostNameBytes = 256;

constexpr struct {
  Message message;
  uint32_t field;
  Message inner;
} kInner[] = {
    {Message::kSavedModel, 2, Message::kMetaGraph},
    {Message::kMetaGraph, 1, Message::kMetaInfo},
    {Message::kMetaGraph, 2, Message::kGraph},
    {Message::kMetaGraph, 6, Message::kAsset},
    {Message::kMetaGraph, 7, Message::kObjectGraph},
    {Message::kMetaInfo, 2, Message::kOperationList},
    {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 2, Message::kLibrary},
    {Message::kLibrary, 1, Message::kFunction},
    {Message::kFunction, 1, Message::kSignature},
    {Message::kFunction, 3, Message::kNode},
    {Message::kFunction, 5, Message::kAttribute},
    {Message::kNode, 5, Message::kAttribute},
    {Message::kAttribute, 2, Message::kValue},
    {Message::kValue, 1, Message::kList},
    {Message::kValue, 8, Message::kTensor},
    {Message::kValue, 10, Message::kFunctionValue},
    {Message::kList, 8, Message::kTensor},
    {Message::kList, 9, Message::kFunctionValue},
    {Message::kFunctionValue, 2, Message::kAttribute},
    {Message::kAsset, 1, Message::kAssetTensor},
    {Message::kObjectGraph, 1, Message::kObject},
    {Message::kObject, 4, Message::kUserObject},
    {Message::kKerasMetadata, 1, Message::kKerasNode},
};

// Which fields there are, a bit each, and which of them are numbers.
constexpr struct {
  Message message;
  uint32_t fields;
  uint32_t numbers;
} kFields[] = {
    {Message::kSavedModel, 0b110, 0b10},
    {Message::kMetaGraph, 0b1111'1110, 0},
    {Message::kMetaInfo, 0b1111'1110, 0b1000'0000},
    {Message::kOperationList, 0b10, 0},
    {Message::kGraph, 0b11'1110, 0b1000},
    {Message::kLibrary, 0b1110, 0},
    {Message::kFunction, 0b1111'1010, 0},
    {Message::kNode, 0b1111'1110, 0},
    {Message::kAttribute, 0b110, 0},
    {Message::kKerasMetadata, 0b10, 0},
    {Message::kKerasNode, 0b111'1110, 0b110},
    {Message::kFingerprint, 0b1111'1110, 0b11'1110},
};

// What the message at hand is, the first in a file.
struct First {
  bool is_node = false;   // of a graph: it has an operation
  bool is_keras = false;  // describes a layer
};

First ReadFirst(ProtobufReader& reader) {
  Field field;
  First first;
  while (reader.Next(field)) {
    std::string name;
    if (!field.is_bytes() || (field.number != 2 && field.number != 4)) continue;
    if (!reader.Text(kMostNameBytes + 1, name)) break;
    if (field.number == 2) first.is_node = IsOperationName(name);
    if (field.number == 4) first.is_keras |= name.starts_with("_tf_keras");
  }
  return first;
}

}  // namespace

std::optional<Message> MessageIn(Message message, uint32_t field) {
  for (const auto& row : kInner) {
    if (row.message == message && row.field == field) return row.inner;
  }
  return std::nullopt;
}

bool HasField(Message message, const ProtobufReader::Field& field) {
  for (const auto& row : kFields) {
    if (row.message != message) continue;
    const uint32_t bit = field.number < 32 ? 1U << field.number : 0;
    return (row.fields & bit) != 0 && field.is_bytes() == ((row.numbers & bit) == 0);
  }
  return true;
}

bool IsOperationName(std::string_view name) {
  const auto fits = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '.' || byte == '>' || byte == '/' || byte == '-';
  };
  return !name.empty() && name.size() <= kMostNameBytes && std::all_of(name.begin(), name.end(), fits);
}

absl::StatusOr<std::optional<Message>> RootOf(ByteSource& bytes) {
  ProtobufReader reader(bytes);
  Field field;
  bool begins_with_number = false;
  while (reader.Next(field)) {
    if (field.number == 1 && field.is_varint()) {
      begins_with_number = true;
    } else if (begins_with_number) {
      return field.is_bytes() ? Message::kSavedModel : Message::kFingerprint;
    } else if (field.number == 1 && field.is_bytes() && reader.Enter()) {
      const First first = ReadFirst(reader);
      RETURN_IF_ERROR(reader.status());
      if (!reader.problem().empty()) return std::nullopt;
      if (first.is_node) return Message::kGraph;
      return first.is_keras ? Message::kKerasMetadata : Message::kMetaGraph;
    } else if (field.number == 2 && field.is_bytes()) {
      return Message::kMetaGraph;
    } else {
      break;
    }
  }
  RETURN_IF_ERROR(reader.status());
  return std::nullopt;
}

absl::StatusOr<bool> IsGraph(ByteSource& bytes) {
  ProtobufReader reader(bytes);
  Field field;
  bool has_node = false;
  while (reader.Next(field)) {
    if (field.number != 1) continue;
    if (!field.is_bytes() || !reader.Enter()) return false;
    has_node |= ReadFirst(reader).is_node;
    reader.Leave();
  }
  RETURN_IF_ERROR(reader.status());
  return has_node && reader.complete();
}

}  // namespace batuta::safety::tensorflow
