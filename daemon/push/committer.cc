#include "daemon/push/committer.h"

#include <algorithm>
#include <map>
#include <random>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::push {

namespace {

// A commit was refused because the branch moved, or answered with nonsense, and yet the branch stands where
// it stood: what was sent before is still under way, a copy of the hub lags behind, or somebody else speaks
// for the hub. So often it is looked at again.
constexpr int kMostContradictions = 5;

// Does the branch not stand at the parent, if this is what became of sending?
bool SaysMoved(const absl::Status& status) {
  return ReasonOf(status) == reason::kRevisionMoved || absl::IsAlreadyExists(status);
}

// Was there an answer, but not one of a hub?
bool IsNonsense(const absl::Status& status) {
  return ReasonOf(status) == reason::kHubProtocol || ReasonOf(status) == reason::kAnswerTooLarge;
}

// A title as git makes it of the first line.
std::string_view TitleOf(std::string_view summary) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = summary.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  summary = summary.substr(first);
  summary = summary.substr(0, summary.find('\n'));
  return summary.substr(0, summary.find_last_not_of(kBlanks) + 1);
}

class CommitTask final : public std::enable_shared_from_this<CommitTask> {
 public:
  CommitTask(const CommitterContext& context, CommitterCaller caller, CommitIntent intent,
             Committer::Done done)
      : context_(context), caller_(std::move(caller)), intent_(std::move(intent)), done_(std::move(done)) {}

  void BeginSettling() {
    Later([](CommitTask& self) { self.Look(absl::OkStatus()); });
  }

  void BeginMaking(hub::CommitRequest commit) {
    commit_ = std::make_shared<const hub::CommitRequest>(std::move(commit));
    Later([](CommitTask& self) { self.Send(); });
  }

  void End() { done_ = nullptr; }

 private:
  template <typename Then>
  void Later(Then then) {
    context_.core.Post([weak = weak_from_this(), then] {
      if (auto self = weak.lock(); self && self->done_ != nullptr) then(*self);
    });
  }

  template <typename Result, typename Then>
  auto Back(Then then) {
    return [weak = weak_from_this(), then = std::move(then)](Result result) mutable {
      if (auto self = weak.lock(); self && self->done_ != nullptr) then(*self, std::move(result));
    };
  }

  void Finish(absl::StatusOr<Committer::Outcome> outcome) {
    auto done = std::exchange(done_, nullptr);
    done(std::move(outcome));
  }

  absl::Status Moved() const {
    return MakeError(
        absl::StatusCode::kAborted, reason::kRevisionMoved,
        fmt::format("{} of {} moved while it was pushed to", intent_.branch.text(), caller_.repo.id()),
        "push again: the plan is made against what is there now, and nothing is sent twice");
  }

  void Send() {
    context_.writer.Commit(commit_, caller_.access,
                           Back<absl::StatusOr<hub::CommitResult>>(
                               [](CommitTask& self, absl::StatusOr<hub::CommitResult> result) {
                                 if (result.ok()) return self.Finish(Committer::Outcome(*std::move(result)));
                                 const absl::Status& status = result.status();
                                 const bool is_open = IsTransient(status) || IsNonsense(status);
                                 // A plain refusal settles it, unless the one before may have got through
                                 // meanwhile.
                                 if (!is_open && !SaysMoved(status) && !self.may_be_under_way_)
                                   return self.Finish(status);
                                 self.may_be_under_way_ |= is_open;
                                 self.Look(status);
                               }));
  }

  // What became of it? `why`: what the sending came to.
  void Look(const absl::Status& why) {
    hub::Access access = caller_.access;
    access.memory = hub::Memory::kRenew;
    context_.writer.ListCommits(
        caller_.repo, intent_.branch, kHistoryLooked, access,
        Back<absl::StatusOr<std::vector<hub::CommitTitle>>>(
            [why](CommitTask& self, const absl::StatusOr<std::vector<hub::CommitTitle>>& history) {
              if (!history.ok()) return self.OnLookFailed(why, history.status());
              const HistorySays says = Judge(self.intent_, *history);
              if (says.kind == HistorySays::Kind::kMoved) return self.Finish(self.Moved());
              if (says.kind == HistorySays::Kind::kPerhaps) return self.Compare(why, *says.candidate);
              self.OnNotMade(why);
            }));
  }

  void OnLookFailed(const absl::Status& why, const absl::Status& failure) {
    // Of a branch that is not there, nobody has made anything.
    if (ReasonOf(failure) == reason::kRevisionNotFound && !intent_.parent) return OnNotMade(why);
    if (!IsTransient(failure) || !caller_.may_wait) return Finish(failure);
    Again(failure, [why](CommitTask& self) { self.Look(why); });
  }

  void Compare(const absl::Status& why, const CommitId& candidate) {
    context_.hub.ListTree(
        caller_.repo, candidate, caller_.access,
        Back<absl::StatusOr<Tree>>([why, candidate](CommitTask& self, const absl::StatusOr<Tree>& tree) {
          if (!tree.ok()) return self.OnLookFailed(why, tree.status());
          if (!Fits(self.intent_, *tree)) return self.Finish(self.Moved());
          self.Finish(Committer::Outcome(hub::CommitResult{.commit = candidate}));
        }));
  }

  void OnNotMade(const absl::Status& why) {
    if (!commit_) return Finish(Committer::Outcome());
    if (SaysMoved(why) || IsNonsense(why)) {
      if (++contradictions_ > kMostContradictions) return Finish(SaysMoved(why) ? Moved() : why);
    } else if (!IsTransient(why) || !caller_.may_wait) {
      return Finish(why);
    }
    Again(why, [](CommitTask& self) { self.Send(); });
  }

  template <typename Then>
  void Again(const absl::Status& why, Then then) {
    ++attempts_;
    const auto delay = NextDelay(context_.backoff, attempts_, RetryAfterOf(why),
                                 std::uniform_real_distribution<double>(0, 1)(random_));
    if (caller_.on_waiting)
      caller_.on_waiting({.reason = "network", .window = "", .until = context_.clock.wall() + delay}, why,
                         attempts_);
    context_.core.PostAfter(delay, [weak = weak_from_this(), then] {
      if (auto self = weak.lock(); self && self->done_ != nullptr) then(*self);
    });
  }

  const CommitterContext context_;
  const CommitterCaller caller_;
  const CommitIntent intent_;
  Committer::Done done_;
  std::shared_ptr<const hub::CommitRequest> commit_;  // nothing: it is only to be settled
  bool may_be_under_way_ = false;                     // what was sent before, without an answer
  int attempts_ = 0;
  int contradictions_ = 0;
  std::mt19937 random_{std::random_device()()};
};

// Ends the task when its owner drops it.
class Handle final : public Committer {
 public:
  explicit Handle(std::shared_ptr<CommitTask> task) : task_(std::move(task)) {}

  ~Handle() override { task_->End(); }

 private:
  const std::shared_ptr<CommitTask> task_;
};

}  // namespace

HistorySays Judge(const CommitIntent& intent, const std::vector<hub::CommitTitle>& history) {
  using Kind = HistorySays::Kind;
  auto parent = history.end();
  if (intent.parent) {
    parent = std::ranges::find(history, *intent.parent, &hub::CommitTitle::commit);
    if (parent == history.end()) return {Kind::kMoved};
  }
  if (parent == history.begin()) return {Kind::kNotMade};
  const hub::CommitTitle& above = *std::prev(parent);
  if (TitleOf(above.title) != TitleOf(intent.summary)) return {Kind::kMoved, {}};
  return {Kind::kPerhaps, above.commit};
}

bool Fits(const CommitIntent& intent, const Tree& tree) {
  std::map<std::string_view, std::string_view> blobs;
  for (const Entry& entry : tree.entries) blobs.emplace(entry.path.text(), entry.blob.hex());
  return std::ranges::all_of(intent.files, [&blobs](const IntendedFile& file) {
    const auto found = blobs.find(file.path);
    return file.blob.empty() ? found == blobs.end() : found != blobs.end() && found->second == file.blob;
  });
}

std::unique_ptr<Committer> Committer::Settle(const CommitterContext& context, CommitterCaller caller,
                                             CommitIntent intent, Done done) {
  auto task = std::make_shared<CommitTask>(context, std::move(caller), std::move(intent), std::move(done));
  task->BeginSettling();
  return std::make_unique<Handle>(std::move(task));
}

std::unique_ptr<Committer> Committer::Make(const CommitterContext& context, CommitterCaller caller,
                                           CommitIntent intent, hub::CommitRequest commit, Done done) {
  auto task = std::make_shared<CommitTask>(context, std::move(caller), std::move(intent), std::move(done));
  task->BeginMaking(std::move(commit));
  return std::make_unique<Handle>(std::move(task));
}

}  // namespace batuta::push
