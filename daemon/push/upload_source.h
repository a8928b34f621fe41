#pragma once

#include <functional>

#include "absl/status/statusor.h"

#include "daemon/push/blob_upload.h"
#include "daemon/push/plan.h"
#include "daemon/push/served_folders.h"

namespace batuta::push {

// Opens, blocking, what was planned: a file of the folder as it was then, or what was made up.
//   kAborted (FILE_CHANGED), kUnavailable (STORAGE_FAILED), IsClientGone()
std::function<absl::StatusOr<UploadSource>()> OpenerOf(const PlannedPushFile& file, const FolderPlace& place);

}  // namespace batuta::push
