#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::push {

// A multipart upload that was begun: the place that the hub gave, and the parts that are there.
struct BegunUpload {
  hub::LfsUpload upload;
  std::map<uint32_t, std::string> etags;  // by number of the part, from 1
};

// No signed link is good for longer.
inline constexpr Duration kLongestUpload = std::chrono::hours(7 * 24);

// UploadJournal keeps, in Table::kUploads, multipart uploads that are under way, so that after a restart no
// part is sent again that is there. It holds signed links: whoever has one may put bytes in that place while
// the link is good, and nothing else. They are forgotten when the upload is over, and those of uploads that
// nobody went on with after kLongestUpload.
//
// Thread-safe; everything blocks. Best effort: what the catalog cannot give or take is sent again.
class UploadJournal {
 public:
  // `endpoint`: of the hub that gives the places. `realm`: of the folder; what one realm has sent is nothing
  // that another goes on with.
  UploadJournal(metadata::MetadataStore& store, std::string_view endpoint, const RepoId& repo,
                std::string_view realm = {})
      : store_(store), prefix_(PrefixOf(endpoint, repo, realm)) {}

  std::optional<BegunUpload> Find(const hub::LfsObject& object) const;

  // Anew: what was kept of the object before is forgotten.
  void Begin(const BegunUpload& begun, WallTime now);
  void Keep(const BlobId& object, const hub::StoredPart& part);
  void Forget(const BlobId& object);

 private:
  static std::string PrefixOf(std::string_view endpoint, const RepoId& repo, std::string_view realm) {
    const std::string place = std::string(endpoint) + " " + repo.folder() + "/";
    return realm.empty() ? place : std::string(realm) + "/" + place;
  }

  std::string KeyOf(const BlobId& object) const { return prefix_ + object.hex(); }

  std::string KeyOfPart(const BlobId& object, uint32_t number) const;
  void ForgetOutdated(WallTime now);
  void ForgetThose(const std::string& prefix,
                   const std::function<bool(std::string_view key, std::string_view value)>& is_one);

  metadata::MetadataStore& store_;
  const std::string prefix_;
};

// Are these two places the same upload to the store, so that the parts of one are those of the other? Pure.
bool IsSameUpload(const hub::LfsUpload& one, const hub::LfsUpload& other);

}  // namespace batuta::push
