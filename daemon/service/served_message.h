#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include <grpcpp/support/byte_buffer.h>

#include "batuta/v1/push_service.pb.h"

namespace batuta::service {

// What a client that serves a folder sent. Bytes of files stay where gRPC received them, which the cord keeps
// alive; nothing is copied.
struct ServedMessage {
  v1::ServeFolderRequest fields;  // without `data`
  absl::Cord data;
};

//   kInvalidArgument (INVALID_ARGUMENT)  it is no such message.
absl::StatusOr<ServedMessage> ParseServedMessage(grpc::ByteBuffer& message);

}  // namespace batuta::service
