#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/blob_id.h"
#include "daemon/push/file_bytes.h"
#include "daemon/push/local_file.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace batuta::push {

// By the 32 bytes of a sha256 or the 20 of a sha1.
absl::StatusOr<BlobId> BlobIdOf(std::span<const unsigned char> digest);

// Reads one file from its first to its last byte, step by step, for both names of its bytes. Blocking; not
// thread-safe.
class ContentReading {
 public:
  ContentReading(std::unique_ptr<FileBytes> file, bool wants_git_sha1);
  ~ContentReading();
  ContentReading(const ContentReading&) = delete;
  ContentReading& operator=(const ContentReading&) = delete;

  bool at_end() const { return offset_ == file_->size_bytes(); }

  // Reads what comes next, as much as fits into `buffer`, and says how much.
  //   kAborted (FILE_CHANGED), kUnavailable (STORAGE_FAILED)
  absl::StatusOr<uint64_t> Step(std::span<char> buffer);

  // Once, at the end. After OK the file was the same all the time.
  //   kAborted (FILE_CHANGED)
  //   kInternal (INTERNAL)  the crypto library refuses, for example sha1 on a machine in FIPS mode.
  absl::StatusOr<ContentId> Finish();

  const FileStamp& stamp() const { return file_->stamp(); }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };

  using Digest = std::unique_ptr<EVP_MD_CTX, Free>;

  static absl::StatusOr<BlobId> IdOf(const Digest& digest);
  void Update(const Digest& digest, std::span<const char> bytes);

  std::unique_ptr<FileBytes> file_;
  uint64_t offset_ = 0;
  Digest sha256_;
  Digest git_sha1_;  // null: not wanted
  bool is_good_ = false;
};

}  // namespace batuta::push
