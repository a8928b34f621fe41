#include "daemon/transfer/content_hash.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "common/status/status.h"

namespace batuta::transfer {

void ContentHash::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

ContentHash::ContentHash(BlobId::Kind kind, uint64_t size_bytes) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* digest = kind == BlobId::Kind::kSha256 ? EVP_sha256() : EVP_sha1();
  is_good_ = context_ != nullptr && EVP_DigestInit_ex(context_.get(), digest, nullptr) == 1;
  if (kind != BlobId::Kind::kGitSha1) return;
  const std::string header = fmt::format("blob {}", size_bytes);
  Update(std::as_bytes(std::span(header.c_str(), header.size() + 1)));  // with its NUL
}

void ContentHash::Update(std::span<const std::byte> bytes) {
  is_good_ = is_good_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

ContentHash ContentHash::Copy() const {
  ContentHash copy;
  copy.context_.reset(EVP_MD_CTX_new());
  copy.is_good_ =
      is_good_ && copy.context_ != nullptr && EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()) == 1;
  return copy;
}

absl::StatusOr<std::string> ContentHash::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  if (!is_good_ || EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1) {
    return MakeError(absl::StatusCode::kInternal, reason::kInternal,
                     "the crypto library cannot compute the hash of a blob",
                     "check that OpenSSL of this machine offers SHA-256 and SHA-1");
  }
  std::string hex;
  hex.reserve(2 * length);
  constexpr char kDigits[] = "0123456789abcdef";
  for (unsigned int i = 0; i < length; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

}  // namespace batuta::transfer
