#include "client/commands/usage_error.h"

#include "common/status/status.h"

namespace batuta::client {

absl::Status UsageError(std::string_view message, std::string_view hint) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, message, hint);
}

}  // namespace batuta::client
