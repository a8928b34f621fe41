#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "common/types/revision.h"
#include "daemon/cache/survey.h"

// What lies in a snapshot, as the sets of files that pulls asked for.
namespace batuta::inventory {

// A file on the disk, whatever its names.
struct FileKey {
  uint64_t device = 0;
  uint64_t inode = 0;

  friend auto operator<=>(const FileKey&, const FileKey&) = default;
};

struct File {
  std::string path;  // below the snapshot
  FileKey key;
  uint64_t size_bytes = 0;
  uint64_t blob_mark = 0;  // see BlobMark()

  friend bool operator==(const File&, const File&) = default;
};

// A blob's name cut down to a number, since a cache may have a million of them: the first 16 digits. 0 for
// what is no blob's name. Two blobs may have the same mark; then the rest is looked at on the disk.
uint64_t BlobMark(std::string_view name);

// What one pull asked for, as it was recorded.
struct PulledSelection {
  std::string id;     // of its paths; see SelectionId()
  std::string label;  // for people: "default", "Q4_K_M", "config.json"
  std::vector<std::string> paths;

  // Why these and not others, where that was decided for the caller: a sentence for a person, and when.
  std::string why = {};
  WallTime chosen_at = {};
};

// The unit that is used, pinned and evicted.
struct Selection {
  std::string id;  // within its snapshot
  std::string label;
  std::vector<File> files;  // those that are there; never empty
  WallTime accessed;        // by the access times of its files

  friend bool operator==(const Selection&, const Selection&) = default;
};

// Names a set of paths: the same set, the same id. 16 hex characters.
std::string SelectionId(std::vector<std::string> paths);

// The selections of a snapshot: what pulls asked for, and of the rest, which other tools have brought, each
// GGUF variant with all its parts, and everything else as one. A file may belong to several. Pure.
std::vector<Selection> SelectionsOf(const cache::SurveyedSnapshot& snapshot,
                                    const std::vector<PulledSelection>& pulled);

// The GGUF file without the number of its part: `a/otter-Q4_K_M-00001-of-00002.gguf` and its second part have
// the same stem. Empty for other files.
std::string GgufStem(std::string_view path);

}  // namespace batuta::inventory
