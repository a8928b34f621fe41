#include "daemon/transport/http_transport.h"

#include "common/status/status.h"
#include "daemon/transport/header_fields.h"

namespace batuta::transport {
namespace {

constexpr std::string_view kNeverSentFact = "never_sent";

}  // namespace

std::optional<std::string_view> HttpHead::Find(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

absl::Status MarkNeverSent(absl::Status status) {
  return WithFact(std::move(status), kNeverSentFact, "true");
}

bool NeverSent(const absl::Status& status) {
  const Facts facts = DetailsOf(status).facts;
  return facts.find(kNeverSentFact) != facts.end();
}

}  // namespace batuta::transport
