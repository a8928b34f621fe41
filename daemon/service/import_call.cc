#include "daemon/service/import_call.h"

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "daemon/imports/commit_import.h"
#include "daemon/service/codec.h"

namespace batuta::service {
namespace {

absl::StatusOr<imports::ImportSpec> DecodeHeader(const v1::ImportHeader& header, const Principal& who) {
  ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(header.repo()));
  ASSIGN_OR_RETURN(CommitId commit, CommitId::Parse(header.commit()));
  imports::ImportSpec spec{.repo = std::move(repo),
                           .commit = std::move(commit),
                           .refs = {},
                           .label = header.label(),
                           .files = {},
                           .tree = header.tree(),
                           .allow_unsafe = {header.allow_unsafe().begin(), header.allow_unsafe().end()},
                           .allow_malicious = header.allow_malicious(),
                           .who = who};
  for (const std::string& text : header.refs()) {
    ASSIGN_OR_RETURN(Revision ref, Revision::Parse(text));
    if (ref.AsCommit()) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidRevision,
                       "a branch or tag cannot be called like a commit");
    }
    spec.refs.push_back(std::move(ref));
  }
  for (const v1::Entry& message : header.files()) {
    ASSIGN_OR_RETURN(RepoPath path, RepoPath::Parse(message.path()));
    ASSIGN_OR_RETURN(BlobId blob, BlobId::Parse(message.blob()));
    spec.files.push_back({std::move(path), message.size_bytes(), std::move(blob)});
  }
  return spec;
}

class ImportCall final : public grpc::ServerReadReactor<v1::ImportRequest>,
                         public OpenCall,
                         public std::enable_shared_from_this<ImportCall> {
 public:
  ImportCall(const ServiceContext& services, Principal who, v1::ImportResponse* response)
      : services_(services), who_(std::move(who)), response_(response) {}

  void Begin(std::shared_ptr<ImportCall> self) {
    self_ = std::move(self);
    services_.calls->Begin(self_);
    ReadOn();
  }

  void OnReadDone(bool ok) override {
    services_.disk.Post([self = shared_from_this(), ok] { ok ? self->Take() : self->End(); });
  }

  void Abort(const absl::Status& status) override { Fail(status); }

  void OnCancel() override { Fail(absl::CancelledError()); }

  void OnDone() override {
    const std::shared_ptr<ImportCall> self = std::move(self_);
    services_.calls->End(this, services_.clock.steady());
  }

 private:
  // The rest on the disk pool, one at a time: the next message is read when one is done with. Whatever ends
  // the call, one of these comes after it, and puts away what was begun.
  void Take() {
    const absl::Status status = HasEnded() ? absl::CancelledError() : TakePart();
    if (!status.ok()) Fail(status);
    if (!ReadOn()) arrival_.reset();
  }

  // Not once the call has ended: gRPC may be done with it.
  bool ReadOn() {
    const MutexLock lock(mutex_);
    if (!has_ended_) StartRead(&request_);
    return !has_ended_;
  }

  bool HasEnded() {
    const MutexLock lock(mutex_);
    return has_ended_;
  }

  absl::Status TakePart() {
    if (!arrival_ && request_.part_case() == v1::ImportRequest::kHeader) {
      RETURN_IF_ERROR(RequireAdmin(services_.rights, who_.uid, "import into the cache"));
      ASSIGN_OR_RETURN(imports::ImportSpec spec, DecodeHeader(request_.header(), who_));
      ASSIGN_OR_RETURN(arrival_,
                       imports::CommitImport::Begin({services_.cache, services_.space, services_.inventory,
                                                     &services_.guard, &services_.verify.verified},
                                                    std::move(spec)));
      return absl::OkStatus();
    }
    if (arrival_ && request_.part_case() == v1::ImportRequest::kBlob) {
      ASSIGN_OR_RETURN(const BlobId blob, BlobId::Parse(request_.blob().blob()));
      return arrival_->BeginBlob(blob, request_.blob().size_bytes());
    }
    if (arrival_ && request_.part_case() == v1::ImportRequest::kData) {
      return arrival_->Append(std::as_bytes(std::span(request_.data())));
    }
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "one header comes first, and then blobs with their bytes");
  }

  void End() {
    if (HasEnded()) return arrival_.reset();
    if (!arrival_) {
      return Fail(MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, "nothing came"));
    }
    const absl::StatusOr<imports::ImportOutcome> outcome = arrival_->Finish();
    arrival_.reset();
    if (!outcome.ok()) return Fail(outcome.status());
    const MutexLock lock(mutex_);
    if (std::exchange(has_ended_, true)) return;
    response_->set_snapshot_path(Sendable(outcome->snapshot.string()));
    response_->set_imported_files(outcome->imported_files);
    response_->set_present_files(outcome->present_files);
    response_->set_imported_bytes(outcome->imported_bytes);
    Finish(grpc::Status::OK);
  }

  void Fail(const absl::Status& status) {
    const MutexLock lock(mutex_);
    if (!std::exchange(has_ended_, true)) Finish(ToGrpcStatus(status));
  }

  const ServiceContext& services_;
  const Principal who_;
  v1::ImportResponse* const response_;  // gone when the call has ended
  Mutex mutex_;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  v1::ImportRequest request_;
  std::unique_ptr<imports::CommitImport> arrival_;
  std::shared_ptr<ImportCall> self_;
};

}  // namespace

grpc::ServerReadReactor<v1::ImportRequest>* BeginImport(const ServiceContext& services, Principal who,
                                                        v1::ImportResponse* response) {
  auto call = std::make_shared<ImportCall>(services, std::move(who), response);
  ImportCall* const reactor = call.get();
  reactor->Begin(std::move(call));
  return reactor;
}

}  // namespace batuta::service
