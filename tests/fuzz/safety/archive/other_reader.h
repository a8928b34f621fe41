#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

// An archive as a library that others wrote reads it.
namespace batuta::test {

using Members = std::map<std::string, std::string>;

// Files by name, with what is in them; folders are left out. Nothing when it refuses the archive.
std::optional<Members> ReadElsewhere(std::string_view bytes);

}  // namespace batuta::test
