#include "daemon/service/folder_call.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "daemon/service/push_codec.h"
#include "daemon/service/served_message.h"

namespace batuta::service {
namespace {

// A client that does not take them: far more than all threads of a user have open at the same time.
constexpr size_t kMostUnsent = 4'096;

class FolderCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, v1::ServeFolderResponse>,
                         public OpenCall,
                         public std::enable_shared_from_this<FolderCall> {
 public:
  FolderCall(const ServiceContext& services, Caller caller)
      : services_(services), caller_(std::move(caller)) {}

  void Begin(std::shared_ptr<FolderCall> self) {
    self_ = std::move(self);
    services_.calls->Begin(self_);
    const MutexLock lock(mutex_);
    if (!is_over_) StartRead(&message_);
  }

  // One message at a time; gRPC calls this on one thread after the other.
  void OnReadDone(bool ok) override {
    if (!ok) {  // the client is through
      return End(served_ ? absl::OkStatus()
                         : MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                                     "no folder was offered", "the first message says which one it is"));
    }
    const absl::Status status = Take();
    if (!status.ok()) return End(status);
    const MutexLock lock(mutex_);
    if (!is_over_) StartRead(&message_);
  }

  void OnWriteDone(bool ok) override {
    {
      const MutexLock lock(mutex_);
      is_writing_ = false;
      if (is_over_) return Finish(ToGrpcStatus(outcome_));
      if (ok) return SendNextOnLocked();
    }
    End(absl::CancelledError());
  }

  void Abort(const absl::Status& status) override { End(status); }

  void OnCancel() override { End(absl::CancelledError()); }

  void OnDone() override {
    const std::shared_ptr<FolderCall> self = std::move(self_);
    services_.calls->End(this, services_.clock.steady());
  }

 private:
  absl::Status Take() {
    ASSIGN_OR_RETURN(ServedMessage message, ParseServedMessage(message_));
    message_.Clear();
    return served_ ? served_->talk->Take(DecodeAnswer(message.fields, std::move(message.data)))
                   : Serve(message.fields);
  }

  absl::Status Serve(const v1::ServeFolderRequest& request) {
    ASSIGN_OR_RETURN(FolderOffer offer, DecodeOffer(request));
    const std::filesystem::path name = offer.name();
    ASSIGN_OR_RETURN(push::ServedFolders::Served served,
                     services_.served_folders.Begin(
                         caller_.principal.uid, std::move(offer.path), std::move(offer.only_file),
                         [weak = weak_from_this()](const push::FolderQuestion& question) {
                           if (const auto self = weak.lock()) self->Ask(question);
                         },
                         [weak = weak_from_this()](const absl::Status& why) {
                           if (const auto self = weak.lock()) self->End(why);
                         }));
    v1::ServeFolderResponse greeting;
    greeting.set_folder_id(served.id);
    const std::string id = served.id;
    bool is_over = false;
    {
      const MutexLock lock(mutex_);
      is_over = is_over_;
      if (!is_over) served_.emplace(std::move(served));
    }
    // Whoever ended the call meanwhile knew of no folder.
    if (is_over) services_.served_folders.End(id);
    Send(std::move(greeting));
    services_.core.Post([&jobs = services_.jobs, caller = caller_, name] {
      jobs.OfferToken(caller.principal.uid, caller.token);
      jobs.OfferFolder(caller.principal.uid, name, caller.token);
    });
    return absl::OkStatus();
  }

  void Ask(const push::FolderQuestion& question) {
    v1::ServeFolderResponse response;
    Encode(question, &response);
    Send(std::move(response));
  }

  void Send(v1::ServeFolderResponse response) {
    bool is_stuck = false;
    {
      const MutexLock lock(mutex_);
      if (is_over_) return;
      is_stuck = unsent_.size() >= kMostUnsent;
      if (!is_stuck) unsent_.push_back(std::move(response));
      if (!is_writing_ && !is_stuck) SendNextOnLocked();
    }
    if (is_stuck) End(push::ClientGoneError("the client that serves the folder takes no questions"));
  }

  void SendNextOnLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (unsent_.empty()) return;
    response_ = std::move(unsent_.front());
    unsent_.pop_front();
    is_writing_ = true;
    StartWrite(&response_);
  }

  // While a message is under way, gRPC hears of the end after it.
  void End(const absl::Status& status) {
    std::string id;
    {
      const MutexLock lock(mutex_);
      if (std::exchange(is_over_, true)) return;
      outcome_ = status;
      unsent_.clear();
      if (served_) id = served_->id;
      if (!is_writing_) Finish(ToGrpcStatus(outcome_));
    }
    if (!id.empty()) services_.served_folders.End(id);
  }

  const ServiceContext& services_;
  const Caller caller_;
  Mutex mutex_;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ServeFolderResponse> unsent_ ABSL_GUARDED_BY(mutex_);
  v1::ServeFolderResponse response_;  // under way
  grpc::ByteBuffer message_;
  std::optional<push::ServedFolders::Served> served_;  // set by the first message; End() looks at it
  std::shared_ptr<FolderCall> self_;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, v1::ServeFolderResponse>* BeginServeFolder(
    const ServiceContext& services, Caller caller) {
  auto call = std::make_shared<FolderCall>(services, std::move(caller));
  FolderCall* const reactor = call.get();
  reactor->Begin(std::move(call));
  return reactor;
}

}  // namespace batuta::service
