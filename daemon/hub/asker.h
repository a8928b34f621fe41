#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/status/status.h"
#include "common/time/clock.h"
#include "daemon/hub/freshness.h"
#include "daemon/hub/http_error.h"
#include "daemon/hub/hub_client.h"
#include "daemon/transport/http_body.h"
#include "daemon/transport/http_transport.h"

namespace batuta::hub {

// One question to the API.
struct Question {
  std::string url;   // on the endpoint; elsewhere, the token stays here
  std::string what;  // see Asked
  Asked::Kind kind = Asked::Kind::kOther;
  std::string page = {};  // see Asked
  Subject subject = Subject::kSearch;

  // What is posted; empty: nothing is, unless it changes something.
  std::string body = {};
  std::string content_type = "application/json";  // of the body

  // Makes what is posted instead of `body`, for each hop anew.
  std::function<std::shared_ptr<transport::HttpBody>()> make_body = {};
  std::string accept = "application/json";
  std::vector<transport::HttpHeader> headers = {};  // further ones

  // It changes something at the hub: it is a POST, goes on after a redirect only where that keeps it one, and
  // does not leave the server where it began: a link of the hub's may bring a token of its own.
  bool is_change = false;

  // Another question whose answer holds what this one wants, and more: either may answer.
  std::string wider_url = {};

  // What is remembered made no sense: ask, whatever it is.
  bool is_doubted = false;

  // Of an answer that is at hand: a hub that would give the same again says only so (HTTP 304).
  std::string etag = {};
};

// An answer with a 2xx status, or with 304 where the question had an etag.
struct Answer {
  transport::HttpHead head;
  std::string body;
  std::string url;  // that answered, after redirects

  // When the hub gave it, if nobody asked the hub this time.
  std::optional<WallTime> remembered_since = {};
};

// Asker puts one question to the hub's API. Thread-safe; never blocks.
class Asker {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;

  virtual ~Asker() = default;

  // `done` is called exactly once, on any thread but never inside Ask(), and may take the time to read the
  // answer. Every error names `question.what`.
  //   as HttpHandler::OnDone, HttpError(), NextHop(), and kInternal (HUB_PROTOCOL) for an answer in an
  //   encoding we did not ask for.
  //   kNotFound (OFFLINE_MISS)  access.memory is kOnly, and nothing is remembered.
  virtual void Ask(Question question, const Access& access, Done done) = 0;
};

// Is this what became of reading an answer, rather than what the hub says?
inline bool IsNonsense(const absl::Status& status) {
  return absl::IsDataLoss(status) || ReasonOf(status) == reason::kHubProtocol;
}

// What was made of an answer.
template <typename T>
struct Reading {
  absl::StatusOr<T> value;
  std::optional<WallTime> remembered_since;  // see Answer
};

// Asks, and makes a value of the answer: `read` turns a const Answer& into a StatusOr<T>. An answer that
// makes no sense is asked for once more, past what is remembered, before its error is shown: proxies and
// captive portals speak out of turn. `asker` outlives the question. `read` and `done` run as Asker::Done.
template <typename T, typename Read>
void AskAndRead(Asker& asker, Question question, const Access& access, Read read,
                absl::AnyInvocable<void(Reading<T>)> done) {
  auto on_answer = [&asker, question, access, read = std::move(read),
                    done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
    if (!answer.ok()) return done({answer.status(), std::nullopt});
    absl::StatusOr<T> value = read(std::as_const(*answer));
    if (value.ok()) return done({std::move(value), answer->remembered_since});
    if (question.is_doubted || !IsNonsense(value.status())) {
      return done({Annotate(value.status(), question.what), std::nullopt});
    }
    question.is_doubted = true;
    AskAndRead<T>(asker, std::move(question), access, std::move(read), std::move(done));
  };
  asker.Ask(std::move(question), access, std::move(on_answer));
}

}  // namespace batuta::hub
