#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "daemon/transport/range_source.h"

namespace batuta::pull {

// Collects one range in memory, and no byte beside it. A server that does not do ranges sends the file from
// its first byte on: what is before the range is passed over, as long as that is not too much.
class RangeCollector final : public transport::RangeHandler {
 public:
  // `bytes` are fewer than the range when the fetch ended early, whatever the status. Called as
  // RangeHandler::OnDone.
  using Done = absl::AnyInvocable<void(absl::Status, std::string bytes)>;

  RangeCollector(transport::ByteRange range, Done done) : range_(range), done_(std::move(done)) {}

  void OnStart(uint64_t offset) override { position_ = offset; }

  transport::DataResult OnData(std::span<const std::byte> bytes) override;
  void OnDone(const absl::Status& status) override;

 private:
  const transport::ByteRange range_;
  Done done_;
  uint64_t position_ = 0;
  std::string bytes_;
};

}  // namespace batuta::pull
