#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

#include "common/types/blob_id.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace batuta::transfer {

// ContentHash computes the name that bytes have as a blob, while they stream by. Not thread-safe.
class ContentHash {
 public:
  // `size_bytes`: how many bytes will come; it is part of a git sha1.
  ContentHash(BlobId::Kind kind, uint64_t size_bytes);

  void Update(std::span<const std::byte> bytes);

  // The state as it is now, to go on from it again.
  ContentHash Copy() const;

  // Lower-case hex, as BlobId::hex(). Once, last.
  //   kInternal (INTERNAL)  the crypto library refuses, for example sha1 on a machine in FIPS mode.
  absl::StatusOr<std::string> Finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };

  ContentHash() = default;

  std::unique_ptr<EVP_MD_CTX, Free> context_;
  bool is_good_ = false;
};

}  // namespace batuta::transfer
