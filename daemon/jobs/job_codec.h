#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/jobs/job.h"

namespace batuta::jobs {

// The JSON in which the catalog keeps a job (table kJobs, docs/on-disk-format.md). Never holds a token.
std::string EncodeJob(const JobRecord& job);

//   kDataLoss (CATALOG_DAMAGED)  not such a record; the message says what is wrong with it.
absl::StatusOr<JobRecord> DecodeJob(std::string_view text);

}  // namespace batuta::jobs
