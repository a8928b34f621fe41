#include "tests/hubsim/store/hashing.h"

#include <charconv>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace batuta::hubsim {

struct Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();

  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ~Context() { EVP_MD_CTX_free(evp); }
};

Hasher::Hasher(Algorithm algorithm) : context_(std::make_unique<Context>()) {
  EVP_DigestInit_ex(context_->evp, algorithm == Algorithm::kSha1 ? EVP_sha1() : EVP_sha256(), nullptr);
}

Hasher::~Hasher() = default;

void Hasher::Update(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

Sha1Digest Hasher::FinishSha1() {
  Sha1Digest digest{};
  EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr);
  return digest;
}

Sha256Digest Hasher::FinishSha256() {
  Sha256Digest digest{};
  EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr);
  return digest;
}

std::string Hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

std::optional<Sha256Digest> ParseSha256(std::string_view text) {
  Sha256Digest digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const begin = text.data() + 2 * i;
    if (std::from_chars(begin, begin + 2, digest[i], 16).ptr != begin + 2) return std::nullopt;
  }
  return digest;
}

Sha1Digest GitObjectId(std::string_view type, std::string_view body) {
  Hasher hasher(Hasher::Algorithm::kSha1);
  std::string head(type);
  head += ' ';
  head += std::to_string(body.size());
  head += '\0';
  hasher.Update(head);
  hasher.Update(body);
  return hasher.FinishSha1();
}

std::string Sha256Hex(std::string_view bytes) {
  Hasher hasher(Hasher::Algorithm::kSha256);
  hasher.Update(bytes);
  return Hex(hasher.FinishSha256());
}

std::string HmacHex(std::string_view key, std::string_view message) {
  Sha256Digest digest{};
  unsigned int size = 0;
  const std::string text(message);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return Hex(digest);
}

}  // namespace batuta::hubsim
