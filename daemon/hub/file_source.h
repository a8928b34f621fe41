#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "common/sync/task_runner.h"
#include "common/types/entry.h"
#include "common/types/revision.h"
#include "daemon/hub/exchange.h"
#include "daemon/transport/range_source.h"

namespace batuta::hub {

class RangeFetch;

// Which file, where its resolver is, and in whose name it is asked for.
struct FileSpec {
  CommitId commit;
  Entry entry;
  std::string url;   // of the resolver
  std::string what;  // for messages: "file x.bin of model acme/otter-7b"
  std::string page;  // see Asked
  Access access;
};

// FileSource yields one file of a commit by ranges. The resolver is asked once: while its answer is awaited,
// other fetches wait; the link to another host that it gives is used by all until it runs out or is refused.
// Links are credentials: they stay in memory and out of logs and errors. A file that the endpoint serves
// itself is asked for there each time.
//
// Life of a fetch: Fetch() registers it, here it gets its address (a link, or the resolver) now or later,
// RangeFetch moves the bytes and reports what it learns, Finished() forgets it.
class FileSource final : public transport::RangeSource, public std::enable_shared_from_this<FileSource> {
 public:
  // `callbacks` tells the end of fetches that make no request.
  FileSource(const Wire& wire, TaskRunner& callbacks, FileSpec spec);
  ~FileSource() override;

  transport::CallId Fetch(transport::ByteRange range,
                          std::shared_ptr<transport::RangeHandler> handler) override;
  void Cancel(transport::CallId call) override;
  void Resume(transport::CallId call) override;

  // The rest is for RangeFetch, on the transport's thread.
  const Wire& wire() const { return wire_; }

  const FileSpec& spec() const { return spec_; }

  // The resolver pointed to `url` on another host.
  void Learned(const std::string& url);

  // A body begins: from the endpoint itself, or from a link.
  void ServedByEndpoint();
  void ServedByLink();

  // The link is of no use any more; the next fetch goes to the resolver.
  void Forget(const std::string& url);

  // The host of a link refused it, which means that it ran out: LINK_EXPIRED. When a link that is `fresh`
  // from the resolver is refused right after another was, waiting for a third is no use: nullopt.
  std::optional<absl::Status> Refused(const std::string& url, bool fresh);

  void Finished(transport::CallId call, const absl::Status& status);

 private:
  using Fetches = std::vector<std::shared_ptr<RangeFetch>>;

  struct Link {
    std::string url;
    std::optional<WallTime> expires;
  };

  const Wire wire_;
  TaskRunner& callbacks_;
  const FileSpec spec_;

  mutable Mutex mutex_;
  transport::CallId last_call_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<transport::CallId, std::shared_ptr<RangeFetch>> fetches_ ABSL_GUARDED_BY(mutex_);
  std::optional<Link> link_ ABSL_GUARDED_BY(mutex_);
  bool endpoint_serves_ ABSL_GUARDED_BY(mutex_) = false;
  bool was_refused_ ABSL_GUARDED_BY(mutex_) = false;  // the last link that was tried
  transport::CallId resolving_ ABSL_GUARDED_BY(mutex_) =
      0;  // the fetch whose answer the others await; 0 = none
  Fetches waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::hub
