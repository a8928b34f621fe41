#include "daemon/push/file_bytes.h"

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::push {

absl::Status FileChangedError(const RepoPath& path, std::string_view how) {
  return MakeError(absl::StatusCode::kAborted, reason::kFileChanged,
                   fmt::format("{} {}", Quoted(path.text()), how),
                   "push again when nothing writes to the folder any more");
}

}  // namespace batuta::push
