#include "daemon/hub/exchange.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/status/status.h"
#include "common/text/url.h"
#include "daemon/hub/redirect.h"

namespace batuta::hub {
namespace {

using transport::DataResult;

constexpr size_t kMaxErrorBytes = 4'096;

// Of a body that nobody reads; more, and the connection is not worth keeping.
constexpr uint64_t kMaxIgnoredBytes = 64 << 10;

constexpr std::chrono::minutes kTotalTimeout{10};
constexpr std::chrono::milliseconds kChangeTimeout{90'000};  // the hub gives up after 60 s
constexpr uint64_t kSlowestBytesPerSecond = 16 << 10;        // of a body; slower is as good as cut off
constexpr int kTemporaryRedirect = 307;
constexpr int kPermanentRedirect = 308;
constexpr int kNotModified = 304;

// One question on its way through its hops. Used on the transport's thread, but for the start.
class Exchange final : public transport::HttpHandler, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(const Wire& wire, Question question, const Access& access, Asker::Done done)
      : wire_(wire),
        question_(std::move(question)),
        access_(access),
        done_(std::move(done)),
        hop_{.url = question_.url, .send_token = SameOrigin(wire_.endpoint, question_.url), .number = 0} {}

  void Start() {
    transport::HttpRequest request = RequestFor(hop_.url, hop_.send_token, access_);
    request.headers = question_.headers;
    request.headers.push_back({"Accept", question_.accept});
    request.total_timeout = kTotalTimeout;
    if (!question_.body.empty() || question_.is_change) {
      request.method = transport::HttpMethod::kPost;
      request.headers.push_back({"Content-Type", question_.content_type});
      request.body = question_.body;
    }
    if (question_.make_body) {
      request.body_source = question_.make_body();
      request.total_timeout +=
          std::chrono::seconds(request.body_source->size_bytes() / kSlowestBytesPerSecond);
    }
    if (!question_.etag.empty()) request.headers.push_back({"If-None-Match", question_.etag});
    request.max_body_bytes = kMaxAnswerBytes;
    request.connect_timeout = wire_.answer_timeout;
    // A change takes the hub as long as it takes: to be cut off is not to know whether it was made.
    request.idle_timeout =
        question_.is_change ? std::max(wire_.answer_timeout, kChangeTimeout) : wire_.answer_timeout;
    wire_.http.Start(std::move(request), shared_from_this());
  }

  void OnHead(const transport::HttpHead& head) override { head_ = head; }

  DataResult OnData(std::span<const std::byte> bytes) override {
    const bool is_answer = head_.status / 100 == 2;
    const size_t room = is_answer ? bytes.size() : kMaxErrorBytes - std::min(body_.size(), kMaxErrorBytes);
    body_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
    received_ += bytes.size();
    return is_answer || received_ <= kMaxIgnoredBytes ? DataResult::kContinue : DataResult::kStop;
  }

  void OnDone(const absl::Status& status) override {
    if (!status.ok()) return Finish(status);
    if (IsRedirect(head_.status)) {
      const bool keeps_method = head_.status == kTemporaryRedirect || head_.status == kPermanentRedirect;
      if (keeps_method || !question_.is_change) return Follow();
      return Finish(MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                              "the hub answered with a redirect by which the request would be lost"));
    }
    const bool is_unchanged = head_.status == kNotModified && !question_.etag.empty();
    if (head_.status / 100 != 2 && !is_unchanged) return FinishWithHttpError();
    if (!IsPlainBody(head_)) {
      return Finish(MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                              "the answer is compressed, although that was not asked for"));
    }
    done_(Answer{.head = std::move(head_), .body = std::move(body_), .url = std::move(hop_.url)});
  }

  void OnWaiting(const transport::WaitInfo& info) override {
    if (access_.on_waiting) access_.on_waiting(info);
  }

 private:
  void Follow() {
    absl::StatusOr<Hop> next =
        NextHop(wire_.endpoint, hop_, head_.Find("Location").value_or(std::string_view()));
    if (!next.ok()) return Finish(next.status());
    if (question_.is_change && !SameOrigin(hop_.url, next->url)) {
      return Finish(
          MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                    "the hub answered with a redirect to another server, which gets nothing from us"));
    }
    hop_ = *std::move(next);
    head_ = {};
    body_.clear();
    received_ = 0;
    Start();
  }

  void FinishWithHttpError() {
    const Asked asked{.what = question_.what,
                      .with_token = hop_.send_token && !access_.token.empty(),
                      .on_endpoint = SameOrigin(wire_.endpoint, hop_.url),
                      .kind = question_.kind,
                      .page = question_.page,
                      .token = &access_.token};
    done_(HttpError(head_, body_, asked, wire_.clock.wall()));
  }

  void Finish(const absl::Status& status) { done_(Annotate(status, question_.what)); }

  const Wire wire_;
  const Question question_;
  const Access access_;
  Asker::Done done_;
  Hop hop_;
  transport::HttpHead head_;
  std::string body_;
  uint64_t received_ = 0;
};

class HttpAsker final : public Asker {
 public:
  explicit HttpAsker(Wire wire) : wire_(std::move(wire)) {}

  void Ask(Question question, const Access& access, Done done) override {
    std::make_shared<Exchange>(wire_, std::move(question), access, std::move(done))->Start();
  }

 private:
  const Wire wire_;
};

}  // namespace

std::unique_ptr<Asker> MakeHttpAsker(Wire wire) {
  return std::make_unique<HttpAsker>(std::move(wire));
}

transport::HttpRequest RequestFor(const std::string& url, bool send_token, const Access& access) {
  if (access.requests != nullptr) access.requests->fetch_add(1, std::memory_order_relaxed);
  transport::HttpRequest request;
  request.url = url;
  if (send_token) request.bearer = access.token;
  request.principal = access.principal;
  request.job = access.job;
  const auto& changing = access.changing_priority;
  request.priority = changing == nullptr ? access.priority : changing->load(std::memory_order_relaxed);
  request.may_wait = access.may_wait;
  return request;
}

bool IsPlainBody(const transport::HttpHead& head) {
  const std::string_view encoding = head.Find("Content-Encoding").value_or(std::string_view());
  return encoding.empty() || encoding == "identity";
}

}  // namespace batuta::hub
