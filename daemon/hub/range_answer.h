#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "common/types/entry.h"
#include "common/types/revision.h"
#include "daemon/transport/http_transport.h"
#include "daemon/transport/range_source.h"

// Is this answer about the bytes that were asked for? Pure.
namespace batuta::hub {

struct ExpectedRange {
  const CommitId& commit;
  const Entry& entry;
  transport::ByteRange range;
};

// What any answer of the endpoint itself, redirects included, says about the file. (Other hosts use the same
// headers for things of their own.) What is absent proves nothing and is accepted, as is an etag that is no
// hash.
//   kAborted (UPSTREAM_CHANGED)  another commit, blob or size.
absl::Status CheckIdentity(const transport::HttpHead& head, const ExpectedRange& expected);

// Where the bytes of a 2xx answer begin: at the range, or at 0 when the server ignored it.
//   kAborted (UPSTREAM_CHANGED)      the file has another size.
//   kUnavailable (HUB_UNREACHABLE)   a range that was not asked for, or does not say which one it is.
//   kInternal (HUB_PROTOCOL)         compressed, or a status that promises no such bytes.
absl::StatusOr<uint64_t> BeginOfBody(const transport::HttpHead& head, const ExpectedRange& expected);

// When a signed link runs out, by what its query says (`Expires=`, or `X-Amz-Date=` with `X-Amz-Expires=`);
// nullopt when it says nothing.
std::optional<WallTime> LinkExpiry(std::string_view url);

}  // namespace batuta::hub
