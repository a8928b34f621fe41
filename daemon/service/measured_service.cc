#include "daemon/service/measured_service.h"

#include <utility>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"

namespace batuta::service {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::Empty;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using grpc::internal::MethodHandler;
using grpc::internal::RpcMethod;

constexpr uint64_t kUsualBytes = 2 << 20;
constexpr uint64_t kLargestBytes = 12 << 20;  // a pull with as many locked files as are allowed
constexpr uint64_t kMostParts = 300'000;      // of those, each has three
constexpr uint64_t kSmallBytes = 64 << 10;    // cannot have enough parts to matter
constexpr int kDeepest = 32;

// False once `left` is used up.
bool CountParts(CodedInputStream& in, const Descriptor& type, int depth, uint64_t& left) {
  while (const uint32_t tag = in.ReadTag()) {
    if (left == 0) return false;
    --left;
    const FieldDescriptor* const field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const bool is_message = field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE &&
                            WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!is_message || depth == kDeepest) {
      if (!WireFormatLite::SkipField(&in, tag)) return true;
      continue;
    }
    const CodedInputStream::Limit outer = in.ReadLengthAndPushLimit();
    if (!CountParts(in, *field->message_type(), depth + 1, left)) return false;
    if (!in.CheckEntireMessageConsumedAndPopLimit(outer)) return true;
  }
  return true;
}

absl::Status Refusal(std::string_view method) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("the request is larger than {} has any use for", method),
                   "name fewer files, or use patterns");
}

// Ends a call of any type at once.
std::unique_ptr<MethodHandler> MakeRefuser(RpcMethod::RpcType type, std::string_view method) {
  const grpc::Status status = ToGrpcStatus(Refusal(method));
  if (type == RpcMethod::NORMAL_RPC) {
    return std::make_unique<grpc::internal::CallbackUnaryHandler<Empty, Empty>>(
        [status](grpc::CallbackServerContext* context, const Empty*, Empty*) {
          grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
          reactor->Finish(status);
          return reactor;
        });
  }

  class Stream final : public grpc::ServerWriteReactor<Empty> {
   public:
    explicit Stream(const grpc::Status& status) { Finish(status); }

    void OnDone() override { delete this; }
  };

  return std::make_unique<grpc::internal::CallbackServerStreamingHandler<Empty, Empty>>(
      [status](grpc::CallbackServerContext*, const Empty*) { return new Stream(status); });
}

// All of the bytes, in one piece.
class WholeMessage {
 public:
  explicit WholeMessage(grpc_byte_buffer* buffer) {
    grpc_byte_buffer_reader reader;
    if (grpc_byte_buffer_reader_init(&reader, buffer) == 0) return;
    slice_ = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
  }

  ~WholeMessage() { grpc_slice_unref(slice_); }

  WholeMessage(const WholeMessage&) = delete;
  WholeMessage& operator=(const WholeMessage&) = delete;

  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(slice_)), GRPC_SLICE_LENGTH(slice_)};
  }

 private:
  grpc_slice slice_ = grpc_empty_slice();
};

// One method whose request comes as one message: either its own handler deals with a call, or the refuser.
class MeasuringHandler final : public MethodHandler {
 public:
  MeasuringHandler(MethodHandler& own, RpcMethod::RpcType type, const std::string& method,
                   const Descriptor& request, const CallRules& rules)
      : own_(own),
        refuser_(MakeRefuser(type, method)),
        limits_(LimitsOf(method)),
        request_(request),
        rules_(rules) {}

  // Any thread of gRPC. What comes out of it is handed to RunHandler(), by gRPC.
  void* Deserialize(grpc_call* call, grpc_byte_buffer* buffer, grpc::Status* status, void** data) override {
    if (buffer == nullptr) TellTakenBack(call);
    if (buffer == nullptr || IsWithin(buffer)) return own_.Deserialize(call, buffer, status, data);
    grpc_byte_buffer_destroy(buffer);
    void* const empty = refuser_->Deserialize(call, grpc_raw_byte_buffer_create(nullptr, 0), status, data);
    *status = grpc::Status(kRefused, "");
    return empty;
  }

  void RunHandler(const HandlerParameter& param) override {
    const Duration wait = param.status.ok() ? WaitOf(param.call->call()) : Duration::zero();
    if (wait == Duration::zero()) return RunNow(param);
    rules_.timer->PostAfter(wait, [this, param] { RunNow(param); });
  }

 private:
  // None that a parser gives.
  static constexpr grpc::StatusCode kRefused = grpc::StatusCode::OUT_OF_RANGE;

  void RunNow(const HandlerParameter& param) {
    if (param.status.error_code() != kRefused) return own_.RunHandler(param);
    refuser_->RunHandler(HandlerParameter(param.call, param.server_context, param.request, grpc::Status::OK,
                                          param.internal_data, param.call_requester));
  }

  void TellTakenBack(grpc_call* call) const {
    if (rules_.on_taken_back) rules_.on_taken_back(PeerOf(call).get());
  }

  Duration WaitOf(grpc_call* call) const {
    return rules_.wait_for_turn ? rules_.wait_for_turn(PeerOf(call).get()) : Duration::zero();
  }

  static std::unique_ptr<char, decltype(&gpr_free)> PeerOf(grpc_call* call) {
    return {grpc_call_get_peer(call), &gpr_free};
  }

  bool IsWithin(grpc_byte_buffer* buffer) const {
    const size_t size = grpc_byte_buffer_length(buffer);
    if (size <= kSmallBytes) return true;
    return size <= limits_.bytes && HasAtMostParts(WholeMessage(buffer).bytes(), request_, limits_.parts);
  }

  MethodHandler& own_;
  const std::unique_ptr<MethodHandler> refuser_;
  const RequestLimits limits_;
  const Descriptor& request_;
  const CallRules rules_;
};

// The handlers of another service, which its author and gRPC alone are meant to see.
class Handlers : public grpc::Service {
 public:
  static MethodHandler& Of(grpc::Service& service, int index) {
    return *(service.*(&Handlers::GetHandler))(index);
  }
};

RpcMethod::RpcType TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? RpcMethod::BIDI_STREAMING : RpcMethod::CLIENT_STREAMING;
  }
  return method.server_streaming() ? RpcMethod::SERVER_STREAMING : RpcMethod::NORMAL_RPC;
}

// Hands on what is not measured.
class PassingHandler final : public MethodHandler {
 public:
  explicit PassingHandler(MethodHandler& own) : own_(own) {}

  void RunHandler(const HandlerParameter& param) override { own_.RunHandler(param); }

 private:
  MethodHandler& own_;
};

}  // namespace

RequestLimits LimitsOf(std::string_view method) {
  const bool is_large = method == "StartPull" || method == "PlanPull";
  return {.bytes = is_large ? kLargestBytes : kUsualBytes, .parts = kMostParts};
}

bool HasAtMostParts(std::string_view data, const Descriptor& type, uint64_t most) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(data.data()), static_cast<int>(data.size()));
  return CountParts(in, type, 0, most);
}

MeasuredService::MeasuredService(const std::string& name, std::unique_ptr<grpc::Service> service,
                                 const CallRules& rules)
    : service_(std::move(service)) {
  const auto* const described = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
  for (int index = 0; index < described->method_count(); ++index) {
    const google::protobuf::MethodDescriptor& method = *described->method(index);
    const RpcMethod::RpcType type = TypeOf(method);
    MethodHandler& own = Handlers::Of(*service_, index);
    std::unique_ptr<MethodHandler> handler;
    if (method.client_streaming()) {
      handler = std::make_unique<PassingHandler>(own);
    } else {
      handler = std::make_unique<MeasuringHandler>(own, type, method.name(), *method.input_type(), rules);
    }
    paths_.push_back(std::make_unique<const std::string>(fmt::format("/{}/{}", name, method.name())));
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back()->c_str(), type, nullptr));
    MarkMethodCallback(index, handler.release());
  }
}

}  // namespace batuta::service
