#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::verify {

enum class Problem {
  kDamaged,     // its bytes do not have the hash that names it
  kMissing,     // a link leads to nothing
  kUnreadable,  // the disk refuses
  kWrongSize,   // the listing of the commit says another size
  kIncomplete,  // a selection names a file that is not there
};

// "damaged", "missing" …
std::string_view ToString(Problem problem);

// What is wrong with one file.
struct Finding {
  RepoId repo;
  std::string commit;  // with `path`; both empty for a blob that no snapshot leads to
  std::string path;    // below the snapshot
  std::string blob = {};
  uint64_t size_bytes = 0;
  Problem problem = Problem::kDamaged;
  std::string detail = {};     // one line, for people
  uint64_t damaged_bytes = 0;  // in pieces that are wrong; 0 = unknown, or all
};

// What a pull must bring so that a snapshot is whole again.
struct Repair {
  RepoId repo;
  CommitId commit;
  std::vector<std::string> paths;  // sorted

  friend bool operator==(const Repair&, const Repair&) = default;
};

}  // namespace batuta::verify
