#include "tests/support/transport/fake_transport.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "daemon/transport/header_fields.h"
#include "daemon/transport/request_check.h"

namespace batuta {

using transport::CallId;
using transport::DataResult;
using transport::HttpHandler;
using transport::HttpHead;
using transport::HttpHeader;
using transport::HttpMethod;
using transport::HttpRequest;

namespace {

constexpr size_t kSentPiece = 64 * 1024;

absl::Status Unreachable(std::string message) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, message);
}

absl::Status TooLarge() {
  return MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                   "the scripted answer is too large");
}

bool IsHeadTooLarge(const FakeAnswer& answer) {
  size_t bytes = 0;
  for (const HttpHeader& header : answer.headers) bytes += header.name.size() + header.value.size() + 4;
  return answer.headers.size() > 256 || bytes > 64 * 1024;
}

void SetLength(FakeAnswer& answer) {
  std::erase_if(answer.headers,
                [](const HttpHeader& h) { return transport::EqualsIgnoreCase(h.name, "Content-Length"); });
  answer.headers.push_back({"Content-Length", std::to_string(answer.body.size())});
}

// Turns a 200 into the 206 or 416 that `Range: bytes=a-b` or `bytes=a-` asks for.
void ApplyRange(const HttpRequest& request, FakeAnswer& answer) {
  const auto range = std::find_if(request.headers.begin(), request.headers.end(), [](const HttpHeader& h) {
    return transport::EqualsIgnoreCase(h.name, "Range");
  });
  if (range == request.headers.end() || !range->value.starts_with("bytes=")) return;
  const std::string_view text = std::string_view(range->value).substr(6);
  const std::string total = std::to_string(answer.body.size());
  uint64_t first = 0;
  uint64_t last = answer.body.size() - 1;
  const char* const end = text.data() + text.size();
  const char* const dash = std::from_chars(text.data(), end, first).ptr;
  if (dash == end || *dash != '-') return;
  if (dash + 1 != end) std::from_chars(dash + 1, end, last);
  if (first >= answer.body.size()) {
    answer.status = 416;
    answer.headers.push_back({"Content-Range", "bytes */" + total});
    answer.body.clear();
    return;
  }
  last = std::min<uint64_t>(last, answer.body.size() - 1);
  answer.status = 206;
  answer.headers.push_back(
      {"Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + total});
  answer.body = answer.body.substr(first, last - first + 1);
}

}  // namespace

class FakeTransport::State : public std::enable_shared_from_this<State> {
 public:
  explicit State(TaskRunner* runner) : runner_(runner) {}

  void Add(const std::string& url, FakeAnswer answer) {
    MutexLock lock(mutex_);
    scripts_[url].answers.push_back(std::move(answer));
  }

  void ChangeLast(const std::string& url, const std::function<void(FakeAnswer&)>& change) {
    MutexLock lock(mutex_);
    change(scripts_[url].answers.back());
  }

  void Otherwise(Responder responder) {
    MutexLock lock(mutex_);
    responder_ = std::move(responder);
  }

  CallId Start(HttpRequest request, std::shared_ptr<HttpHandler> handler);
  void Cancel(CallId id);
  void Resume(CallId id);
  void Release(std::string_view url);
  size_t Deliver();

  std::vector<HttpRequest> Requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

  size_t RunningCount() const {
    MutexLock lock(mutex_);
    return calls_.size();
  }

 private:
  struct UrlScript {
    std::deque<FakeAnswer> answers;
    bool is_released = false;
  };

  struct Call {
    std::string url;
    std::shared_ptr<HttpHandler> handler;
    std::optional<HttpRequest> unsent;  // while its body is being read
    FakeAnswer answer;
    uint64_t max_body_bytes = 0;
    uint64_t offset = 0;
    bool has_head = false;
    bool is_paused = false;
    bool is_cancelled = false;
  };

  FakeAnswer Choose(const HttpRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answer(CallId id, Call& call, HttpRequest request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<bool> TakeBody(Call& call);
  void Schedule(CallId id, Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Call> Find(CallId id);
  void Step(CallId id);
  absl::Status FinalStatus(const Call& call) const;
  void End(CallId id, const Call& call, const absl::Status& status);

  TaskRunner* const runner_;
  mutable Mutex mutex_;
  std::map<std::string, UrlScript, std::less<>> scripts_ ABSL_GUARDED_BY(mutex_);
  Responder responder_ ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
  // A call's fields change under the mutex; what only Step() touches (handler, unsent, answer, offset,
  // has_head) needs none.
  std::map<CallId, std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  std::deque<CallId> due_ ABSL_GUARDED_BY(mutex_);
  CallId next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

FakeAnswer FakeTransport::State::Choose(const HttpRequest& request) {
  FakeAnswer answer;
  if (const absl::Status refusal = transport::CheckRequest(request).status(); !refusal.ok()) {
    answer.failure = refusal;
    return answer;
  }
  const auto script = scripts_.find(request.url);
  if (script != scripts_.end() && !script->second.answers.empty()) {
    answer = script->second.answers.front();
    if (script->second.answers.size() > 1) script->second.answers.pop_front();
    if (script->second.is_released) answer.is_held = false;
  } else if (responder_) {
    answer = responder_(request);
  } else {
    answer.failure = transport::MarkNeverSent(Unreachable("no script for " + request.url));
  }
  if (answer.serves_ranges && answer.status == 200) {
    ApplyRange(request, answer);
    SetLength(answer);
  }
  if (request.method == HttpMethod::kHead) answer.body.clear();
  return answer;
}

CallId FakeTransport::State::Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) {
  auto call = std::make_shared<Call>();
  call->url = request.url;
  call->handler = std::move(handler);
  call->max_body_bytes = request.max_body_bytes;
  const std::shared_ptr<transport::HttpBody> body = request.body_source;
  CallId id = 0;
  {
    MutexLock lock(mutex_);
    id = next_id_++;
    calls_.emplace(id, call);
    if (body == nullptr) {
      Answer(id, *call, std::move(request));
      return id;
    }
    call->unsent = std::move(request);
  }
  body->Rewind([weak = weak_from_this(), id] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    MutexLock lock(self->mutex_);
    if (self->calls_.contains(id)) self->Schedule(id, Duration::zero());
  });
  // Only now: the first look at the body may be its last.
  MutexLock lock(mutex_);
  if (calls_.contains(id)) Schedule(id, Duration::zero());
  return id;
}

void FakeTransport::State::Answer(CallId id, Call& call, HttpRequest request) {
  call.answer = Choose(request);
  requests_.push_back(std::move(request));
  if (!call.answer.is_held) Schedule(id, call.answer.delay);
}

// Takes what is at hand of a body that comes piece by piece. Its error is the end of the call; true once
// there is no more to come.
absl::StatusOr<bool> FakeTransport::State::TakeBody(Call& call) {
  transport::HttpBody& body = *call.unsent->body_source;
  std::string& bytes = call.unsent->body;  // for whoever looks at the requests
  std::string piece(kSentPiece, '\0');
  while (bytes.size() < body.size_bytes()) {
    const size_t wanted = std::min<uint64_t>(piece.size(), body.size_bytes() - bytes.size());
    ASSIGN_OR_RETURN(const size_t count, body.Read(std::as_writable_bytes(std::span(piece).first(wanted))));
    if (count == 0) return false;
    bytes.append(piece, 0, count);
    call.handler->OnSent(bytes.size());
  }
  body.Rewind(nullptr);
  return true;
}

void FakeTransport::State::Schedule(CallId id, Duration delay) {
  if (runner_ == nullptr) {
    due_.push_back(id);
    return;
  }
  Task task = [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->Step(id);
  };
  if (delay > Duration::zero()) {
    runner_->PostAfter(delay, std::move(task));
  } else {
    runner_->Post(std::move(task));
  }
}

void FakeTransport::State::Cancel(CallId id) {
  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second->is_cancelled = true;
  Schedule(id, Duration::zero());
}

void FakeTransport::State::Resume(CallId id) {
  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second->is_paused) return;
  found->second->is_paused = false;
  Schedule(id, Duration::zero());
}

void FakeTransport::State::Release(std::string_view url) {
  MutexLock lock(mutex_);
  if (const auto script = scripts_.find(url); script != scripts_.end()) script->second.is_released = true;
  for (const auto& [id, call] : calls_) {
    if (call->url != url || !call->answer.is_held) continue;
    call->answer.is_held = false;
    Schedule(id, call->answer.delay);
  }
}

size_t FakeTransport::State::Deliver() {
  for (size_t steps = 0;; ++steps) {
    CallId id = 0;
    {
      MutexLock lock(mutex_);
      if (due_.empty()) return steps;
      id = due_.front();
      due_.pop_front();
    }
    Step(id);
  }
}

std::shared_ptr<FakeTransport::State::Call> FakeTransport::State::Find(CallId id) {
  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->is_paused) {
    const bool is_over = found != calls_.end() && found->second->is_cancelled;
    return is_over ? found->second : nullptr;
  }
  return found->second;
}

absl::Status FakeTransport::State::FinalStatus(const Call& call) const {
  if (call.answer.cut_after) {
    return Unreachable("answer cut short: connection closed after " + std::to_string(call.offset) + " of " +
                       std::to_string(call.answer.body.size()) + " bytes");
  }
  return absl::OkStatus();
}

void FakeTransport::State::End(CallId id, const Call& call, const absl::Status& status) {
  if (call.unsent) call.unsent->body_source->Rewind(nullptr);
  {
    MutexLock lock(mutex_);
    calls_.erase(id);
  }
  call.handler->OnDone(status);
}

void FakeTransport::State::Step(CallId id) {
  const std::shared_ptr<Call> call = Find(id);
  if (!call) return;
  const auto is_cancelled = [&] {
    MutexLock lock(mutex_);
    return call->is_cancelled;
  };
  const absl::Status cancelled =
      MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the request was cancelled");
  if (is_cancelled()) return End(id, *call, cancelled);
  if (call->unsent) {
    const absl::StatusOr<bool> is_whole = TakeBody(*call);
    if (!is_whole.ok()) return End(id, *call, is_whole.status());
    if (!*is_whole) return;
    MutexLock lock(mutex_);
    Answer(id, *call, *std::exchange(call->unsent, std::nullopt));
    return;
  }
  if (call->answer.is_held) return;
  const FakeAnswer& answer = call->answer;
  if (answer.failure) return End(id, *call, *answer.failure);
  if (IsHeadTooLarge(answer)) return End(id, *call, TooLarge());
  if (!std::exchange(call->has_head, true)) {
    call->handler->OnHead(HttpHead{.status = answer.status, .headers = answer.headers});
  }
  const uint64_t end = std::min<uint64_t>(answer.cut_after.value_or(UINT64_MAX), answer.body.size());
  while (call->offset < end) {
    if (is_cancelled()) return End(id, *call, cancelled);
    const uint64_t room = call->max_body_bytes - call->offset;
    if (room == 0) return End(id, *call, TooLarge());
    const size_t size =
        std::min({answer.piece_bytes, static_cast<size_t>(end - call->offset), static_cast<size_t>(room)});
    {
      // Set before the handler is asked, so that a Resume() from another thread meanwhile is not lost.
      MutexLock lock(mutex_);
      call->is_paused = true;
    }
    const DataResult result =
        call->handler->OnData(std::as_bytes(std::span<const char>(answer.body.data() + call->offset, size)));
    if (result == DataResult::kPause) return;
    {
      MutexLock lock(mutex_);
      call->is_paused = false;
    }
    call->offset += size;
    if (result == DataResult::kStop) return End(id, *call, absl::OkStatus());
  }
  End(id, *call, FinalStatus(*call));
}

FakeTransport::FakeTransport(TaskRunner* runner) : state_(std::make_shared<State>(runner)) {}

FakeTransport::~FakeTransport() = default;

FakeTransport::Script FakeTransport::On(std::string url) {
  return Script(*this, std::move(url));
}

void FakeTransport::Otherwise(Responder responder) {
  state_->Otherwise(std::move(responder));
}

void FakeTransport::Release(std::string_view url) {
  state_->Release(url);
}

size_t FakeTransport::Deliver() {
  return state_->Deliver();
}

std::vector<HttpRequest> FakeTransport::Requests() const {
  return state_->Requests();
}

std::vector<std::string> FakeTransport::RequestedUrls() const {
  std::vector<std::string> urls;
  for (const HttpRequest& request : state_->Requests()) urls.push_back(request.url);
  return urls;
}

size_t FakeTransport::RequestCount(std::string_view url) const {
  const std::vector<std::string> urls = RequestedUrls();
  return static_cast<size_t>(std::count(urls.begin(), urls.end(), url));
}

size_t FakeTransport::RequestCount() const {
  return state_->Requests().size();
}

size_t FakeTransport::RunningCount() const {
  return state_->RunningCount();
}

CallId FakeTransport::Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) {
  return state_->Start(std::move(request), std::move(handler));
}

void FakeTransport::Cancel(CallId call) {
  state_->Cancel(call);
}

void FakeTransport::Resume(CallId call) {
  state_->Resume(call);
}

FakeTransport::Script& FakeTransport::Script::Add(FakeAnswer answer) {
  owner_.state_->Add(url_, std::move(answer));
  return *this;
}

FakeTransport::Script& FakeTransport::Script::Change(const std::function<void(FakeAnswer&)>& change) {
  owner_.state_->ChangeLast(url_, change);
  return *this;
}

FakeTransport::Script& FakeTransport::Script::Reply(int status, std::vector<HttpHeader> headers,
                                                    std::string body) {
  return Add({.status = status, .headers = std::move(headers), .body = std::move(body)});
}

FakeTransport::Script& FakeTransport::Script::ThenReply(int status, std::vector<HttpHeader> headers,
                                                        std::string body) {
  return Reply(status, std::move(headers), std::move(body));
}

FakeTransport::Script& FakeTransport::Script::Serve(std::string body, std::vector<HttpHeader> headers) {
  return Add({.headers = std::move(headers), .body = std::move(body), .serves_ranges = true});
}

FakeTransport::Script& FakeTransport::Script::ThenServe(std::string body, std::vector<HttpHeader> headers) {
  return Serve(std::move(body), std::move(headers));
}

FakeTransport::Script& FakeTransport::Script::Fail(absl::Status status) {
  return Add({.failure = std::move(status)});
}

FakeTransport::Script& FakeTransport::Script::ThenFail(absl::Status status) {
  return Fail(std::move(status));
}

FakeTransport::Script& FakeTransport::Script::CutAfter(uint64_t bytes) {
  return Change([&](FakeAnswer& answer) { answer.cut_after = bytes; });
}

FakeTransport::Script& FakeTransport::Script::Held() {
  return Change([](FakeAnswer& answer) { answer.is_held = true; });
}

FakeTransport::Script& FakeTransport::Script::After(Duration delay) {
  return Change([&](FakeAnswer& answer) { answer.delay = delay; });
}

FakeTransport::Script& FakeTransport::Script::InPieces(size_t bytes) {
  return Change([&](FakeAnswer& answer) { answer.piece_bytes = std::max<size_t>(bytes, 1); });
}

}  // namespace batuta
