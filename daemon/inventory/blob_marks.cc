#include "daemon/inventory/blob_marks.h"

#include "daemon/inventory/selections.h"

namespace batuta::inventory {

std::unordered_set<uint64_t> BlobMarksOf(const Repos& repos) {
  std::unordered_set<uint64_t> marks;
  for (const auto& repo : repos) {
    for (const Snapshot& snapshot : repo->snapshots) {
      for (const Selection& selection : snapshot.selections) {
        for (const File& file : selection.files) marks.insert(file.blob_mark);
      }
    }
    for (const cache::LooseFile& file : repo->loose) marks.insert(BlobMark(file.name));
  }
  marks.erase(0);
  return marks;
}

}  // namespace batuta::inventory
