#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/backoff.h"
#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/push/sent_bytes.h"
#include "daemon/transfer/bandwidth.h"
#include "daemon/transport/http_transport.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::push {

// UploadSlots bounds how many requests of a push send bytes at the same time. First come, first served. Core
// sequence only.
class UploadSlots {
 public:
  explicit UploadSlots(size_t slots) : free_(slots) {}

  // Calls `go`, at once or later, when it may; whoever was called gives the slot back.
  void Take(absl::AnyInvocable<void()> go);
  void GiveBack();

 private:
  size_t free_;
  bool is_handing_out_ = false;
  std::deque<absl::AnyInvocable<void()>> waiting_;
};

// The bytes of an object, opened as they were planned.
struct UploadSource {
  std::shared_ptr<SentBytes> bytes;  // may be read on several threads at once

  // Blocking; asked when all of it was sent: not OK (FILE_CHANGED) when it may have been something else.
  std::function<absl::Status()> check_unchanged = {};
};

// What an upload works with. Everything outlives it.
struct UploadContext {
  hub::RepoWriter& writer;
  transport::HttpTransport& http;
  metadata::MetadataStore& store;
  Sequence& core;
  WorkerPool& disk;
  const Clock& clock;
  BackoffPolicy backoff;
  WorkerPool* readers = nullptr;  // where the object is opened and read; null: on the disk pool
  std::chrono::milliseconds stall_timeout{60'000};  // a request without a byte for so long is sent again
  std::shared_ptr<transfer::BandwidthGate> gate =
      nullptr;  // how fast bytes may go; null: as fast as they can
  const metrics::DaemonMetrics* metrics = nullptr;
};

struct UploadRequest {
  std::string endpoint;  // of the hub
  RepoId repo;
  std::optional<Revision> branch;  // see RepoWriter::BeginUploads
  hub::Access access;
  bool may_wait = true;  // else a transient error is final
  hub::LfsUpload upload;
  std::string realm = {};  // see UploadJournal

  // Blocking.
  std::function<absl::StatusOr<UploadSource>()> open;
};

// What an upload tells. Every call is on the core sequence; none after OnFinished, and none after it is
// dropped.
class UploadObserver {
 public:
  virtual ~UploadObserver() = default;

  // `done_bytes` of the object are at the store; `sent_bytes` went out since the call before.
  virtual void OnProgress(uint64_t done_bytes, uint64_t sent_bytes) = 0;
  virtual void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) = 0;

  // OK: the store has the object, and the hub knows.
  //   kAborted (FILE_CHANGED); kPermissionDenied (HUB_FORBIDDEN), kInternal (HUB_PROTOCOL) the store refuses,
  //   again and again; errors of the writer and of the disk; transient ones only when the caller may not
  //   wait.
  virtual void OnFinished(const absl::Status& status) = 0;
};

// BlobUpload brings one object to its store: in one request, or in parts side by side, each of which is sent
// again when it fails. Parts that are there are journalled, so that a daemon that starts again does not send
// them again (upload_journal). A place whose links ran out is asked for anew.
//
// Lives on the core sequence. Dropping it stops it; what is there stays.
class BlobUpload {
 public:
  virtual ~BlobUpload() = default;

  // `slots` and `observer` outlive it. Nothing is called before Start() returns.
  static std::unique_ptr<BlobUpload> Start(const UploadContext& context, UploadRequest request,
                                           UploadSlots& slots, UploadObserver& observer);
};

}  // namespace batuta::push
