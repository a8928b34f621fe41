#include "tests/hubsim/api/link_signer.h"

#include <fmt/format.h>

namespace batuta::hubsim {
namespace {

std::int64_t NowMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

std::string LinkSigner::SignatureOf(std::string_view method, std::string_view path,
                                    std::string_view expires) const {
  return HmacHex(secret_, fmt::format("{}\n{}\n{}", method, path, expires));
}

std::string LinkSigner::Sign(std::string_view method, std::string_view path,
                             std::chrono::milliseconds validity, std::string_view extra_query) const {
  const std::string expires = std::to_string(NowMs() + validity.count());
  return fmt::format("{}?{}{}Expires={}&Signature={}", EncodePath(path), extra_query,
                     extra_query.empty() ? "" : "&", expires, SignatureOf(method, path, expires));
}

LinkState LinkSigner::Check(const Request& request) const {
  const std::string expires = QueryValue(request.query, "Expires").value_or("");
  const std::string signature = QueryValue(request.query, "Signature").value_or("");
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : request.method;
  if (signature != SignatureOf(method, request.path, expires)) return LinkState::kForged;
  const auto deadline = ParseNumber(expires);
  if (!deadline || static_cast<std::int64_t>(*deadline) < NowMs()) return LinkState::kExpired;
  return LinkState::kValid;
}

}  // namespace batuta::hubsim
