#pragma once

#include <string_view>

namespace batuta::client {

// The script for "bash", "zsh" or "fish"; empty for another shell.
std::string_view CompletionScript(std::string_view shell);

}  // namespace batuta::client
