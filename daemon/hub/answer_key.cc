#include "daemon/hub/answer_key.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace batuta::hub {

std::string AnswerKey(std::string_view salt, const Secret& token, std::string_view url) {
  constexpr size_t kKeyBytes = 16;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  // Neither a token nor a URL holds a line end, so no two pairs make the same text.
  const std::string text = fmt::format("{}\n{}", token.Reveal(), url);
  // SHA-256 is in every OpenSSL, and there is no other way to fail.
  if (HMAC(EVP_sha256(), salt.data(), static_cast<int>(salt.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    std::abort();
  }
  std::string key;
  for (size_t i = 0; i < kKeyBytes; ++i) key += fmt::format("{:02x}", digest[i]);
  return key;
}

}  // namespace batuta::hub
