#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/push/plan.h"
#include "daemon/push/served_folders.h"

namespace batuta::push {

using InlineContents = std::map<std::string, std::string>;  // by path

// The bytes of these files, which go into a commit itself: read again, and the ones that were planned and
// scanned. Blocking.
//   kAborted (FILE_CHANGED), kUnavailable (STORAGE_FAILED), IsClientGone()
absl::StatusOr<InlineContents> ReadInlineContents(const FolderPlace& place,
                                                  const std::vector<PlannedPushFile>& files);

// The name of these bytes as a regular file; empty where the crypto library refuses.
std::string GitSha1Of(std::string_view bytes);

}  // namespace batuta::push
