#pragma once

#include <string>
#include <string_view>

#include "daemon/safety/text/text.h"

namespace batuta::safety {

// The class of a name (lower case, without its folder) that says that the file is text: "*.py",
// "config.json",
// "*.index.json"; empty for other names. Files that loaders go by the whole name of are classes of their own.
std::string TextNameClass(std::string_view name);

// Of such a class.
TextKind TextKindOf(std::string_view name_class);

}  // namespace batuta::safety
