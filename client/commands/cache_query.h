#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "batuta/v1/cache_service.pb.h"

#include "client/output/cache_view.h"
#include "common/time/clock.h"

namespace batuta::client {

// CacheQuery says what of the cache is listed, and in which order, by the conventions of `hf cache ls`:
//
//   filters  size>1GB   accessed>30d (longer ago)   modified<=2w   type=model   refs=main;   all have to hold
//   sort     accessed, modified, size (newest and largest first) or name (A to Z); `:asc`, `:desc` turn it
//
// Immutable.
class CacheQuery {
 public:
  // `sort` empty: the daemon's order. `limit`: so many rows; 0 = all.
  //   kInvalidArgument (INVALID_ARGUMENT)  names what is possible.
  static absl::StatusOr<CacheQuery> Parse(const std::vector<std::string>& filters, std::string_view sort,
                                          uint32_t limit);

  // What is to be shown of `cache`, a repo a row. A row of a selection is its repo with that selection alone,
  // and with the numbers of that selection. `total_bytes` of a part is the sum of its rows.
  v1::ListReposResponse Apply(v1::ListReposResponse cache, CacheRows rows, WallTime now) const;

 private:
  using Filter = std::function<bool(const v1::CachedRepo& row, WallTime now)>;
  using Less = std::function<bool(const v1::CachedRepo& left, const v1::CachedRepo& right)>;

  static absl::StatusOr<Filter> ParseFilter(std::string_view text);
  static absl::StatusOr<Less> ParseSort(std::string_view text);

  std::vector<Filter> filters_;
  Less comes_first_;  // null: as it is
  uint32_t limit_ = 0;
};

}  // namespace batuta::client
