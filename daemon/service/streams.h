#pragma once

#include <utility>

#include "absl/functional/any_invocable.h"
#include <grpcpp/grpcpp.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "daemon/service/service_context.h"

// The two kinds of server stream: a long list, and a subscription. Both hold one message in memory at a time,
// however slow the reader is. They own themselves and go when gRPC is done with them.
namespace batuta::service {

// A list that is known in full when sending begins, sent in pieces.
template <typename Response>
class ListStream final : public grpc::ServerWriteReactor<Response> {
 public:
  // Fills the message with the next piece; false when there is none left.
  using Next = absl::AnyInvocable<bool(Response*)>;

  explicit ListStream(const ServiceContext& services) : services_(services) { services_.calls.Begin(); }

  // One of the two, once, from any thread.
  void Send(Next next) {
    next_ = std::move(next);
    Step();
  }

  void Fail(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    Step();
  }

  void OnDone() override {
    services_.calls.End(services_.clock.steady());
    delete this;
  }

 private:
  void Step() {
    response_.Clear();
    if (!next_(&response_)) return this->Finish(grpc::Status::OK);
    this->StartWrite(&response_);
  }

  const ServiceContext& services_;
  Next next_;
  Response response_;
};

// A subscription: whenever something changed and the reader has taken the message before, the next message is
// read from the state as it is then. So a slow reader costs nothing and misses nothing.
template <typename Response>
class WatchStream : public grpc::ServerWriteReactor<Response> {
 public:
  explicit WatchStream(const ServiceContext& services) : services_(services) { services_.calls.Begin(); }

  // To be called once, right after construction.
  void Begin() {
    services_.core.Post([this] {
      const absl::Status status = Subscribe();
      if (!status.ok()) return End(status);
      is_subscribed_ = true;
      Step();
    });
  }

  void OnWriteDone(bool ok) final {
    services_.core.Post([this, ok] {
      is_writing_ = false;
      if (!ok) return End(absl::CancelledError());
      Step();
    });
  }

  void OnCancel() final {
    services_.core.Post([this] { End(absl::CancelledError()); });
  }

  void OnDone() final {
    // Tasks that were posted before run before; none comes after.
    services_.core.Post([this] {
      services_.calls.End(services_.clock.steady());
      delete this;
    });
  }

 protected:
  enum class Read { kNothingNew, kMessage, kEnd };

  // All three on the core sequence. Subscribe() arranges for Changed() to be called; Unsubscribe() undoes it.
  virtual absl::Status Subscribe() = 0;
  virtual void Unsubscribe() = 0;
  virtual absl::StatusOr<Read> ReadNext(Response* response) = 0;

  void Changed() { Step(); }

  const ServiceContext& services() const { return services_; }

 private:
  void Step() {
    if (is_writing_ || has_ended_) return;
    response_.Clear();
    const absl::StatusOr<Read> read = ReadNext(&response_);
    if (!read.ok()) return End(read.status());
    if (*read == Read::kEnd) return End(absl::OkStatus());
    if (*read == Read::kNothingNew) return;
    is_writing_ = true;
    this->StartWrite(&response_);
  }

  void End(const absl::Status& status) {
    if (std::exchange(has_ended_, true)) return;
    if (is_subscribed_) Unsubscribe();
    this->Finish(ToGrpcStatus(status));
  }

  const ServiceContext& services_;
  Response response_;
  bool is_subscribed_ = false;
  bool is_writing_ = false;
  bool has_ended_ = false;
};

}  // namespace batuta::service
