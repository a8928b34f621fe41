#include "daemon/service/served_message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include "common/status/status.h"

namespace batuta::service {
namespace {

using google::protobuf::io::CodedInputStream;

// How a field is written; https://protobuf.dev/programming-guides/encoding/
constexpr uint32_t kVarint = 0;
constexpr uint32_t kEightBytes = 1;
constexpr uint32_t kLength = 2;
constexpr uint32_t kFourBytes = 5;
constexpr uint32_t kDataTag = v1::ServeFolderRequest::kDataFieldNumber << 3 | kLength;

// A piece holds all that was read from the connection together with it, up to 256 KiB: what is no longer than
// this is copied.
constexpr size_t kCopied = 16 << 10;

// In the message.
struct Place {
  size_t field = 0;
  size_t begin = 0;  // of its value
  size_t end = 0;
};

absl::Cord Share(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  absl::Cord whole;
  if (!message.Dump(&slices).ok()) return whole;
  for (grpc::Slice& slice : slices) {
    const absl::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (bytes.size() <= kCopied) {
      whole.Append(bytes);
    } else {
      whole.Append(absl::MakeCordFromExternal(bytes, [kept = std::move(slice)] {}));
    }
  }
  return whole;
}

bool SkipValue(CodedInputStream& in, uint32_t kind) {
  uint64_t number = 0;
  uint32_t length = 0;
  switch (kind) {
    case kVarint:
      return in.ReadVarint64(&number);
    case kEightBytes:
      return in.Skip(8);
    case kLength:
      return in.ReadVarint32(&length) && length <= INT32_MAX && in.Skip(static_cast<int>(length));
    case kFourBytes:
      return in.Skip(4);
    default:
      return false;
  }
}

// Of the last one, which counts; none when there is none, or what is left is read by nobody.
std::optional<Place> FindData(grpc::ByteBuffer& message) {
  grpc::ProtoBufferReader pieces(&message);
  CodedInputStream in(&pieces);
  std::optional<Place> found;
  while (true) {
    const auto field = static_cast<size_t>(in.CurrentPosition());
    const uint32_t tag = in.ReadTag();
    if (tag == 0) return found;
    uint32_t length = 0;
    if (tag != kDataTag) {
      if (!SkipValue(in, tag & 7U)) return std::nullopt;
      continue;
    }
    if (!in.ReadVarint32(&length) || length > INT32_MAX) return std::nullopt;
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    if (!in.Skip(static_cast<int>(length))) return std::nullopt;
    found = {.field = field, .begin = begin, .end = begin + length};
  }
}

}  // namespace

absl::StatusOr<ServedMessage> ParseServedMessage(grpc::ByteBuffer& message) {
  const absl::Cord whole = Share(message);
  ServedMessage parsed;
  std::string rest;
  if (const std::optional<Place> data = FindData(message)) {
    parsed.data = whole.Subcord(data->begin, data->end - data->begin);
    rest = std::string(whole.Subcord(0, data->field)) + std::string(whole.Subcord(data->end, whole.size()));
  } else {
    rest = std::string(whole);
  }
  if (!parsed.fields.ParseFromString(rest))
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "what the client that serves the folder sent is no message of this protocol");
  parsed.fields.clear_data();
  return parsed;
}

}  // namespace batuta::service
