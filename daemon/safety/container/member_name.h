#pragma once

#include <string>
#include <string_view>

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Holds the name of an archive's member to the rules: relative, inside its folder, the same file name
// everywhere. What breaks them is found at `offset`. A `/` at the end marks a folder.
void CheckMemberName(Subject& archive, std::string_view name, uint64_t offset);

// What two names have in common that are one file somewhere: case folded, no `/` at the end.
std::string FoldedMemberName(std::string_view name);

// Holds Unix mode bits to the rules: no link, device, pipe, setuid or setgid, and a folder only where the
// name says so as well. Zero is "not said".
void CheckMemberMode(Subject& archive, std::string_view name, uint32_t mode, bool is_folder, uint64_t offset);

}  // namespace batuta::safety
