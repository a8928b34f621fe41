#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/entry.h"
#include "daemon/cache/damage.h"
#include "daemon/cache/survey.h"
#include "daemon/inventory/selections.h"
#include "daemon/verify/finding.h"

namespace batuta::verify {

// A file that is to be read.
struct Item {
  cache::FilePlace place;
  BlobId blob;              // what it should be
  uint64_t size_bytes = 0;  // how long it should be: as listed, else as it is
  std::string commit = {};  // where it is seen first; empty for a blob that no snapshot leads to
  std::string path = {};

  // What the listing says of that path, when that is another blob than the link's: some tools name blobs in
  // ways of their own.
  std::optional<BlobId> listed_as = {};
};

// RepoWork tells from what a survey found in a repo, and what was stored of its commits, what is wrong
// without any reading, and what is to be read. Pure.
class RepoWork {
 public:
  explicit RepoWork(RepoId repo) : repo_(std::move(repo)) {}

  // `listing`: of that commit, when one is stored. `pulled`: what pulls asked for there.
  void AddSnapshot(const cache::SurveyedSnapshot& snapshot, const std::optional<Tree>& listing,
                   const std::vector<inventory::PulledSelection>& pulled);

  // What no snapshot leads to; files on their way in are nobody's business.
  void AddLoose(const std::vector<cache::LooseFile>& loose);

  const std::vector<Item>& items() const { return items_; }

  const std::vector<Finding>& findings() const { return findings_; }

  // Files whose names say no hash, and that no listing knows.
  uint64_t unchecked_files() const { return unchecked_files_; }

 private:
  void AddFile(const cache::SurveyedSnapshot& snapshot, const cache::SurveyedFile& file, const Entry* entry);
  void AddAbsent(const CommitId& commit, const std::string& path, const Entry* entry, Problem problem,
                 std::string detail);

  const RepoId repo_;
  std::vector<Item> items_;
  std::map<std::string, size_t, std::less<>> by_blob_;  // positions in items_
  std::vector<Finding> findings_;
  uint64_t unchecked_files_ = 0;
};

}  // namespace batuta::verify
