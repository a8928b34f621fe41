#include "common/types/revision.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

constexpr size_t kCommitHexes = 40;
constexpr size_t kMaxRevisionBytes = 255;

bool IsCommit(std::string_view text) {
  return text.size() == kCommitHexes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The rules of `git check-ref-format`, so that what passes can be a ref on the hub and a path below `refs/`.
std::string_view WholeProblem(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > kMaxRevisionBytes) return "it is longer than 255 bytes";
  if (text == "@") return "`@` alone is not a ref name";
  if (!IsValidUtf8(text)) return "it is not valid UTF-8";
  if (ContainsControl(text)) return "it contains a control character";
  if (text.find_first_of(" ~^:?*[\\") != std::string_view::npos) {
    return "blanks and the characters ~ ^ : ? * [ \\ are not allowed";
  }
  if (text.find("..") != std::string_view::npos) return "`..` is not allowed";
  if (text.find("@{") != std::string_view::npos) return "`@{` is not allowed";
  return {};
}

std::string_view ComponentProblem(std::string_view component) {
  if (component.empty()) return "a component is empty";
  if (component.front() == '.') return "a component starts with `.`";
  if (component.back() == '.') return "a component ends in `.`";
  if (component.ends_with(".lock")) return "a component ends in `.lock`";
  return {};
}

std::string_view Problem(std::string_view text) {
  if (const std::string_view problem = WholeProblem(text); !problem.empty()) return problem;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    if (const std::string_view problem = ComponentProblem(text.substr(begin, end - begin));
        !problem.empty()) {
      return problem;
    }
    begin = end + 1;
  }
  return {};
}

absl::Status Invalid(std::string_view what, std::string_view text, std::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidRevision,
                   fmt::format("{} {}: {}", what, Quoted(text), problem),
                   "use a branch, a tag, `refs/pr/N` or a commit of 40 hex characters");
}

}  // namespace

absl::StatusOr<CommitId> CommitId::Parse(std::string_view hex) {
  if (!IsCommit(hex)) return Invalid("commit", hex, "not 40 lower-case hex characters");
  return CommitId(std::string(hex));
}

absl::StatusOr<Revision> Revision::Parse(std::string_view text) {
  if (const std::string_view problem = Problem(text); !problem.empty())
    return Invalid("revision", text, problem);
  return Revision(std::string(text));
}

std::optional<CommitId> Revision::AsCommit() const {
  absl::StatusOr<CommitId> commit = CommitId::Parse(text_);
  if (!commit.ok()) return std::nullopt;
  return *std::move(commit);
}

}  // namespace batuta
