#include "daemon/push/content_ids.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/push/content_reading.h"

namespace batuta::push {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr uint64_t kSmallBytes = 100 << 20;         // up to here both names are cheap enough to be had
constexpr uint64_t kBytesInOneGo = 64 << 20;        // then others of the pool have their turn
constexpr size_t kFilesInOneGo = 256;               // the same
constexpr size_t kRecordsInOneGo = 1'000;           // what a crash loses
constexpr auto kSettled = std::chrono::seconds(2);  // the coarsest clock of a file system
constexpr auto kBetweenReports = std::chrono::milliseconds(100);

bool Satisfies(const std::optional<ContentId>& id, NeededId need) {
  return id.has_value() && (need != NeededId::kBoth || id->git_sha1.has_value());
}

std::vector<std::optional<ContentId>> Known(ContentRecords& records, const std::string& realm,
                                            const std::vector<ContentIds::Wanted>& files) {
  std::vector<std::optional<ContentId>> ids(files.size());
  std::vector<FileStamp> stamps;
  std::vector<size_t> places;  // of them in `files`
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].need == NeededId::kNone) continue;
    stamps.push_back(files[i].file.stamp);
    places.push_back(i);
  }
  auto found = records.Find(realm, stamps);
  if (!found.ok()) {
    LogWarn("what files hold is not remembered", Field("error", std::string(MessageOf(found.status()))));
    return ids;
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (Satisfies((*found)[i], files[places[i]].need)) ids[places[i]] = std::move((*found)[i]);
  }
  return ids;
}

}  // namespace

// One call of Find(). It lives as long as one of its tasks is on the pool.
class ContentIds::Request : public std::enable_shared_from_this<Request> {
 public:
  Request(const ContentIds& owner, std::shared_ptr<const Folder> folder, std::vector<Wanted> files,
          std::function<void(const Progress&)> on_progress, Done done, WorkerPool* readers)
      : readers_(std::max<size_t>(owner.options_.readers, 1)),
        clock_(owner.clock_),
        pool_(readers != nullptr ? *readers : owner.pool_),
        callbacks_(owner.callbacks_),
        records_(owner.records_),
        folder_(std::move(folder)),
        files_(std::move(files)),
        on_progress_(std::make_shared<std::function<void(const Progress&)>>(std::move(on_progress))),
        done_(std::move(done)) {}

  void Start() {
    pool_.Post([self = shared_from_this()] { self->Begin(); });
  }

  void Cancel() {
    Fail(MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the push was cancelled"));
  }

 private:
  // A file at a time.
  struct Lane {
    std::unique_ptr<char[]> buffer = std::unique_ptr<char[]>(new char[kBufferBytes]);
    size_t file = 0;
    std::unique_ptr<ContentReading> reading;  // of that file; null: the next one is to be taken
  };

  void Begin() {
    if (is_stopped_) return End();
    found_.ids = Known(*records_, folder_->realm(), files_);
    Progress progress;
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].need == NeededId::kNone || found_.ids[i].has_value()) continue;
      to_read_.push_back(i);
      progress.total_bytes += files_[i].file.stamp.size_bytes;
    }
    progress.files_total = to_read_.size();
    if (to_read_.empty()) return End();
    const size_t lanes = std::min(readers_, to_read_.size());
    {
      const MutexLock lock(mutex_);
      progress_ = progress;
      lanes_ = lanes;
    }
    for (size_t i = 0; i < lanes; ++i) GoOn(std::make_shared<Lane>());
  }

  void GoOn(std::shared_ptr<Lane> lane) {
    pool_.Post([self = shared_from_this(), lane = std::move(lane)]() mutable { self->Run(std::move(lane)); });
  }

  void Run(std::shared_ptr<Lane> lane) {
    uint64_t bytes = 0;
    for (size_t files = 0; bytes < kBytesInOneGo && files < kFilesInOneGo; ++files) {
      if (!TakeFile(*lane)) return EndLane();
      while (!lane->reading->at_end() && bytes < kBytesInOneGo && !is_stopped_) {
        const auto read = lane->reading->Step(std::span(lane->buffer.get(), kBufferBytes));
        if (!read.ok()) {
          Fail(read.status());
          break;
        }
        bytes += *read;
        Report(*read, /*files=*/0);
      }
      if (!is_stopped_ && lane->reading->at_end()) FinishFile(*lane);
    }
    GoOn(std::move(lane));
  }

  // False when there is nothing more to do.
  bool TakeFile(Lane& lane) {
    if (is_stopped_) return false;
    if (lane.reading != nullptr) return true;
    const size_t next = next_.fetch_add(1);
    if (next >= to_read_.size()) return false;
    lane.file = to_read_[next];
    const Wanted& wanted = files_[lane.file];
    auto file = folder_->OpenFile(wanted.file);
    if (!file.ok()) {
      Fail(file.status());
      return false;
    }
    const bool wants_git_sha1 = wanted.need == NeededId::kBoth || wanted.file.stamp.size_bytes <= kSmallBytes;
    lane.reading = std::make_unique<ContentReading>(*std::move(file), wants_git_sha1);
    return true;
  }

  void FinishFile(Lane& lane) {
    const FileStamp stamp = lane.reading->stamp();
    auto id = lane.reading->Finish();
    const WallTime now = clock_.wall();
    lane.reading.reset();
    if (!id.ok()) return Fail(id.status());
    found_.ids[lane.file] = *id;
    Report(0, /*files=*/1);
    const auto changed = std::chrono::nanoseconds(stamp.changed_ns);
    if (now.time_since_epoch() - changed < kSettled) return;
    std::vector<ContentRecord> full;
    {
      const MutexLock lock(mutex_);
      to_keep_.push_back({.stamp = stamp, .id = *std::move(id)});
      if (to_keep_.size() >= kRecordsInOneGo) full.swap(to_keep_);
    }
    Keep(full);
  }

  void Keep(const std::vector<ContentRecord>& records) {
    const absl::Status kept = records_->Keep(folder_->realm(), records);
    if (!kept.ok()) LogWarn("what files hold is not kept", Field("error", std::string(MessageOf(kept))));
  }

  void Report(uint64_t bytes, size_t files) {
    const SteadyTime now = clock_.steady();
    const MutexLock lock(mutex_);
    progress_.done_bytes += bytes;
    progress_.files_done += files;
    if (*on_progress_ == nullptr || is_stopped_ || now < next_report_) return;
    next_report_ = now + kBetweenReports;
    callbacks_.Post([call = on_progress_, progress = progress_] { (*call)(progress); });
  }

  void Fail(absl::Status status) {
    const MutexLock lock(mutex_);
    if (error_.ok()) error_ = std::move(status);
    is_stopped_ = true;
  }

  void EndLane() {
    {
      const MutexLock lock(mutex_);
      if (--lanes_ > 0) return;
    }
    End();
  }

  // On the last task of the request.
  void End() {
    std::vector<ContentRecord> rest;
    absl::Status error;
    {
      const MutexLock lock(mutex_);
      rest.swap(to_keep_);
      error = error_;
      found_.bytes_read = progress_.done_bytes;
      found_.files_read = progress_.files_done;
    }
    Keep(rest);
    callbacks_.Post([done = std::move(done_), error = std::move(error), found = std::move(found_)]() mutable {
      if (error.ok()) {
        done(std::move(found));
      } else {
        done(std::move(error));
      }
    });
  }

  const size_t readers_;
  const Clock& clock_;
  WorkerPool& pool_;
  TaskRunner& callbacks_;
  const std::shared_ptr<ContentRecords> records_;
  const std::shared_ptr<const Folder> folder_;
  const std::vector<Wanted> files_;
  const std::shared_ptr<const std::function<void(const Progress&)>> on_progress_;
  Done done_;
  std::vector<size_t> to_read_;   // in files_; set by the first task
  Found found_;                   // each file's place is written by the one lane that reads it
  std::atomic<size_t> next_ = 0;  // in to_read_
  std::atomic<bool> is_stopped_ = false;
  Mutex mutex_;
  size_t lanes_ ABSL_GUARDED_BY(mutex_) = 0;  // that are not done
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  SteadyTime next_report_ ABSL_GUARDED_BY(mutex_);
  std::vector<ContentRecord> to_keep_ ABSL_GUARDED_BY(mutex_);
};

ContentIds::ContentIds(metadata::MetadataStore& store, const Clock& clock, WorkerPool& pool,
                       TaskRunner& callbacks, Options options)
    : options_(options),
      clock_(clock),
      pool_(pool),
      callbacks_(callbacks),
      records_(std::make_shared<ContentRecords>(store, clock, options.most_records)) {}

ContentIds::~ContentIds() = default;

ContentIds::RequestId ContentIds::Find(std::shared_ptr<const Folder> folder, std::vector<Wanted> files,
                                       std::function<void(const Progress&)> on_progress, Done done,
                                       WorkerPool* readers) {
  const auto request = std::make_shared<Request>(*this, std::move(folder), std::move(files),
                                                 std::move(on_progress), std::move(done), readers);
  RequestId id = 0;
  {
    const MutexLock lock(mutex_);
    std::erase_if(requests_, [](const auto& entry) { return entry.second.expired(); });
    id = next_request_++;
    requests_.emplace(id, request);
  }
  request->Start();
  return id;
}

void ContentIds::Cancel(RequestId request) {
  std::shared_ptr<Request> found;
  {
    const MutexLock lock(mutex_);
    const auto entry = requests_.find(request);
    if (entry != requests_.end()) found = entry->second.lock();
  }
  if (found != nullptr) found->Cancel();
}

std::vector<std::optional<ContentId>> ContentIds::Remembered(const std::vector<Wanted>& files) {
  return Known(*records_, "", files);
}

}  // namespace batuta::push
