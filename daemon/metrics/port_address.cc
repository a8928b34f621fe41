#include "daemon/metrics/port_address.h"

#include <charconv>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::metrics {
namespace {

template <typename Address>
sockaddr_storage Stored(const Address& address) {
  sockaddr_storage stored{};
  static_assert(sizeof(address) <= sizeof(stored));
  std::memcpy(&stored, &address, sizeof(address));
  return stored;
}

}  // namespace

absl::StatusOr<sockaddr_storage> ParseLoopback(std::string_view text) {
  const absl::Status error =
      MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                fmt::format("{} is no address of this machine alone with a port", Quoted(text)),
                "write 127.0.0.1:9469 or [::1]:9469; for others to read it, put a proxy that asks for a "
                "password before it");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return error;
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (code != std::errc() || end != digits.data() + digits.size()) return error;
  const std::string host(text.substr(0, colon));

  sockaddr_in v4{};
  constexpr uint32_t kLoopbackNet = 127;
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    if (ntohl(v4.sin_addr.s_addr) >> 24 != kLoopbackNet) return error;
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return Stored(v4);
  }
  sockaddr_in6 v6{};
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return error;
  const std::string inner = host.substr(1, host.size() - 2);
  if (inet_pton(AF_INET6, inner.c_str(), &v6.sin6_addr) != 1) return error;
  if (!IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) return error;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return Stored(v6);
}

}  // namespace batuta::metrics
