#pragma once

#include "absl/status/status.h"

namespace batuta::transfer {

// What to do about a connection that failed.
enum class Remedy {
  kRedialNow,
  kRedialLater,  // after NextDelay()
  kStartOver,    // forget every byte, then redial
  kGiveUp,
};

// `attempt`: failures in a row without progress, this one counted (≥ 1). `start_overs`: how often the blob
// was begun again. An expired link is asked for anew at once, three times; a changed object is begun again
// once. Pure.
Remedy ChooseRemedy(const absl::Status& status, int attempt, int start_overs);

}  // namespace batuta::transfer
