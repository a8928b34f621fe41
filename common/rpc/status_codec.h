#pragma once

#include "absl/status/status.h"
#include <grpcpp/support/status.h>

#include "batuta/v1/types.pb.h"

// The one place where an error of ours becomes an error of gRPC and back.
//
// On the wire a failed call carries code and message as every gRPC call does, and in the trailer
// `grpc-status-details-bin` an RpcStatus whose one detail is an ErrorInfo: reason, domain "batuta", and as
// metadata the facts and the hint (key `hint`). The detail's type URL is
// `type.googleapis.com/google.rpc.ErrorInfo`, so that the stock helpers of every gRPC language decode it.
namespace batuta {

// OK becomes OK. Text that is not UTF-8 is mended, since Protobuf and HTTP/2 refuse it. An over-long message
// is cut with `…` and an over-long hint likewise; facts that do not fit are left out: together they stay well
// below the 8 KiB that peers allow for trailers.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The inverse. Details that are absent, foreign or damaged leave an error with code and message alone; so
// does an ErrorInfo of another domain. Never fails.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The same error as a message inside a message (the error of a job). OK becomes an empty message, and an
// empty message OK; a message with a reason or a text but no usable code becomes kUnknown.
v1::RpcErrorText ToErrorText(const absl::Status& status);
absl::Status FromErrorText(const v1::RpcErrorText& text);

}  // namespace batuta
