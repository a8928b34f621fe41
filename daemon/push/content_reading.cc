#include "daemon/push/content_reading.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "common/status/status.h"

namespace batuta::push {

absl::StatusOr<BlobId> BlobIdOf(std::span<const unsigned char> digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return BlobId::Parse(hex);
}

void ContentReading::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

ContentReading::ContentReading(std::unique_ptr<FileBytes> file, bool wants_git_sha1)
    : file_(std::move(file)), sha256_(EVP_MD_CTX_new()) {
  file_->ExpectAll();
  is_good_ = sha256_ != nullptr && EVP_DigestInit_ex(sha256_.get(), EVP_sha256(), nullptr) == 1;
  if (!wants_git_sha1) return;
  git_sha1_.reset(EVP_MD_CTX_new());
  is_good_ = is_good_ && git_sha1_ != nullptr && EVP_DigestInit_ex(git_sha1_.get(), EVP_sha1(), nullptr) == 1;
  const std::string header = fmt::format("blob {}", file_->size_bytes());
  Update(git_sha1_, std::span(header.c_str(), header.size() + 1));  // with its NUL
}

ContentReading::~ContentReading() = default;

void ContentReading::Update(const Digest& digest, std::span<const char> bytes) {
  is_good_ = is_good_ && EVP_DigestUpdate(digest.get(), bytes.data(), bytes.size()) == 1;
}

absl::StatusOr<uint64_t> ContentReading::Step(std::span<char> buffer) {
  const uint64_t count = std::min<uint64_t>(buffer.size(), file_->size_bytes() - offset_);
  const std::span<char> bytes = buffer.first(static_cast<size_t>(count));
  RETURN_IF_ERROR(file_->Read(offset_, bytes));
  Update(sha256_, bytes);
  if (git_sha1_ != nullptr) Update(git_sha1_, bytes);
  offset_ += count;
  return count;
}

absl::StatusOr<ContentId> ContentReading::Finish() {
  RETURN_IF_ERROR(file_->CheckUnchanged());
  if (!is_good_) {
    return MakeError(absl::StatusCode::kInternal, reason::kInternal,
                     "the crypto library cannot compute the hash of a file",
                     "check that OpenSSL of this machine offers SHA-256 and SHA-1");
  }
  ASSIGN_OR_RETURN(BlobId sha256, IdOf(sha256_));
  ContentId id{.sha256 = std::move(sha256)};
  if (git_sha1_ != nullptr) {
    ASSIGN_OR_RETURN(id.git_sha1, IdOf(git_sha1_));
  }
  return id;
}

absl::StatusOr<BlobId> ContentReading::IdOf(const Digest& digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(digest.get(), bytes.data(), &length) != 1) length = 0;
  return BlobIdOf(std::span(bytes).first(length));
}

}  // namespace batuta::push
