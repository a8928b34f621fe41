#include "daemon/transfer/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace batuta::transfer {
namespace {

constexpr Duration kMakeUp = std::chrono::milliseconds(100);
constexpr uint64_t kPiecesPerSecond = 50;
constexpr uint64_t kLeastPiece = 1 << 10;
constexpr uint64_t kMostPiece = 1 << 20;
constexpr uint64_t kWorthAConnection = 256 << 10;  // bytes per second

}  // namespace

void TokenBucket::SetRate(uint64_t bytes_per_second) {
  rate_ = bytes_per_second;
  promised_until_ = SteadyTime::min();
}

SteadyTime TokenBucket::Promise(uint64_t bytes, SteadyTime now) {
  if (rate_ == 0) return now;
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  const SteadyTime start = std::max(promised_until_, now - kMakeUp);
  promised_until_ = start + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return start;
}

uint64_t PieceAt(uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return std::numeric_limits<uint64_t>::max();
  return std::clamp(bytes_per_second / kPiecesPerSecond, kLeastPiece, kMostPiece);
}

int ConnectionsAt(uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return std::numeric_limits<int>::max();
  const uint64_t most = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<uint64_t>(bytes_per_second / kWorthAConnection, 1, most));
}

}  // namespace batuta::transfer
