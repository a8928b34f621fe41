#include "daemon/service/call.h"

#include <string_view>

#include "common/rpc/metadata_keys.h"

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

// A token goes into a header line, so nothing but visible ASCII may be in it.
bool IsTokenShaped(std::string_view text) {
  for (const char character : text) {
    if (character <= ' ' || character > '~') return false;
  }
  return true;
}

}  // namespace

Caller CallerOf(uint32_t uid, const grpc::CallbackServerContext& context) {
  std::string token = Metadata(context, kHubTokenKey, kMaxToken);
  if (!IsTokenShaped(token)) token.clear();
  return {.principal = {.uid = uid, .tool = Metadata(context, kToolKey, kMaxToolName)},
          .token = Secret(std::move(token))};
}

}  // namespace batuta::service
