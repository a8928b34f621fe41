#include "daemon/transport/metered_transport.h"

#include <chrono>
#include <string>
#include <utility>

#include "daemon/metrics/daemon_metrics.h"

namespace batuta::transport {
namespace {

constexpr int kTooManyRequests = 429;

std::string_view ClassOf(int status) {
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  const int index = status / 100;
  return index >= 1 && index <= 5 ? kClasses[index] : kClasses[0];
}

// Between the transport and the handler of one request; on the transport's thread.
class MeteredHandler final : public HttpHandler {
 public:
  MeteredHandler(std::shared_ptr<HttpHandler> inner, const metrics::DaemonMetrics& metrics,
                 const Clock& clock, std::string_view kind, uint64_t body_bytes)
      : inner_(std::move(inner)),
        metrics_(metrics),
        clock_(clock),
        kind_(kind),
        received_(metrics.http_received_bytes.Of({kind})),
        sent_(metrics.http_sent_bytes.Of({kind})),
        active_(metrics.http_active.Of({kind})),
        body_bytes_(body_bytes),
        begun_(clock.steady()) {
    active_.Add(1);
  }

  ~MeteredHandler() override {
    if (!is_over_) active_.Add(-1);
  }

  MeteredHandler(const MeteredHandler&) = delete;
  MeteredHandler& operator=(const MeteredHandler&) = delete;

  void OnHead(const HttpHead& head) override {
    status_ = head.status;
    const std::chrono::duration<double> took = clock_.steady() - begun_;
    metrics_.http_head_seconds.Of({kind_}).Observe(took.count());
    if (status_ == kTooManyRequests) metrics_.http_rate_limited.Add();
    inner_->OnHead(head);
  }

  DataResult OnData(std::span<const std::byte> bytes) override {
    const DataResult result = inner_->OnData(bytes);
    if (result != DataResult::kPause) received_.Add(bytes.size());  // else they come again
    return result;
  }

  void OnSent(uint64_t bytes) override {
    if (bytes > told_sent_) sent_.Add(bytes - told_sent_);
    told_sent_ = bytes;
    inner_->OnSent(bytes);
  }

  void OnWaiting(const WaitInfo& info) override { inner_->OnWaiting(info); }

  void OnDone(const absl::Status& status) override {
    is_over_ = true;
    active_.Add(-1);
    // One that was given up, or could not be sent at all, was no request.
    const bool was_sent = status_ != 0 || !(absl::IsCancelled(status) || absl::IsInvalidArgument(status));
    if (was_sent) metrics_.http_requests.Of({kind_, ClassOf(status_)}).Add();
    if (status_ != 0) sent_.Add(body_bytes_);
    inner_->OnDone(status);
  }

 private:
  const std::shared_ptr<HttpHandler> inner_;
  const metrics::DaemonMetrics& metrics_;
  const Clock& clock_;
  const std::string kind_;
  metrics::Counter& received_;
  metrics::Counter& sent_;
  metrics::Gauge& active_;
  const uint64_t body_bytes_;  // of a body that is sent as a whole: nobody tells how far it is
  const SteadyTime begun_;
  int status_ = 0;
  uint64_t told_sent_ = 0;
  bool is_over_ = false;
};

class MeteredTransport final : public HttpTransport {
 public:
  MeteredTransport(HttpTransport& inner, const metrics::DaemonMetrics& metrics, const Clock& clock,
                   KindOfUrl kind_of)
      : inner_(inner), metrics_(metrics), clock_(clock), kind_of_(std::move(kind_of)) {}

  CallId Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    auto metered = std::make_shared<MeteredHandler>(std::move(handler), metrics_, clock_,
                                                    kind_of_(request.url), request.body.size());
    return inner_.Start(std::move(request), std::move(metered));
  }

  void Cancel(CallId call) override { inner_.Cancel(call); }

  void Resume(CallId call) override { inner_.Resume(call); }

 private:
  HttpTransport& inner_;
  const metrics::DaemonMetrics& metrics_;
  const Clock& clock_;
  const KindOfUrl kind_of_;
};

}  // namespace

std::unique_ptr<HttpTransport> MeterTransport(HttpTransport& inner, const metrics::DaemonMetrics& metrics,
                                              const Clock& clock, KindOfUrl kind_of) {
  return std::make_unique<MeteredTransport>(inner, metrics, clock, std::move(kind_of));
}

}  // namespace batuta::transport
