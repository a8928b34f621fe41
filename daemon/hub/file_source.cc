#include "daemon/hub/file_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/url.h"
#include "daemon/hub/range_answer.h"
#include "daemon/hub/range_fetch.h"

namespace batuta::hub {
namespace {

// A link that has less than this left would run out while the request is on its way.
constexpr std::chrono::seconds kLinkMargin{5};

absl::Status CancelledError(std::string_view what) {
  return MakeError(absl::StatusCode::kCancelled, reason::kCancelled,
                   fmt::format("{}: the fetch was cancelled", what));
}

absl::Status BadRange(const FileSpec& spec, transport::ByteRange range) {
  return MakeError(absl::StatusCode::kInternal, reason::kInternal,
                   fmt::format("{}: no bytes {} to {} in a file of {} bytes", spec.what, range.begin,
                               range.end, spec.entry.size_bytes));
}

}  // namespace

FileSource::FileSource(const Wire& wire, TaskRunner& callbacks, FileSpec spec)
    : wire_(wire), callbacks_(callbacks), spec_(std::move(spec)) {}

FileSource::~FileSource() = default;

transport::CallId FileSource::Fetch(transport::ByteRange range,
                                    std::shared_ptr<transport::RangeHandler> handler) {
  const bool is_valid = range.begin <= range.end && range.end <= spec_.entry.size_bytes;
  const bool is_empty = range.begin == range.end;
  const WallTime now = wire_.clock.wall();

  std::shared_ptr<RangeFetch> fetch;
  std::optional<std::string> link;
  bool must_wait = false;
  transport::CallId call = 0;
  {
    MutexLock lock(mutex_);
    call = ++last_call_;
    if (is_valid && !is_empty) {
      fetch = std::make_shared<RangeFetch>(shared_from_this(), call, range, handler);
      fetches_[call] = fetch;
      if (link_ && link_->expires && *link_->expires - kLinkMargin <= now) link_.reset();
      if (link_) link = link_->url;
      must_wait = !link && resolving_ != 0;
      if (must_wait) waiting_.push_back(fetch);
      if (!link && !must_wait && !endpoint_serves_) resolving_ = call;
    }
  }
  if (!is_valid) {
    callbacks_.Post([handler, status = BadRange(spec_, range)] { handler->OnDone(status); });
  } else if (is_empty) {
    callbacks_.Post([handler, range] {
      handler->OnStart(range.begin);
      handler->OnDone(absl::OkStatus());
    });
  } else if (link) {
    fetch->StartAtLink(*link);
  } else if (!must_wait) {
    fetch->StartAtResolver();
  }
  return call;
}

void FileSource::Cancel(transport::CallId call) {
  std::shared_ptr<RangeFetch> fetch;
  bool was_waiting = false;
  {
    MutexLock lock(mutex_);
    const auto found = fetches_.find(call);
    if (found == fetches_.end()) return;
    fetch = found->second;
    was_waiting = std::erase(waiting_, fetch) != 0;
    if (was_waiting) fetches_.erase(found);
  }
  if (was_waiting) {
    callbacks_.Post([fetch, status = CancelledError(spec_.what)] { fetch->Fail(status); });
  } else {
    fetch->Cancel();
  }
}

void FileSource::Resume(transport::CallId call) {
  std::shared_ptr<RangeFetch> fetch;
  {
    MutexLock lock(mutex_);
    const auto found = fetches_.find(call);
    if (found == fetches_.end()) return;
    fetch = found->second;
  }
  fetch->Resume();
}

void FileSource::Learned(const std::string& url) {
  LogDebug("file link learned", Field("file", spec_.what), Field("link", WithoutQuery(url)));
  Fetches released;
  {
    MutexLock lock(mutex_);
    link_ = Link{url, LinkExpiry(url)};
    endpoint_serves_ = false;
    resolving_ = 0;
    released.swap(waiting_);
  }
  for (const auto& fetch : released) fetch->StartAtLink(url);
}

void FileSource::ServedByEndpoint() {
  Fetches released;
  {
    MutexLock lock(mutex_);
    endpoint_serves_ = true;
    resolving_ = 0;
    released.swap(waiting_);
  }
  for (const auto& fetch : released) fetch->StartAtResolver();
}

void FileSource::ServedByLink() {
  MutexLock lock(mutex_);
  was_refused_ = false;
}

void FileSource::Forget(const std::string& url) {
  MutexLock lock(mutex_);
  if (link_ && link_->url == url) link_.reset();
}

std::optional<absl::Status> FileSource::Refused(const std::string& url, bool fresh) {
  {
    MutexLock lock(mutex_);
    if (link_ && link_->url == url) link_.reset();
    if (std::exchange(was_refused_, true) && fresh) return std::nullopt;
  }
  LogDebug("file link expired", Field("file", spec_.what));
  return MakeError(absl::StatusCode::kUnavailable, reason::kLinkExpired, "the link to the file ran out");
}

void FileSource::Finished(transport::CallId call, const absl::Status& status) {
  std::shared_ptr<RangeFetch> next;
  Fetches failed;
  {
    MutexLock lock(mutex_);
    fetches_.erase(call);
    if (resolving_ != call) return;
    resolving_ = 0;
    if (absl::IsCancelled(status) && !waiting_.empty()) {
      // Only this one fetch was given up; the next in line asks.
      next = waiting_.front();
      waiting_.erase(waiting_.begin());
      resolving_ = next->call();
    } else {
      failed.swap(waiting_);
      for (const auto& fetch : failed) fetches_.erase(fetch->call());
    }
  }
  if (next != nullptr) next->StartAtResolver();
  for (const auto& fetch : failed) fetch->Fail(status);
}

}  // namespace batuta::hub
