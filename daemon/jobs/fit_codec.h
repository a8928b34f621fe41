#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include <nlohmann/json_fwd.hpp>

#include "daemon/pull/pull_request.h"

// The part of a job's record that is about the variant that fits. The machine is kept as it was sent, so that
// a job that is resumed decides as it would have.
namespace batuta::jobs {

// null when it was not asked for.
nlohmann::json EncodeFitWish(const std::optional<pull::FitWish>& wish);

// null when none was made.
nlohmann::json EncodeChoice(const std::optional<pull::VariantChoice>& choice);

// Both throw what nlohmann throws for a missing key or a wrong type.
//   kDataLoss (CATALOG_DAMAGED)  a value that is none of those.
absl::StatusOr<std::optional<pull::FitWish>> DecodeFitWish(const nlohmann::json& value);
std::optional<pull::VariantChoice> DecodeChoice(const nlohmann::json& value);

}  // namespace batuta::jobs
