#pragma once

#include "absl/status/statusor.h"

#include "batuta/v1/fit.pb.h"

#include "daemon/pull/fitter.h"
#include "daemon/pull/pull_request.h"

// Messages ↔ structs of what fits. Pure.
namespace batuta::service {

// What comes from a client is bounded, and made safe to print.
//   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<pull::FitWish> DecodeFit(const v1::FitSpec& spec);

void Encode(const Machine& machine, v1::Machine* out);
void Encode(const pull::FitReport& report, v1::Fit* out);

}  // namespace batuta::service
