#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/push/ignore_pattern.h"

namespace batuta::push {

// The names of the files that hold rules, in any folder; of two that speak of one path, the later one holds.
inline constexpr std::string_view kIgnoreFiles[] = {".gitignore", ".hfignore", ".batutaignore"};

// IgnoreRules says what a folder keeps to itself, exactly as git reads its .gitignore: the last rule that
// fits holds, those of an inner folder before those of an outer one, and what is below an ignored folder is
// ignored whatever a rule says. Beside them stands what a hub never takes: `.git` and `.cache/huggingface`.
//
// It follows a walk: the rules of a folder are added when the walk enters it, and taken off when it leaves.
// Pure. Not thread-safe.
class IgnoreRules {
 public:
  // Enters a folder below the one entered before; the first is the root, "". `path` has no `/` at its end.
  void Enter(std::string_view path);

  // The content of one of kIgnoreFiles in the folder entered last; in their order.
  void Add(std::string_view file_name, std::string_view text);

  void Leave();

  // Why the file or folder, which lies directly in the folder entered last, is ignored; nothing: it is not.
  std::optional<std::string> WhyIgnored(std::string_view name, bool is_folder) const;

 private:
  struct Rule {
    IgnorePattern pattern;
    uint32_t file = 0;  // in file_names_
    uint32_t line = 0;
  };

  struct Level {
    std::string path;  // with `/` at its end, unless it is empty
    size_t rules = 0;  // of the levels above
    size_t files = 0;
  };

  std::vector<Level> levels_;
  std::vector<Rule> rules_;
  std::vector<std::string> file_names_;
};

}  // namespace batuta::push
