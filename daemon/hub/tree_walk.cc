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
  TreeWalk(Asker& asker, std::string endpoint, Question first, const Access& access, const CommitId& commit,
           absl::AnyInvocable<void(absl::StatusOr<Tree>)> done)
      : asker_(asker),
        endpoint_(std::move(endpoint)),
        first_(std::move(first)),
        access_(access),
        commit_(commit),
        done_(std::move(done)) {}

  void Start() { AskFor(first_.url); }

 private:
  using NextUrl = std::optional<std::string>;

  void AskFor(std::string url) {
    Question question = first_;
    question.url = std::move(url);
    question.is_doubted = is_doubting_;
    AskAndRead<NextUrl>(
        asker_, std::move(question), access_,
        [self = shared_from_this()](const Answer& answer) { return self->ReadPage(answer); },
        [self = shared_from_this()](Reading<NextUrl> page) { self->OnPage(std::move(page)); });
  }

  void OnPage(Reading<NextUrl> page) {
    if (page.remembered_since) has_remembered_pages_ = true;
    if (!page.value.ok()) return Fail(page.value.status());
    if (page.value->has_value()) return AskFor(**std::move(page.value));
    absl::StatusOr<Tree> tree = builder_.Finish();
    if (!tree.ok()) return Fail(Annotate(tree.status(), first_.what));
    done_(std::move(tree));
  }

  // Leaves no trace when it fails, since the page may come once more.
  absl::StatusOr<NextUrl> ReadPage(const Answer& answer) {
    ASSIGN_OR_RETURN(NextUrl next, NextPage(endpoint_, answer.url, answer.head));
    // Hashes, so that long cursors cost no memory; one that is met twice means that the pages go round.
    const size_t mark = next ? std::hash<std::string>()(*next) : 0;
    if (next && seen_.contains(mark)) return ProtocolError("the pages of the tree go in a circle");
    if (next && seen_.size() + 1 >= kMaxTreePages) {
      return ProtocolError(fmt::format("the tree has more than {} pages", kMaxTreePages));
    }
    RETURN_IF_ERROR(builder_.AddPage(answer.body));
    if (next) seen_.insert(mark);
    return next;
  }

  // A page may lead on from one that is remembered to where the hub finds nothing any more, or something
  // else: then the whole list is asked for anew.
  void Fail(const absl::Status& status) {
    const bool may_be_memory = absl::IsInvalidArgument(status) || IsNonsense(status);
    if (!has_remembered_pages_ || is_doubting_ || !may_be_memory) return done_(status);
    is_doubting_ = true;
    builder_ = TreeBuilder(commit_, kMaxTreeEntries);
    seen_.clear();
    Start();
  }

  static absl::Status ProtocolError(std::string_view message) {
    return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, message);
  }

  Asker& asker_;
  const std::string endpoint_;
  const Question first_;
  const Access access_;
  const CommitId commit_;
  absl::AnyInvocable<void(absl::StatusOr<Tree>)> done_;
  TreeBuilder builder_{commit_, kMaxTreeEntries};
  std::unordered_set<size_t> seen_;
  bool has_remembered_pages_ = false;
  bool is_doubting_ = false;
};

}  // namespace

void WalkTree(Asker& asker, const std::string& endpoint, Question first, const Access& access,
              const CommitId& commit, absl::AnyInvocable<void(absl::StatusOr<Tree>)> done) {
  std::make_shared<TreeWalk>(asker, endpoint, std::move(first), access, commit, std::move(done))->Start();
}

}  // namespace batuta::hub
