#include "daemon/hub/range_fetch.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/url.h"
#include "daemon/hub/http_error.h"

namespace batuta::hub {

using transport::DataResult;

namespace {

constexpr size_t kMaxErrorBytes = 4'096;
constexpr uint64_t kMaxIgnoredBytes = 64 << 10;

// How hosts of signed links say that a link is of no use any more.
bool IsRefusedLink(int status) {
  return status == 400 || status == 401 || status == 403 || status == 410;
}

}  // namespace

RangeFetch::RangeFetch(std::shared_ptr<FileSource> source, transport::CallId call, transport::ByteRange range,
                       std::shared_ptr<transport::RangeHandler> handler)
    : source_(std::move(source)), call_(call), range_(range), handler_(std::move(handler)) {}

void RangeFetch::StartAtResolver() {
  hop_ = Hop::First(source_->spec().url);
  Start();
}

void RangeFetch::StartAtLink(const std::string& url) {
  hop_ = Hop{.url = url, .send_token = false, .number = 1};
  Start();
}

void RangeFetch::Start() {
  on_endpoint_ = SameOrigin(source_->wire().endpoint, hop_.url);
  head_ = {};
  error_body_.clear();
  ignored_ = 0;

  transport::HttpRequest request = RequestFor(hop_.url, hop_.send_token, source_->spec().access);
  request.headers.push_back({"Range", fmt::format("bytes={}-{}", range_.begin, range_.end - 1)});
  const int hop = BeginHop();
  EndStart(hop, source_->wire().http.Start(std::move(request), shared_from_this()));
}

int RangeFetch::BeginHop() {
  MutexLock lock(mutex_);
  inner_call_ = 0;
  return ++hops_begun_;
}

// The answer may be under way by now on the transport's thread, and may even have led to the next hop: then
// that one's call is the one to cancel and to resume, and this one is over.
void RangeFetch::EndStart(int hop, transport::CallId inner) {
  bool cancel = false;
  bool resume = false;
  {
    MutexLock lock(mutex_);
    if (hop != hops_begun_) return;
    inner_call_ = inner;
    cancel = is_cancelled_;
    resume = std::exchange(wants_resume_, false);
  }
  if (cancel) source_->wire().http.Cancel(inner);
  if (resume) source_->wire().http.Resume(inner);
}

void RangeFetch::Cancel() {
  transport::CallId inner = 0;
  {
    MutexLock lock(mutex_);
    is_cancelled_ = true;
    inner = inner_call_;
  }
  if (inner != 0) source_->wire().http.Cancel(inner);
}

void RangeFetch::Resume() {
  transport::CallId inner = 0;
  {
    MutexLock lock(mutex_);
    inner = inner_call_;
    if (inner == 0) wants_resume_ = true;
  }
  if (inner != 0) source_->wire().http.Resume(inner);
}

void RangeFetch::OnHead(const transport::HttpHead& head) {
  head_ = head;
  const FileSpec& spec = source_->spec();
  const ExpectedRange expected{spec.commit, spec.entry, range_};
  const bool is_body = head.status / 100 == 2;
  if (on_endpoint_ && (is_body || IsRedirect(head.status))) {
    if (absl::Status status = CheckIdentity(head, expected); !status.ok()) failure_ = std::move(status);
  }
  if (failure_ || !is_body) return;

  const absl::StatusOr<uint64_t> begin = BeginOfBody(head, expected);
  if (!begin.ok()) {
    failure_ = begin.status();
    if (!on_endpoint_) source_->Forget(hop_.url);
    return;
  }
  position_ = *begin;
  if (on_endpoint_) {
    source_->ServedByEndpoint();
  } else {
    source_->ServedByLink();
  }
  handler_->OnStart(position_);
}

DataResult RangeFetch::OnData(std::span<const std::byte> bytes) {
  if (failure_) return DataResult::kStop;
  if (head_.status / 100 == 2) return Deliver(bytes);
  const size_t room = kMaxErrorBytes - error_body_.size();
  error_body_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
  ignored_ += bytes.size();
  return ignored_ <= kMaxIgnoredBytes ? DataResult::kContinue : DataResult::kStop;
}

DataResult RangeFetch::Deliver(std::span<const std::byte> bytes) {
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(bytes.size(), range_.end - position_));
  if (wanted > 0) {
    const DataResult result = handler_->OnData(bytes.first(wanted));
    if (result == DataResult::kPause) return result;
    position_ += wanted;
    has_enough_ = result == DataResult::kStop;
    if (has_enough_) return result;
  }
  if (wanted < bytes.size() && position_ == source_->spec().entry.size_bytes) {
    failure_ = MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged,
                         fmt::format("the file is longer than the {} bytes that were announced", position_));
  }
  // A server that ignores the range goes on to the end of the file.
  const bool is_whole_file = head_.status == 200 && range_.end < source_->spec().entry.size_bytes;
  const bool is_over = position_ == range_.end && (wanted < bytes.size() || is_whole_file);
  return is_over ? DataResult::kStop : DataResult::kContinue;
}

void RangeFetch::OnDone(const absl::Status& status) {
  const bool never_answered = !status.ok() && head_.status == 0;
  if (never_answered && !on_endpoint_ && !absl::IsCancelled(status)) source_->Forget(hop_.url);

  const std::string& what = source_->spec().what;
  if (failure_) return Finish(Annotate(*failure_, what));
  if (!status.ok()) return Finish(Annotate(status, what));
  if (has_enough_) return Finish(absl::OkStatus());
  if (IsRedirect(head_.status)) return Follow();
  if (head_.status / 100 == 2) return Finish(Annotate(EndOfBody(), what));
  Finish(Refusal());
}

void RangeFetch::OnWaiting(const transport::WaitInfo& info) {
  handler_->OnWaiting(info);
  const Access& access = source_->spec().access;
  if (access.on_waiting) access.on_waiting(info);
}

void RangeFetch::Follow() {
  absl::StatusOr<Hop> next =
      NextHop(source_->wire().endpoint, hop_, head_.Find("Location").value_or(std::string_view()));
  if (!next.ok()) return Finish(Annotate(next.status(), source_->spec().what));
  const bool leaves = on_endpoint_ && !SameOrigin(source_->wire().endpoint, next->url);
  hop_ = *std::move(next);
  is_own_link_ |= leaves;
  if (leaves) source_->Learned(hop_.url);
  if (IsCancelled()) {
    return Finish(MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the fetch was cancelled"));
  }
  Start();
}

absl::Status RangeFetch::EndOfBody() const {
  if (position_ == range_.end) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable,
                   fmt::format("the answer ended at byte {}, before byte {}", position_, range_.end));
}

absl::Status RangeFetch::Refusal() {
  if (on_endpoint_) return HttpErrorHere();
  if (IsRefusedLink(head_.status)) {
    if (std::optional<absl::Status> expired = source_->Refused(hop_.url, is_own_link_)) {
      return Annotate(*expired, source_->spec().what);
    }
  } else if (head_.status != 429) {
    source_->Forget(hop_.url);
  }
  return HttpErrorHere();
}

absl::Status RangeFetch::HttpErrorHere() const {
  const FileSpec& spec = source_->spec();
  const Asked asked{.what = spec.what,
                    .with_token = hop_.send_token && !spec.access.token.empty(),
                    .on_endpoint = on_endpoint_,
                    .kind = Asked::Kind::kFile,
                    .page = spec.page,
                    .token = &spec.access.token};
  return HttpError(head_, error_body_, asked, source_->wire().clock.wall());
}

bool RangeFetch::IsCancelled() {
  MutexLock lock(mutex_);
  return is_cancelled_;
}

void RangeFetch::Finish(const absl::Status& status) {
  source_->Finished(call_, status);
  handler_->OnDone(status);
}

void RangeFetch::Fail(const absl::Status& status) {
  handler_->OnDone(status);
}

}  // namespace batuta::hub
