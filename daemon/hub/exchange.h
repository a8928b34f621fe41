#pragma once

#include <chrono>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "daemon/hub/http_error.h"
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

// One question to the API.
struct Question {
  std::string url;   // on the endpoint
  std::string what;  // see Asked
  Asked::Kind kind = Asked::Kind::kOther;
  std::string page = {};  // see Asked
};

// An answer with a 2xx status.
struct Answer {
  transport::HttpHead head;
  std::string body;
  std::string url;  // that answered, after redirects
};

inline constexpr uint64_t kMaxAnswerBytes = uint64_t{32} << 20;

// Asks, follows redirects by the rules of NextHop(), and calls `done` exactly once, on the transport's
// thread; never inside Ask(). Every error names `question.what`.
//   as HttpHandler::OnDone, HttpError(), NextHop(), and kInternal (HUB_PROTOCOL) for an answer in an encoding
//   we did not ask for.
void Ask(const Wire& wire, Question question, const Access& access,
         absl::AnyInvocable<void(absl::StatusOr<Answer>)> done);

// The request for one hop in the name of `access`.
transport::HttpRequest RequestFor(const std::string& url, bool send_token, const Access& access);

// True when the body of an answer is what the server has, byte for byte.
bool IsPlainBody(const transport::HttpHead& head);

}  // namespace batuta::hub
