#include "daemon/pull/range_collector.h"

#include <algorithm>
#include <utility>

namespace batuta::pull {
namespace {

constexpr uint64_t kMostPassedOver = 4 << 20;

}  // namespace

transport::DataResult RangeCollector::OnData(std::span<const std::byte> bytes) {
  const uint64_t skipped =
      std::min<uint64_t>(bytes.size(), range_.begin > position_ ? range_.begin - position_ : 0);
  position_ += bytes.size();
  bytes = bytes.subspan(static_cast<size_t>(skipped));
  const size_t wanted = std::min<size_t>(bytes.size(), static_cast<size_t>(range_.size()) - bytes_.size());
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), wanted);
  const bool is_too_far = range_.begin > kMostPassedOver && position_ > kMostPassedOver && bytes_.empty();
  return bytes_.size() == range_.size() || is_too_far ? transport::DataResult::kStop
                                                      : transport::DataResult::kContinue;
}

void RangeCollector::OnDone(const absl::Status& status) {
  std::exchange(done_, nullptr)(status, std::move(bytes_));
}

}  // namespace batuta::pull
