#pragma once

#include <string>
#include <string_view>

#include "common/io/unique_fd.h"

namespace batuta {

// Opens what `path` (relative, no `..`) leads to from the folder `root`, without ever leaving it, whatever is
// renamed meanwhile: symlinks are followed only as long as they lead to what is inside. `root_path` is where
// the folder is, for absolute symlinks into it. Never waits for the other end of a FIFO. An invalid
// descriptor: errno says why; EXDEV: it leads outside.
UniqueFd OpenBeneath(int root, std::string_view root_path, const std::string& path, int flags);

// The same for kernels that cannot follow symlinks so (before Linux 5.6): follows none; ELOOP.
UniqueFd OpenBeneathWithoutLinks(int root, const std::string& path, int flags);

}  // namespace batuta
