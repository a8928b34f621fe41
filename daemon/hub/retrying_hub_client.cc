#include "daemon/hub/retrying_hub_client.h"

#include <random>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/metrics/daemon_metrics.h"

namespace batuta::hub {

namespace {

std::function<double()> OwnGenerator() {
  return [engine = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
  };
}

// What every question needs to be put again.
struct Retries {
  RetryPolicy policy;
  TaskRunner& callbacks;
  const Clock& clock;
  std::function<double()> random;
};

// One question, put until its answer is final.
template <typename T>
class Inquiry : public std::enable_shared_from_this<Inquiry<T>> {
 public:
  using Ask = std::function<void(Callback<T>)>;

  Inquiry(std::shared_ptr<Retries> retries, Ask ask, Callback<T> done)
      : retries_(std::move(retries)),
        ask_(std::move(ask)),
        done_(std::move(done)),
        began_(retries_->clock.steady()) {}

  void Try() {
    ask_([self = this->shared_from_this()](absl::StatusOr<T> answer) { self->OnAnswer(std::move(answer)); });
  }

 private:
  void OnAnswer(absl::StatusOr<T> answer) {
    ++tries_;
    if (answer.ok()) return done_(std::move(answer));
    const auto delay = NextTry(retries_->policy, answer.status(), tries_, retries_->clock.steady() - began_,
                               retries_->random());
    if (!delay) return done_(std::move(answer));
    if (retries_->policy.metrics != nullptr) retries_->policy.metrics->retries.Of({"hub"}).Add();
    LogDebug("question to the hub put again", Field("after_ms", delay->count()), Field("tries", tries_),
             Field("error", MessageOf(answer.status())));
    retries_->callbacks.PostAfter(*delay, [self = this->shared_from_this()] { self->Try(); });
  }

  const std::shared_ptr<Retries> retries_;
  const Ask ask_;
  Callback<T> done_;
  const SteadyTime began_;
  int tries_ = 0;
};

class RetryingHubClient final : public HubClient {
 public:
  RetryingHubClient(HubClient& inner, std::shared_ptr<Retries> retries)
      : inner_(inner), retries_(std::move(retries)) {}

  void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
               Callback<RepoInfo> done) override {
    Put<RepoInfo>(access, std::move(done), [&inner = inner_, repo, revision, access](auto answered) {
      inner.GetRepo(repo, revision, access, std::move(answered));
    });
  }

  void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<CommitId> done) override {
    Put<CommitId>(access, std::move(done), [&inner = inner_, repo, revision, access](auto answered) {
      inner.ResolveRevision(repo, revision, access, std::move(answered));
    });
  }

  void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                Callback<Tree> done) override {
    Put<Tree>(access, std::move(done), [&inner = inner_, repo, commit, access](auto answered) {
      inner.ListTree(repo, commit, access, std::move(answered));
    });
  }

  void GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
               const Access& access, Callback<std::vector<ScanIssue>> done) override {
    Put<std::vector<ScanIssue>>(access, std::move(done),
                                [&inner = inner_, repo, commit, paths, access](auto answered) {
                                  inner.GetScan(repo, commit, paths, access, std::move(answered));
                                });
  }

  void Search(const SearchQuery& query, const Access& access,
              Callback<std::vector<RepoSummary>> done) override {
    Put<std::vector<RepoSummary>>(access, std::move(done), [&inner = inner_, query, access](auto answered) {
      inner.Search(query, access, std::move(answered));
    });
  }

  void WhoAmI(const Access& access, Callback<Identity> done) override {
    Put<Identity>(access, std::move(done),
                  [&inner = inner_, access](auto answered) { inner.WhoAmI(access, std::move(answered)); });
  }

  void CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) override {
    Put<bool>(access, std::move(done), [&inner = inner_, repo, access](auto answered) {
      inner.CheckAccess(repo, access, std::move(answered));
    });
  }

  std::shared_ptr<transport::RangeSource> OpenFile(const RepoId& repo, const CommitId& commit,
                                                   const Entry& entry, const Access& access) override {
    return inner_.OpenFile(repo, commit, entry, access);
  }

  const std::string& endpoint() const override { return inner_.endpoint(); }

 private:
  template <typename T, typename Ask>
  void Put(const Access& access, Callback<T> done, Ask ask) {
    const bool is_asked_by_a_person = access.priority == Priority::kInteractive && !access.may_wait;
    if (!is_asked_by_a_person) return ask(std::move(done));
    std::make_shared<Inquiry<T>>(retries_, std::move(ask), std::move(done))->Try();
  }

  HubClient& inner_;
  const std::shared_ptr<Retries> retries_;  // shared with questions that may outlive the client
};

}  // namespace

std::optional<std::chrono::milliseconds> NextTry(const RetryPolicy& policy, const absl::Status& status,
                                                 int tries, Duration elapsed, double random) {
  if (ReasonOf(status) != reason::kHubUnreachable || tries > policy.max_retries) return std::nullopt;
  const auto delay = NextDelay(policy.backoff, tries, RetryAfterOf(status), random);
  if (elapsed + delay > policy.patience) return std::nullopt;
  return delay;
}

std::unique_ptr<HubClient> MakeRetryingHubClient(RetryPolicy policy, HubClient& inner, TaskRunner& callbacks,
                                                 const Clock& clock, std::function<double()> random) {
  if (!random) random = OwnGenerator();
  return std::make_unique<RetryingHubClient>(
      inner, std::shared_ptr<Retries>(new Retries{std::move(policy), callbacks, clock, std::move(random)}));
}

}  // namespace batuta::hub
