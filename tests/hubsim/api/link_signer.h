// LinkSigner makes and checks the expiring URLs of the CDN. Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tests/hubsim/net/http_message.h"

namespace batuta::hubsim {

enum class LinkState { kValid, kExpired, kForged };

class LinkSigner {
 public:
  // `secret` only has to be unguessable to a client.
  explicit LinkSigner(std::string secret) : secret_(std::move(secret)) {}

  // Path and query for `method` on `path`, valid for so long. `extra_query` (encoded, may be empty) is not
  // signed.
  std::string Sign(std::string_view method, std::string_view path, std::chrono::milliseconds validity,
                   std::string_view extra_query = "") const;

  // HEAD counts as GET.
  LinkState Check(const Request& request) const;

 private:
  std::string SignatureOf(std::string_view method, std::string_view path, std::string_view expires) const;

  const std::string secret_;
};

}  // namespace batuta::hubsim
