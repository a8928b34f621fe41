#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/app/settings.h"

namespace batuta::app {

// What is written down of the daemon for people, all of it made from what the program itself goes by. Pure.

struct FlagHelp {
  std::string names;  // "--cache-dir TEXT"
  std::string help;
};

// batutad(8). `purpose`: a paragraph, then "Examples:" with lines of two blanks, a command, two blanks or
// more and what it does, then a paragraph; `user` and `system`: the same settings with the defaults of either
// mode.
std::string ManualPage(std::string_view purpose, const std::vector<FlagHelp>& flags,
                       const std::vector<Setting>& user, const std::vector<Setting>& system);

// A config.toml of comments: every setting with its default, what it means and which variables win over it.
std::string ConfigTemplate(const std::vector<Setting>& settings);

// Stands for the environment of anybody: what the manual calls ~ and $XDG_RUNTIME_DIR.
Environment AnybodysEnvironment();

}  // namespace batuta::app
