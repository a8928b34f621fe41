#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/types/blob_id.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/gguf/header.h"
#include "daemon/hub/hub_client.h"
#include "daemon/pull/sparse_bytes.h"
#include "daemon/transport/range_source.h"

namespace batuta::pull {

// How a reading ended.
enum class ReadingEnd {
  kDone,
  kUnreadable,  // the file is not what was hoped for, and never will be
  kTooDear,     // it would cost more than is allowed, or took too long
  kFailed,      // the hub said no, or could not be reached
};

template <typename T>
struct Reading {
  ReadingEnd end = ReadingEnd::kFailed;
  absl::Status status;     // why, when it is not done
  std::optional<T> value;  // when it is
};

// HeaderReading reads what stands at the beginning of files of one commit, by ranges, one after the other: as
// few requests and bytes as will do, and never more than it may. A redirect is followed once for each file.
//
// Lives on the core sequence, where the callbacks come; parsing runs on the disk pool. One reading at a time.
class HeaderReading : public std::enable_shared_from_this<HeaderReading> {
 public:
  struct Limits {
    uint32_t requests = 6;  // hops of redirects included
    uint64_t bytes = 12'000'000;
  };

  template <typename T>
  using Done = absl::AnyInvocable<void(Reading<T>)>;

  // Everything borrowed outlives it.
  HeaderReading(Limits limits, hub::HubClient& hub, Sequence& core, WorkerPool& disk, RepoId repo,
                const CommitId& commit, hub::Access access);

  // The hyper-parameters of a GGUF file, from its first 64 KiB where they are in there.
  void ReadParameters(const Entry& entry, Done<gguf::HyperParameters> done);

  // All of a GGUF file's header. `sibling`: that of another variant of the same model, by which the tensors
  // are found without what is before them; may be null. `token_count` of the vocabulary that has to be passed
  // over without a sibling; 0 for later parts, which have none.
  void ReadTensors(const Entry& entry, std::shared_ptr<const gguf::Header> sibling, uint64_t token_count,
                   Done<gguf::Header> done);

  // A small file, whole.
  void ReadText(const Entry& entry, Done<std::string> done);

  // Would so many files more, each with a request beside those that it takes to get there, be allowed?
  bool MayOpen(const std::vector<Entry>& entries) const;

  uint32_t requests() const { return requests_; }

  uint64_t read_bytes() const { return read_bytes_; }

 private:
  struct OpenedFile {
    Entry entry;
    std::shared_ptr<transport::RangeSource> source;
    std::shared_ptr<SparseBytes> bytes;
  };

  // `then` gets OK when the range is there.
  using Then = absl::AnyInvocable<void(ReadingEnd, absl::Status)>;

  OpenedFile& Open(const Entry& entry);
  uint32_t CostOf(const BlobId& blob) const;
  void Fetch(const BlobId& blob, transport::ByteRange range, Then then);

  template <typename T, typename Parse>
  void ParseOrRead(const BlobId& blob, uint64_t step, Parse parse, Done<T> done);
  // `otherwise` when the tensors are not found there.
  using Otherwise = absl::AnyInvocable<void(Done<gguf::Header>)>;
  void ReadWindow(const BlobId& blob, std::shared_ptr<const gguf::Header> sibling, gguf::InfosPlace place,
                  Otherwise otherwise, Done<gguf::Header> done);
  void Walk(const BlobId& blob, uint64_t token_count, Done<gguf::Header> done);
  void Leap(const BlobId& blob, Done<gguf::Header> done);
  void WalkOn(const BlobId& blob, Done<gguf::Header> done);

  const Limits limits_;
  hub::HubClient& hub_;
  Sequence& core_;
  WorkerPool& disk_;
  const RepoId repo_;
  const CommitId commit_;
  hub::Access access_;
  const std::shared_ptr<std::atomic<uint32_t>> hops_ = std::make_shared<std::atomic<uint32_t>>(0);
  std::map<BlobId, OpenedFile> files_;
  uint32_t opening_cost_ =
      2;  // requests for the first range of a file: the resolver, and where that points to
  uint32_t requests_ = 0;
  uint64_t read_bytes_ = 0;
};

}  // namespace batuta::pull
