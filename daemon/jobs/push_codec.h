#pragma once

#include "absl/status/statusor.h"

#include "daemon/push/push_request.h"
#include "nlohmann/json.hpp"

namespace batuta::jobs {

// What a push was asked, and what it must remember, as the record of its job keeps it.
nlohmann::json EncodePush(const push::PushRequest& request);

//   kDataLoss (CATALOG_DAMAGED); nlohmann::json::exception where a key is missing or of another type.
absl::StatusOr<push::PushRequest> DecodePush(const nlohmann::json& value);

}  // namespace batuta::jobs
