#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/time/clock.h"
#include "daemon/hub/asker.h"
#include "daemon/hub/hub_client.h"
#include "daemon/transport/http_transport.h"

namespace batuta::hub {

// What the parts of a hub client share. What it refers to outlives them.
struct Wire {
  std::string endpoint;  // without a trailing slash
  transport::HttpTransport& http;
  const Clock& clock;
  std::chrono::milliseconds answer_timeout{10'000};  // see MakeHubClient()
};

inline constexpr uint64_t kMaxAnswerBytes = uint64_t{32} << 20;

// Asks the hub, whatever is remembered, and follows redirects by the rules of NextHop(). What `wire` refers
// to outlives the asker and what it was asked.
std::unique_ptr<Asker> MakeHttpAsker(Wire wire);

// The request for one hop in the name of `access`.
transport::HttpRequest RequestFor(const std::string& url, bool send_token, const Access& access);

// True when the body of an answer is what the server has, byte for byte.
bool IsPlainBody(const transport::HttpHead& head);

}  // namespace batuta::hub
