#include "daemon/hub/saving_asker.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"
#include "daemon/hub/answer_key.h"
#include "daemon/hub/sharing.h"

namespace batuta::hub {
namespace {

constexpr int kNotModified = 304;

// Who wants an answer.
struct Caller {
  Question question;
  Access access;
  Asker::Done done;
  Terms terms;
};

// One answer on its way to all who want it.
struct Flight {
  Flight(const Caller& first, std::string own_key, std::string wide_key)
      : question(first.question),
        access(first.access),
        terms(first.terms),
        key(std::move(own_key)),
        wider_key(std::move(wide_key)) {}

  // Of the caller who began it and is the first of `callers`: on his terms the hub is asked.
  const Question question;
  const Access access;
  const Terms terms;

  // Under which the answers to the question and to the wider one are remembered; empty: there is no wider
  // one.
  const std::string key;
  const std::string wider_key;

  // Guarded by the mutex of Savings.
  std::vector<Caller> callers = {};
  std::optional<transport::WaitInfo> held_back = {};  // why the budget holds the request back, once it does
};

using FlightPtr = std::shared_ptr<Flight>;

Answer AnswerOf(KeptAnswer kept, std::optional<WallTime> remembered_since) {
  Answer answer{.head = {.status = 200, .headers = {}},
                .body = std::move(kept.body),
                .url = std::move(kept.url),
                .remembered_since = remembered_since};
  if (!kept.link.empty()) answer.head.headers.push_back({"Link", std::move(kept.link)});
  return answer;
}

KeptAnswer ToKeep(const Answer& answer, WallTime now) {
  return {.body = answer.body,
          .url = answer.url,
          .link = std::string(answer.head.Find("Link").value_or("")),
          .etag = std::string(answer.head.Find("ETag").value_or("")),
          .at = now};
}

bool IsRememberedRefusal(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  if (details.reason != reason::kRepoNotFound && details.reason != reason::kRevisionNotFound) return false;
  // A hub that says 401 of a repo that is not there says it of one that a login would show, too.
  const auto http_status = details.facts.find("http_status");
  return http_status != details.facts.end() && http_status->second == "404";
}

absl::Status OfflineMiss(const Question& question) {
  return MakeError(
      absl::StatusCode::kNotFound, reason::kOfflineMiss,
      fmt::format("{}: nothing is remembered of what the hub said, and it is not asked while offline",
                  question.what),
      "call again without --offline and HF_HUB_OFFLINE");
}

absl::Status Remembered(const absl::Status& status, WallTime::duration age) {
  ErrorDetails details = DetailsOf(status);
  const auto rounded = std::chrono::ceil<std::chrono::seconds>(age);
  return MakeError(status.code(), details.reason,
                   fmt::format("{} (as of {} ago)", MessageOf(status), FormatDuration(rounded)),
                   fmt::format("{}; --refresh asks the hub again", details.hint), std::move(details.facts));
}

// "No such repo" and the like, for a short while. Thread-safe.
class Refusals {
 public:
  Refusals(std::chrono::milliseconds lifetime, size_t max_count)
      : lifetime_(lifetime), max_count_(max_count) {}

  // As it was said, and how long ago.
  std::optional<absl::Status> Find(const std::string& key, WallTime now) {
    MutexLock lock(mutex_);
    const auto found = refusals_.find(key);
    if (found == refusals_.end() || !IsFresh(found->second.at, now, lifetime_)) return std::nullopt;
    return Remembered(found->second.status, now - found->second.at);
  }

  void Keep(const std::string& key, absl::Status status, WallTime now) {
    MutexLock lock(mutex_);
    if (refusals_.size() >= max_count_) {
      std::erase_if(refusals_, [&](const auto& item) { return !IsFresh(item.second.at, now, lifetime_); });
    }
    if (refusals_.size() < max_count_) refusals_.insert_or_assign(key, Refusal{std::move(status), now});
  }

  void Forget(const std::string& key) {
    MutexLock lock(mutex_);
    refusals_.erase(key);
  }

 private:
  struct Refusal {
    absl::Status status;
    WallTime at;
  };

  const std::chrono::milliseconds lifetime_;
  const size_t max_count_;
  Mutex mutex_;
  std::map<std::string, Refusal> refusals_ ABSL_GUARDED_BY(mutex_);
};

// What the asker and the questions under way share; questions may outlive the asker.
class Savings : public std::enable_shared_from_this<Savings> {
 public:
  Savings(SavingOptions options, Asker& hub, AnswerMemory& memory, WorkerPool& disk, const Clock& clock)
      : options_(std::move(options)),
        hub_(hub),
        memory_(memory),
        disk_(disk),
        clock_(clock),
        refusals_(options_.lifetimes.refusal, options_.max_refusals) {}

  // Joins a flight to the same answer, or begins one.
  void Take(Caller caller) {
    const auto key_of = [&](const std::string& url) {
      return AnswerKey(options_.salt, caller.access.token, url);
    };
    const std::string& wider_url = caller.question.wider_url;
    const std::string& body = caller.question.body;
    auto flight =
        std::make_shared<Flight>(caller, key_of(caller.question.url + (body.empty() ? "" : "\n" + body)),
                                 wider_url.empty() ? std::string() : key_of(wider_url));
    // Whoever wants no request waits for none.
    const bool is_shared = caller.access.memory != Memory::kOnly;
    const auto on_waiting = caller.access.on_waiting;
    std::optional<transport::WaitInfo> held_back;
    bool has_joined = false;
    {
      MutexLock lock(mutex_);
      const FlightPtr joined = is_shared ? FindFlight(flight->key, caller.terms) : nullptr;
      has_joined = joined != nullptr;
      if (has_joined) held_back = joined->held_back;
      if (!has_joined && is_shared) flights_.emplace(flight->key, flight);
      (has_joined ? *joined : *flight).callers.push_back(std::move(caller));
    }
    if (held_back && on_waiting) on_waiting(*held_back);
    if (!has_joined) disk_.Post([self = shared_from_this(), flight] { self->LookUp(flight); });
  }

 private:
  FlightPtr FindFlight(const std::string& key, const Terms& own) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto [first, last] = flights_.equal_range(key);
    const auto found = std::find_if(first, last, [&own](const auto& item) {
      return MayShare(item.second->terms, item.second->held_back.has_value(), own);
    });
    return found == last ? nullptr : found->second;
  }

  // Disk pool.
  void LookUp(const FlightPtr& flight) {
    const Question& question = flight->question;
    const Memory memory = flight->access.memory;
    const WallTime now = clock_.wall();
    if (memory == Memory::kUse && !question.is_doubted) {
      for (const std::string& key : {flight->key, flight->wider_key}) {
        if (std::optional<absl::Status> refusal = refusals_.Find(key, now)) return Land(flight, *refusal);
      }
    }
    std::optional<KeptAnswer> own = memory_.Find(flight->key);
    std::optional<KeptAnswer> wider;
    if (!flight->wider_key.empty()) wider = memory_.Find(flight->wider_key);
    const std::optional<KeptAnswer>& newest = wider && (!own || wider->at > own->at) ? wider : own;
    const bool has_etag = own && !own->etag.empty();  // a wider answer's is of no use here
    std::optional<Known> known;
    if (newest) known = Known{newest->at, has_etag};
    switch (Decide(question.subject, memory, question.is_doubted, known, now, options_.lifetimes)) {
      case Use::kAnswer:
        return Land(flight, AnswerOf(*newest, newest->at));
      case Use::kMiss:
        return Land(flight, OfflineMiss(question));
      case Use::kAskIfChanged:
        return SendOut(flight, std::move(own));
      case Use::kAsk:
        return SendOut(flight, std::nullopt);
    }
  }

  // `kept`: still holds if the hub says that nothing has changed.
  void SendOut(const FlightPtr& flight, std::optional<KeptAnswer> kept) {
    Question question = flight->question;
    if (kept) question.etag = kept->etag;
    Access access = flight->access;
    access.on_waiting = [self = shared_from_this(), flight](const transport::WaitInfo& info) {
      self->OnHeldBack(*flight, info);
    };
    hub_.Ask(
        std::move(question), access,
        [self = shared_from_this(), flight, kept = std::move(kept)](absl::StatusOr<Answer> answer) mutable {
          self->disk_.Post([self, flight, kept = std::move(kept), answer = std::move(answer)]() mutable {
            self->OnAnswer(flight, std::move(kept), std::move(answer));
          });
        });
  }

  // Callers who have a place of their own in the budget's queues go and take it.
  void OnHeldBack(Flight& flight, const transport::WaitInfo& info) {
    std::vector<std::function<void(const transport::WaitInfo&)>> waiting;
    std::vector<Caller> leaving;
    {
      MutexLock lock(mutex_);
      flight.held_back = info;
      std::vector<Caller> staying;
      for (Caller& caller : flight.callers) {
        const bool stays = staying.empty() || MayShare(flight.terms, true, caller.terms);
        if (stays && caller.access.on_waiting) waiting.push_back(caller.access.on_waiting);
        (stays ? staying : leaving).push_back(std::move(caller));
      }
      flight.callers = std::move(staying);
    }
    for (const auto& on_waiting : waiting) on_waiting(info);
    for (Caller& caller : leaving) Take(std::move(caller));
  }

  // Disk pool.
  void OnAnswer(const FlightPtr& flight, std::optional<KeptAnswer> kept, absl::StatusOr<Answer> answer) {
    const WallTime now = clock_.wall();
    if (!answer.ok()) {
      if (IsRememberedRefusal(answer.status())) {
        refusals_.Keep(flight->key, answer.status(), now);
        Forget(*flight);
      }
      return Land(flight, answer.status());
    }
    if (kept && answer->head.status == kNotModified) {
      kept->at = now;
      answer = AnswerOf(*kept, std::nullopt);
    } else {
      kept = ToKeep(*answer, now);
    }
    refusals_.Forget(flight->key);
    // What the wider answer says is older than this one, whatever its lifetime.
    if (!flight->wider_key.empty() && flight->access.memory == Memory::kRenew) {
      memory_.Forget(flight->wider_key);
    }
    memory_.Keep(flight->key, *kept);
    Land(flight, std::move(answer));
  }

  void Forget(const Flight& flight) {
    memory_.Forget(flight.key);
    if (!flight.wider_key.empty()) memory_.Forget(flight.wider_key);
  }

  void Land(const FlightPtr& flight, absl::StatusOr<Answer> answer) {
    std::vector<Caller> callers;
    {
      MutexLock lock(mutex_);
      const auto [first, last] = flights_.equal_range(flight->key);
      const auto found = std::find_if(first, last, [&](const auto& item) { return item.second == flight; });
      if (found != last) flights_.erase(found);
      callers = std::exchange(flight->callers, {});
    }
    if (callers.empty()) return;
    const bool was_impatient = ReasonOf(answer.status()) == reason::kHubRateLimited;
    const auto hand_over = [&](Caller& caller, absl::StatusOr<Answer> given) {
      if (was_impatient && MustAskItself(flight->terms, caller.terms)) return Take(std::move(caller));
      caller.done(std::move(given));
    };
    for (size_t i = 0; i + 1 < callers.size(); ++i) hand_over(callers[i], answer);
    hand_over(callers.back(), std::move(answer));
  }

  const SavingOptions options_;
  Asker& hub_;
  AnswerMemory& memory_;
  WorkerPool& disk_;
  const Clock& clock_;
  Refusals refusals_;
  Mutex mutex_;
  std::multimap<std::string, FlightPtr> flights_ ABSL_GUARDED_BY(mutex_);
};

class SavingAsker final : public Asker {
 public:
  explicit SavingAsker(std::shared_ptr<Savings> savings) : savings_(std::move(savings)) {}

  void Ask(Question question, const Access& access, Done done) override {
    const Terms terms = TermsOf(access, question.is_doubted);
    savings_->Take({std::move(question), access, std::move(done), terms});
  }

 private:
  const std::shared_ptr<Savings> savings_;
};

}  // namespace

std::unique_ptr<Asker> MakeSavingAsker(SavingOptions options, Asker& hub, AnswerMemory& memory,
                                       WorkerPool& disk, const Clock& clock) {
  return std::make_unique<SavingAsker>(
      std::make_shared<Savings>(std::move(options), hub, memory, disk, clock));
}

}  // namespace batuta::hub
