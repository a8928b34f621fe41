#include "daemon/push/blob_upload.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/hub/http_error.h"
#include "daemon/metrics/daemon_metrics.h"
#include "daemon/push/file_body.h"
#include "daemon/push/folder_talk.h"
#include "daemon/push/upload_journal.h"

namespace batuta::push {

namespace {

constexpr size_t kMaxErrorBytes = 4'096;
constexpr size_t kMaxTagBytes = 1'024;  // one for each part is kept

// A store that refuses a link which was just made refuses every one; one that answers nonsense goes on with
// it.
constexpr int kMostRefusals = 5;

// Of one request to the store. Called on the transport's thread; tells on the core sequence.
class Put final : public transport::HttpHandler, public std::enable_shared_from_this<Put> {
 public:
  struct Result {
    absl::Status status = {};
    int http_status = 0;
    std::string etag = {};
  };

  using OnSentBytes = std::function<void(uint64_t)>;
  using OnHeldBack = std::function<void(const transport::WaitInfo&)>;
  using OnResult = std::function<void(const Result&)>;

  Put(Sequence& core, const Clock& clock, OnSentBytes on_sent, OnHeldBack on_held_back, OnResult on_result)
      : core_(core),
        clock_(clock),
        on_sent_(std::move(on_sent)),
        on_held_back_(std::move(on_held_back)),
        on_result_(std::move(on_result)) {}

  void OnHead(const transport::HttpHead& head) override { head_ = head; }

  transport::DataResult OnData(std::span<const std::byte> bytes) override {
    const size_t room = kMaxErrorBytes - std::min(body_.size(), kMaxErrorBytes);
    body_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
    return transport::DataResult::kContinue;
  }

  // Bytes go out faster than anybody wants to hear of it: what is not told yet is told with the next.
  void OnSent(uint64_t bytes) override {
    sent_bytes_.store(bytes);
    if (is_telling_.exchange(true)) return;
    core_.Post([self = shared_from_this()] {
      self->is_telling_.store(false);
      self->on_sent_(self->sent_bytes_.load());
    });
  }

  void OnWaiting(const transport::WaitInfo& info) override {
    core_.Post([self = shared_from_this(), info] { self->on_held_back_(info); });
  }

  void OnDone(const absl::Status& status) override {
    Result result{.status = status, .http_status = head_.status};
    if (status.ok() && head_.status / 100 != 2) {
      hub::Asked asked;
      asked.what = "the upload";
      asked.on_endpoint = false;
      result.status = hub::HttpError(head_, body_, asked, clock_.wall());
    } else if (status.ok()) {
      result.etag = std::string(head_.Find("ETag").value_or(std::string_view()));
    }
    core_.Post([self = shared_from_this(), result = std::move(result)] { self->on_result_(result); });
  }

 private:
  Sequence& core_;
  const Clock& clock_;
  const OnSentBytes on_sent_;
  const OnHeldBack on_held_back_;
  const OnResult on_result_;
  transport::HttpHead head_;
  std::string body_;
  std::atomic<uint64_t> sent_bytes_ = 0;
  std::atomic<bool> is_telling_ = false;
};

bool IsAboutLinks(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

class Upload final : public std::enable_shared_from_this<Upload> {
 public:
  Upload(const UploadContext& context, UploadRequest request, UploadSlots& slots, UploadObserver& observer)
      : context_(context),
        request_(std::move(request)),
        place_(request_.upload),
        journal_(
            std::make_shared<UploadJournal>(context.store, request_.endpoint, request_.repo, request_.realm)),
        journal_order_(context.disk),
        slots_(slots),
        observer_(&observer) {}

  void Begin() {
    struct Opened {
      absl::StatusOr<UploadSource> source;
      std::optional<BegunUpload> begun;
    };

    OnReaders([open = request_.open, journal = journal_,
               object = place_.object] { return Opened{.source = open(), .begun = journal->Find(object)}; },
              [](Upload& self, Opened opened) {
                if (!opened.source.ok()) return self.Finish(opened.source.status());
                self.source_ = *std::move(opened.source);
                if (opened.begun) self.TakeUp(*std::move(opened.begun));
                self.SendAll();
              });
  }

  void End() {
    observer_ = nullptr;
    StopFlights();
  }

 private:
  struct Flight {
    transport::CallId call = 0;
    uint64_t sent_bytes = 0;
  };

  WorkerPool& readers() const { return context_.readers != nullptr ? *context_.readers : context_.disk; }

  template <typename Work, typename Then>
  void OnReaders(Work work, Then then) {
    Sequence& core = context_.core;
    readers().Post(
        [&core, weak = weak_from_this(), work = std::move(work), then = std::move(then)]() mutable {
          auto result = work();
          core.Post([weak, then = std::move(then), result = std::move(result)]() mutable {
            if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self, std::move(result));
          });
        });
  }

  template <typename Result, typename Then>
  auto Back(Then then) {
    return [weak = weak_from_this(), then = std::move(then)](Result result) mutable {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self, std::move(result));
    };
  }

  // What an earlier run began. Of a place that the store has parts in nothing is sent twice, so it is
  // preferred to a new one; its links may have run out, which is seen from the first answer.
  void TakeUp(BegunUpload begun) {
    const bool is_same = IsSameUpload(place_, begun.upload);
    if (!is_same && !place_.upload.url.empty() && begun.etags.empty()) return;
    if (!is_same) {
      place_ = std::move(begun.upload);
      is_old_ = true;
    }
    for (auto& [number, etag] : begun.etags) NoteStored(number, std::move(etag));
  }

  // In the order in which it came about, whatever else the disk has to do.
  template <typename Act>
  void OnJournal(Act act) {
    journal_order_.Post([journal = journal_, act = std::move(act)] { act(*journal); });
  }

  void Finish(const absl::Status& status) {
    UploadObserver* const observer = observer_;
    End();
    if (observer != nullptr) observer->OnFinished(status);
  }

  void StopFlights() {
    ++round_;
    const std::map<uint32_t, Flight> stopped = std::exchange(flights_, {});
    for (const auto& [number, flight] : stopped) {
      context_.http.Cancel(flight.call);
      slots_.GiveBack();  // may begin something of somebody else's
    }
  }

  bool is_basic() const { return place_.part_bytes == 0; }

  uint32_t parts() const { return is_basic() ? 1 : static_cast<uint32_t>(place_.part_urls.size()); }

  uint64_t OffsetOf(uint32_t number) const { return (number - 1) * place_.part_bytes; }

  uint64_t SizeOf(uint32_t number) const {
    if (is_basic()) return place_.object.size_bytes;
    return std::min(place_.part_bytes, place_.object.size_bytes - OffsetOf(number));
  }

  // Every part that is not there waits for its turn.
  void SendAll() {
    ++round_;
    if (place_.upload.url.empty()) return Renew();
    if (!is_basic() && !is_old_) {
      OnJournal([begun = BegunUpload{place_, etags_}, now = context_.clock.wall()](UploadJournal& journal) {
        journal.Begin(begun, now);
      });
    }
    TellProgress(0);
    left_ = 0;
    for (uint32_t number = 1; number <= parts(); ++number) {
      if (etags_.contains(number)) continue;
      ++left_;
      Queue(number);
    }
    if (left_ == 0) Complete();
  }

  void Queue(uint32_t number) {
    slots_.Take([weak = weak_from_this(), &slots = slots_, number, round = round_] {
      const auto self = weak.lock();
      if (self == nullptr || self->observer_ == nullptr || self->round_ != round || !self->gone_.ok())
        return slots.GiveBack();
      self->Send(number);
    });
  }

  void Send(uint32_t number) {
    const uint64_t round = round_;
    auto put = std::make_shared<Put>(
        context_.core, context_.clock,
        Back<uint64_t>([number, round](Upload& self, uint64_t sent) { self.OnSent(number, round, sent); }),
        Back<transport::WaitInfo>([](Upload& self, const transport::WaitInfo& info) {
          self.observer_->OnWaiting(info, absl::OkStatus(), 0);
        }),
        Back<Put::Result>([number, round](Upload& self, const Put::Result& result) {
          self.OnResult(number, round, result);
        }));
    transport::HttpRequest request;
    request.method = transport::HttpMethod::kPut;
    request.url = is_basic() ? place_.upload.url : place_.part_urls[number - 1];
    if (is_basic()) request.headers = place_.upload.headers;
    request.body_source = FileBody::Make(source_.bytes, is_basic() ? 0 : OffsetOf(number), SizeOf(number),
                                         readers(), context_.gate);
    request.max_body_bytes = uint64_t{1} << 20;
    request.idle_timeout = context_.stall_timeout;
    request.principal = request_.access.principal;
    request.job = request_.access.job;
    request.priority = request_.access.changing_priority ? request_.access.changing_priority->load()
                                                         : request_.access.priority;
    flights_[number] = {.call = context_.http.Start(std::move(request), std::move(put))};
  }

  void OnSent(uint32_t number, uint64_t round, uint64_t sent) {
    const auto flight = flights_.find(number);
    if (round != round_ || flight == flights_.end()) return;
    const uint64_t before = std::exchange(flight->second.sent_bytes, std::min(sent, SizeOf(number)));
    TellProgress(flight->second.sent_bytes > before ? flight->second.sent_bytes - before : 0);
  }

  void TellProgress(uint64_t sent_bytes) {
    uint64_t done = stored_bytes_;
    for (const auto& [number, flight] : flights_) done += flight.sent_bytes;
    observer_->OnProgress(done, sent_bytes);
  }

  void OnResult(uint32_t number, uint64_t round, const Put::Result& result) {
    if (round != round_ || flights_.erase(number) == 0) return;
    slots_.GiveBack();
    if (observer_ == nullptr) return;
    const bool has_tag = !result.etag.empty() && result.etag.size() <= kMaxTagBytes;
    if (IsClientGone(result.status)) gone_ = result.status;
    if (!gone_.ok()) {
      if (result.status.ok() && has_tag) KeepStored(number, result.etag);
      if (flights_.empty()) Finish(gone_);
      return;
    }
    if (result.status.ok()) {
      if (is_basic() || has_tag) return OnStored(number, result.etag);
      const absl::Status untold =
          MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                    "the store did not say under which tag it has a part of the upload");
      return failures_[number] < kMostRefusals ? SendAgain(number, untold) : Finish(untold);
    }
    const bool is_expired = result.http_status == 403 || result.http_status == 401 ||
                            result.http_status == 404 || result.http_status == 410;
    if (is_expired) return OnRefused(result.status);
    // 400 is also what S3 calls a request that took too long.
    const bool may_pass =
        IsTransient(result.status) || (result.http_status == 400 && failures_[number] < kMostRefusals);
    if (!may_pass) return Finish(result.status);
    SendAgain(number, result.status);
  }

  void NoteStored(uint32_t number, std::string etag) {
    if (!etags_.emplace(number, std::move(etag)).second) return;
    stored_bytes_ += SizeOf(number);
    failures_.erase(number);
    // More than ever before: only that says that it goes on, however often it begins from the front.
    if (etags_.size() <= most_stored_) return;
    most_stored_ = etags_.size();
    refusals_ = 0;
  }

  void ForgetStored() {
    etags_.clear();
    stored_bytes_ = 0;
  }

  void KeepStored(uint32_t number, const std::string& etag) {
    NoteStored(number, etag);
    if (is_basic()) return;
    OnJournal([object = place_.object.sha256, part = hub::StoredPart{number, etag}](UploadJournal& journal) {
      journal.Keep(object, part);
    });
  }

  void OnStored(uint32_t number, const std::string& etag) {
    KeepStored(number, etag);
    TellProgress(0);
    if (observer_ != nullptr && --left_ == 0) Complete();
  }

  void SendAgain(uint32_t number, const absl::Status& why) {
    if (!request_.may_wait) return Finish(why);
    Pause(why, failures_[number], [number, round = round_](Upload& self) {
      if (self.round_ == round) self.Queue(number);
    });
  }

  // `failures`: in a row, of what is tried again.
  template <typename Then>
  void Pause(const absl::Status& why, int& failures, Then then) {
    const int attempt = ++failures;
    if (context_.metrics != nullptr) context_.metrics->retries.Of({"upload"}).Add();
    const auto delay = NextDelay(context_.backoff, attempt, RetryAfterOf(why),
                                 std::uniform_real_distribution<double>(0, 1)(random_));
    context_.core.PostAfter(delay, [weak = weak_from_this(), then] {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self);
    });
    observer_->OnWaiting({.reason = "network", .window = "", .until = context_.clock.wall() + delay}, why,
                         attempt);
  }

  // The links ran out, or the store has forgotten the upload: another place, and what is there stays only
  // where that is the same upload.
  void OnRefused(const absl::Status& why) {
    if (!std::exchange(is_old_, false) && ++refusals_ > kMostRefusals) return Finish(why);
    StopFlights();
    if (refusals_ <= 1) return Renew();
    if (!request_.may_wait) return Finish(why);
    Pause(why, question_failures_, [](Upload& self) { self.Renew(); });
  }

  // Asks for a place. An object that is there needs none.
  void Renew() {
    context_.writer.BeginUploads(
        request_.repo, request_.branch, {place_.object}, request_.access,
        Back<absl::StatusOr<std::vector<hub::LfsUpload>>>(
            [](Upload& self, absl::StatusOr<std::vector<hub::LfsUpload>> uploads) {
              if (!uploads.ok())
                return self.OnQuestionFailed(uploads.status(), [](Upload& later) { later.Renew(); });
              self.question_failures_ = 0;
              if (uploads->size() != 1)
                return self.Finish(absl::InternalError("not one answer for one object"));
              self.OnPlace(std::move(uploads->front()));
            }));
  }

  void OnPlace(hub::LfsUpload place) {
    if (!place.refusal.ok()) return Finish(place.refusal);
    if (place.is_stored) return Stored();
    const bool is_same = IsSameUpload(place_, place);
    // Every part is there, and nothing said that they cannot be joined: no reason to send them again.
    if (std::exchange(is_joining_, false) && !is_same) return Join();
    if (!is_same) ForgetStored();
    place_ = std::move(place);
    SendAll();
  }

  template <typename Then>
  void OnQuestionFailed(const absl::Status& status, Then then) {
    if (!IsTransient(status) || !request_.may_wait) return Finish(status);
    Pause(status, question_failures_, then);
  }

  // All of it is there: was it what was planned, to the end?
  void Complete() {
    OnReaders([check = source_.check_unchanged] { return check ? check() : absl::OkStatus(); },
              [](Upload& self, const absl::Status& unchanged) {
                // Nobody who could be asked is no reason to send the parts again.
                if (ReasonOf(unchanged) == reason::kFileChanged) {
                  self.OnJournal([object = self.place_.object.sha256](UploadJournal& journal) {
                    journal.Forget(object);
                  });
                }
                if (!unchanged.ok()) return self.Finish(unchanged);
                if (self.is_basic()) return self.Verify();
                self.Join();
              });
  }

  void Join() {
    std::vector<hub::StoredPart> stored;
    for (const auto& [number, etag] : etags_) stored.push_back({number, etag});
    context_.writer.CompleteUpload(
        place_, stored, request_.access,
        Back<absl::StatusOr<bool>>([](Upload& self, const absl::StatusOr<bool>& joined) {
          if (joined.ok()) return self.Verify();
          self.OnJoinFailed(joined.status());
        }));
  }

  // Where no answer came it may have been joined all the same. Else a part is not there after all, or the
  // store has forgotten the upload, or the links ran out.
  void OnJoinFailed(const absl::Status& status) {
    is_old_ = false;
    is_joining_ = IsTransient(status);
    if (is_joining_ && !request_.may_wait) return Finish(status);
    if (!is_joining_ && ++refusals_ > kMostRefusals) return Finish(status);
    if (!is_joining_ && !IsAboutLinks(status)) ForgetStored();
    Pause(status, join_failures_, [](Upload& self) { self.Renew(); });
  }

  void Verify() {
    context_.writer.VerifyUpload(
        place_, request_.access,
        Back<absl::StatusOr<bool>>([](Upload& self, const absl::StatusOr<bool>& verified) {
          if (verified.ok()) return self.Stored();
          if (IsTransient(verified.status()))
            return self.OnQuestionFailed(verified.status(), [](Upload& later) { later.Verify(); });
          self.OnVerifyFailed(verified.status());
        }));
  }

  // The hub does not find it: it is sent again.
  void OnVerifyFailed(const absl::Status& status) {
    if (++refusals_ > kMostRefusals || !request_.may_wait) return Finish(status);
    ForgetStored();
    Pause(status, join_failures_, [](Upload& self) { self.Renew(); });
  }

  void Stored() {
    OnJournal([object = place_.object.sha256](UploadJournal& journal) { journal.Forget(object); });
    Finish(absl::OkStatus());
  }

  const UploadContext context_;
  const UploadRequest request_;
  hub::LfsUpload place_;
  const std::shared_ptr<UploadJournal> journal_;
  Strand journal_order_;
  UploadSlots& slots_;
  UploadObserver* observer_;
  UploadSource source_;

  uint64_t round_ = 0;                     // of places; what belongs to an earlier one counts no more
  std::map<uint32_t, std::string> etags_;  // parts that are there
  uint64_t stored_bytes_ = 0;              // in them
  size_t most_stored_ = 0;                 // parts that ever were, at one time
  std::map<uint32_t, Flight> flights_;     // parts under way
  uint32_t left_ = 0;
  // Not OK: whoever reads the file for the daemon is gone. Parts that have all their bytes are waited for, so
  // that they need not be sent again; the others end by themselves.
  absl::Status gone_;
  bool is_old_ = false;               // the place is from the journal
  bool is_joining_ = false;           // the parts are there; whether they are joined is not known
  std::map<uint32_t, int> failures_;  // of a part, in a row
  int question_failures_ = 0;
  int join_failures_ = 0;
  int refusals_ = 0;  // since more was there than ever
  std::mt19937 random_{std::random_device()()};
};

// Stops the upload when its owner drops it.
class Handle final : public BlobUpload {
 public:
  explicit Handle(std::shared_ptr<Upload> upload) : upload_(std::move(upload)) {}

  ~Handle() override { upload_->End(); }

 private:
  const std::shared_ptr<Upload> upload_;
};

}  // namespace

void UploadSlots::Take(absl::AnyInvocable<void()> go) {
  if (free_ == 0) {
    waiting_.push_back(std::move(go));
    return;
  }
  --free_;
  go();
}

void UploadSlots::GiveBack() {
  ++free_;
  // Whoever is called may give back at once: the loop that is under way sees to it.
  if (std::exchange(is_handing_out_, true)) return;
  while (free_ > 0 && !waiting_.empty()) {
    auto go = std::move(waiting_.front());
    waiting_.pop_front();
    --free_;
    go();
  }
  is_handing_out_ = false;
}

std::unique_ptr<BlobUpload> BlobUpload::Start(const UploadContext& context, UploadRequest request,
                                              UploadSlots& slots, UploadObserver& observer) {
  auto upload = std::make_shared<Upload>(context, std::move(request), slots, observer);
  context.core.Post([weak = std::weak_ptr(upload)] {
    if (auto self = weak.lock()) self->Begin();
  });
  return std::make_unique<Handle>(std::move(upload));
}

}  // namespace batuta::push
