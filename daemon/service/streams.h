#pragma once

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include <grpcpp/grpcpp.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "daemon/service/service_context.h"

// The two kinds of server stream: a long list, and a subscription. Both hold one message in memory at a time,
// however slow the reader is. They own themselves until gRPC is done with the call; whoever answers later
// holds a shared_ptr.
namespace batuta::service {

// A list that is known in full when sending begins, sent in pieces.
template <typename Response>
class ListStream final : public grpc::ServerWriteReactor<Response>,
                         public OpenCall,
                         public std::enable_shared_from_this<ListStream<Response>> {
 public:
  // Fills the message with the next piece; false when there is none left.
  using Next = absl::AnyInvocable<bool(Response*)>;

  static std::shared_ptr<ListStream> Begin(const ServiceContext& services) {
    std::shared_ptr<ListStream> stream(new ListStream(services));
    stream->self_ = stream;
    services.calls->Begin(stream);
    return stream;
  }

  // False once it is being answered, or the caller has cancelled, or the daemon stops: no use to go on.
  bool is_open() const { return !is_claimed_; }

  // One of the two, from any thread. Only the first counts.
  void Send(Next next) {
    if (is_claimed_.exchange(true)) return;
    next_ = std::move(next);
    Step();
  }

  void Fail(const absl::Status& status) {
    if (!is_claimed_.exchange(true)) this->Finish(ToGrpcStatus(status));
  }

  void Abort(const absl::Status& status) override {
    is_aborted_ = true;  // ends it after the present message when it is being sent
    Fail(status);
  }

  void OnCancel() override { Fail(absl::CancelledError()); }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    if (is_aborted_) return this->Finish(ToGrpcStatus(StoppingError()));
    Step();
  }

  void OnDone() override {
    const std::shared_ptr<ListStream> self = std::move(self_);
    services_.calls->End(this, services_.clock.steady());
  }

 private:
  explicit ListStream(const ServiceContext& services) : services_(services) {}

  void Step() {
    response_.Clear();
    if (!next_(&response_)) return this->Finish(grpc::Status::OK);
    this->StartWrite(&response_);
  }

  const ServiceContext& services_;
  std::atomic<bool> is_claimed_ = false;
  std::atomic<bool> is_aborted_ = false;
  Next next_;
  Response response_;
  std::shared_ptr<ListStream> self_;
};

// A subscription: whenever something changed and the reader has taken the message before, the next message is
// read from the state as it is then. So a slow reader costs nothing and misses nothing. Its state lives on
// the core sequence.
template <typename Response>
class WatchStream : public grpc::ServerWriteReactor<Response>,
                    public OpenCall,
                    public std::enable_shared_from_this<WatchStream<Response>> {
 public:
  // Makes a Watch, which derives from WatchStream, and begins it.
  template <typename Watch, typename... Arguments>
  static WatchStream* Begin(const ServiceContext& services, Arguments&&... arguments) {
    auto stream = std::make_shared<Watch>(services, std::forward<Arguments>(arguments)...);
    WatchStream* const reactor = stream.get();
    reactor->self_ = stream;
    services.calls->Begin(stream);
    reactor->OnCore([](WatchStream& self) { self.Open(); });
    return reactor;
  }

  void Abort(const absl::Status& status) final {
    OnCore([status](WatchStream& self) { self.End(status); });
  }

  void OnWriteDone(bool ok) final {
    OnCore([ok](WatchStream& self) { self.Written(ok); });
  }

  void OnCancel() final {
    OnCore([](WatchStream& self) { self.End(absl::CancelledError()); });
  }

  void OnDone() final {
    const std::shared_ptr<WatchStream> self = std::move(self_);
    services_.calls->End(this, services_.clock.steady());
  }

 protected:
  enum class Read { kNothingNew, kMessage, kEnd };

  explicit WatchStream(const ServiceContext& services) : services_(services) {}

  // All three on the core sequence. Subscribe() arranges for Changed() to be called; Unsubscribe() undoes it.
  virtual absl::Status Subscribe() = 0;
  virtual void Unsubscribe() = 0;
  virtual absl::StatusOr<Read> ReadNext(Response* response) = 0;

  void Changed() { Step(); }

  const ServiceContext& services() const { return services_; }

 private:
  template <typename Method>
  void OnCore(Method method) {
    services_.core.Post([self = this->shared_from_this(), method] { method(*self); });
  }

  void Open() {
    if (has_ended_) return;
    const absl::Status status = Subscribe();
    if (!status.ok()) return End(status);
    is_subscribed_ = true;
    Step();
  }

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

  void Written(bool ok) {
    is_writing_ = false;
    if (has_ended_) return this->Finish(ToGrpcStatus(outcome_));
    if (!ok) return End(absl::CancelledError());
    Step();
  }

  // While a message is under way, the end waits for it.
  void End(const absl::Status& status) {
    if (std::exchange(has_ended_, true)) return;
    if (std::exchange(is_subscribed_, false)) Unsubscribe();
    outcome_ = status;
    if (!is_writing_) this->Finish(ToGrpcStatus(outcome_));
  }

  const ServiceContext& services_;
  std::shared_ptr<WatchStream> self_;
  Response response_;
  absl::Status outcome_;
  bool is_subscribed_ = false;
  bool is_writing_ = false;
  bool has_ended_ = false;
};

}  // namespace batuta::service
