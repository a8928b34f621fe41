#include "daemon/budget/identity.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace batuta::budget {

std::string IdentityOf(std::string_view salt, const Secret& token) {
  constexpr size_t kShownBytes = 6;
  if (token.empty()) return "anonymous";
  const std::string& text = token.Reveal();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  // SHA-256 is in every OpenSSL, and there is no other way to fail.
  if (HMAC(EVP_sha256(), salt.data(), static_cast<int>(salt.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    std::abort();
  }
  std::string identity;
  for (size_t i = 0; i < kShownBytes; ++i) identity += fmt::format("{:02x}", digest[i]);
  return identity;
}

}  // namespace batuta::budget
