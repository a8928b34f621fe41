#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "daemon/hub/file_source.h"
#include "daemon/hub/range_answer.h"
#include "daemon/hub/redirect.h"
#include "daemon/transport/http_transport.h"
#include "daemon/transport/range_source.h"

namespace batuta::hub {

// RangeFetch moves the bytes of one range through as many hops as it takes, checks each answer before a byte
// of it is handed over, and hands over no byte outside the range. Start, Cancel and Resume from any thread;
// the rest on the transport's.
class RangeFetch final : public transport::HttpHandler, public std::enable_shared_from_this<RangeFetch> {
 public:
  RangeFetch(std::shared_ptr<FileSource> source, transport::CallId call, transport::ByteRange range,
             std::shared_ptr<transport::RangeHandler> handler);

  transport::CallId call() const { return call_; }

  // Once: at the resolver, or at a link that is known already.
  void StartAtResolver();
  void StartAtLink(const std::string& url);

  // Ends a fetch that was never started; the source has forgotten it already.
  void Fail(const absl::Status& status);

  void Cancel();
  void Resume();

  void OnHead(const transport::HttpHead& head) override;
  transport::DataResult OnData(std::span<const std::byte> bytes) override;
  void OnDone(const absl::Status& status) override;
  void OnWaiting(const transport::WaitInfo& info) override;

 private:
  void Start();
  int BeginHop();
  void EndStart(int hop, transport::CallId inner);
  transport::DataResult Deliver(std::span<const std::byte> bytes);
  void Follow();
  absl::Status EndOfBody() const;
  absl::Status Refusal();
  absl::Status HttpErrorHere() const;
  bool IsCancelled();
  void Finish(const absl::Status& status);

  const std::shared_ptr<FileSource> source_;
  const transport::CallId call_;
  const transport::ByteRange range_;
  const std::shared_ptr<transport::RangeHandler> handler_;

  // Of the present hop; the transport's thread, but for the start.
  Hop hop_;
  bool on_endpoint_ = true;
  bool is_own_link_ = false;  // off the endpoint by a redirect of this very fetch, not by a remembered link
  transport::HttpHead head_;
  std::string error_body_;
  uint64_t ignored_ = 0;
  std::optional<absl::Status> failure_;  // the answer is not to be used

  uint64_t position_ = 0;  // of the next byte, once a body has begun
  bool has_enough_ = false;

  Mutex mutex_;
  int hops_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  transport::CallId inner_call_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last hop; 0 = not known yet
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool wants_resume_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta::hub
