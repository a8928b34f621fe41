#include "daemon/transfer/remedy.h"

#include <string>

#include "common/status/status.h"

namespace batuta::transfer {
namespace {

constexpr int kInstantLinkRetries = 3;
constexpr int kMaxStartOvers = 1;

}  // namespace

Remedy ChooseRemedy(const absl::Status& status, int attempt, int start_overs) {
  const std::string reason = ReasonOf(status);
  if (reason == reason::kUpstreamChanged || reason == reason::kDigestMismatch) {
    return start_overs < kMaxStartOvers ? Remedy::kStartOver : Remedy::kGiveUp;
  }
  if (!IsTransient(status)) return Remedy::kGiveUp;
  const bool is_instant = reason == reason::kLinkExpired && attempt <= kInstantLinkRetries;
  return is_instant ? Remedy::kRedialNow : Remedy::kRedialLater;
}

}  // namespace batuta::transfer
