#include "daemon/hub/tree_walk.h"

#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "daemon/hub/redirect.h"
#include "daemon/hub/tree_builder.h"

namespace batuta::hub {
namespace {

class TreeWalk : public std::enable_shared_from_this<TreeWalk> {
 public:
  TreeWalk(const Wire& wire, Question question, const Access& access, const CommitId& commit,
           absl::AnyInvocable<void(absl::StatusOr<Tree>)> done)
      : wire_(wire),
        question_(std::move(question)),
        access_(access),
        builder_(commit, kMaxTreeEntries),
        done_(std::move(done)) {}

  void AskForPage() {
    Ask(wire_, question_, access_,
        [self = shared_from_this()](absl::StatusOr<Answer> answer) { self->OnPage(std::move(answer)); });
  }

 private:
  void OnPage(absl::StatusOr<Answer> answer) {
    if (!answer.ok()) return done_(answer.status());
    absl::StatusOr<std::optional<std::string>> next = TakePage(*answer);
    if (!next.ok()) return done_(Annotate(next.status(), question_.what));
    if (next->has_value()) {
      question_.url = **std::move(next);
      return AskForPage();
    }
    absl::StatusOr<Tree> tree = builder_.Finish();
    if (!tree.ok()) return done_(Annotate(tree.status(), question_.what));
    done_(std::move(tree));
  }

  absl::StatusOr<std::optional<std::string>> TakePage(const Answer& answer) {
    RETURN_IF_ERROR(builder_.AddPage(answer.body));
    ASSIGN_OR_RETURN(std::optional<std::string> next, NextPage(wire_.endpoint, answer.url, answer.head));
    if (!next) return next;
    // Hashes, so that long cursors cost no memory; one that is met twice means that the pages go round.
    const bool is_new = seen_.insert(std::hash<std::string>()(*next)).second;
    if (!is_new || seen_.size() >= kMaxTreePages) {
      return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                       is_new ? fmt::format("the tree has more than {} pages", kMaxTreePages)
                              : std::string("the pages of the tree go in a circle"));
    }
    return next;
  }

  const Wire wire_;
  Question question_;
  const Access access_;
  TreeBuilder builder_;
  std::unordered_set<size_t> seen_;
  absl::AnyInvocable<void(absl::StatusOr<Tree>)> done_;
};

}  // namespace

void WalkTree(const Wire& wire, Question first, const Access& access, const CommitId& commit,
              absl::AnyInvocable<void(absl::StatusOr<Tree>)> done) {
  std::make_shared<TreeWalk>(wire, std::move(first), access, commit, std::move(done))->AskForPage();
}

}  // namespace batuta::hub
