#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "common/io/file_system.h"
#include "daemon/cache/journal.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/temp_names.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::cache {

// What an earlier run of this instance left behind and nobody can use: temp files, partial files without a
// record, records without a file. Blobs that it had set aside to remove them come back. Files of other tools
// are never touched. To be run before anything is written.
//
// A record is written before its file is made, so that a partial file without one can only come from a power
// cut: the blobs folders, which may be huge, are gone through once per boot.
class Cleanup {
 public:
  Cleanup(const Layout& layout, FileSystem& files, metadata::MetadataStore& store, PartialJournal& journal,
          const TempNames& temp_names)
      : layout_(layout), files_(files), store_(store), journal_(journal), temp_names_(temp_names) {}

  // Errors of single folders (of another owner, say) are passed over: their leftovers stay.
  //   Errors: those of listing the root, and of the store.
  absl::Status Run(std::string_view instance, const std::string& boot_id);

 private:
  absl::Status DropRecordsWithoutFile(std::string_view instance);
  void RemoveTempFiles(const RepoId& repo);
  void PutBack(const std::filesystem::path& aside, const std::filesystem::path& place);
  void RemoveForgottenParts(const RepoId& repo, std::string_view instance);

  const Layout& layout_;
  FileSystem& files_;
  metadata::MetadataStore& store_;
  PartialJournal& journal_;
  const TempNames& temp_names_;
};

}  // namespace batuta::cache
