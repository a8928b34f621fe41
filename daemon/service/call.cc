#include "daemon/service/call.h"

#include <string>
#include <string_view>

#include "common/rpc/metadata_keys.h"
#include "common/rpc/status_codec.h"

namespace batuta::service {

namespace {

constexpr size_t kMaxToolName = 64;
constexpr size_t kMaxToken = 1'024;

std::string Metadata(const grpc::CallbackServerContext& context, const char* key, size_t max_size) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  if (found == metadata.end() || found->second.size() > max_size) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

bool IsTokenShaped(std::string_view text) {
  for (const char character : text) {
    if (character <= ' ' || character > '~') return false;
  }
  return !text.empty() && text.size() <= kMaxToken;
}

Caller CallerOf(uint32_t uid, const grpc::CallbackServerContext& context) {
  std::string token = Metadata(context, kHubTokenKey, kMaxToken);
  if (!IsTokenShaped(token)) token.clear();
  return {.principal = {.uid = uid, .tool = Metadata(context, kToolKey, kMaxToolName)},
          .token = Secret(std::move(token))};
}

std::shared_ptr<UnaryReactor> UnaryReactor::Begin(const ServiceContext& services) {
  std::shared_ptr<UnaryReactor> reactor(new UnaryReactor(services));
  reactor->self_ = reactor;
  services.calls->Begin(reactor);
  return reactor;
}

void UnaryReactor::Abort(const absl::Status& status) {
  if (Claim()) Finish(ToGrpcStatus(status));
}

void UnaryReactor::OnCancel() {
  if (Claim()) Finish(grpc::Status::CANCELLED);
}

void UnaryReactor::OnDone() {
  const std::shared_ptr<UnaryReactor> self = std::move(self_);
  services_.calls->End(this, services_.clock.steady());
}

void UnaryCall::Finish(const absl::Status& status) const {
  if (reactor_->Claim()) reactor_->Finish(ToGrpcStatus(status));
}

}  // namespace batuta::service
