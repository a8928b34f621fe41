#include "tests/hubsim/store/repo.h"

#include <algorithm>
#include <set>

namespace batuta::hubsim {
namespace {

constexpr std::size_t kShortestPrefix = 5;
constexpr std::size_t kCommitDigits = 40;

bool LooksLikeCommit(std::string_view text) {
  return text.size() >= kShortestPrefix && text.size() <= kCommitDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string_view KindName(RepoKind kind) {
  switch (kind) {
    case RepoKind::kModel:
      return "model";
    case RepoKind::kDataset:
      return "dataset";
    case RepoKind::kSpace:
      return "space";
  }
  return "model";
}

std::string KindPlural(RepoKind kind) {
  return std::string(KindName(kind)) + "s";
}

std::optional<RepoKind> KindFromName(std::string_view name) {
  if (name == "model") return RepoKind::kModel;
  if (name == "dataset") return RepoKind::kDataset;
  if (name == "space") return RepoKind::kSpace;
  return std::nullopt;
}

std::optional<RepoKind> KindFromPlural(std::string_view plural) {
  if (!plural.ends_with('s')) return std::nullopt;
  return KindFromName(plural.substr(0, plural.size() - 1));
}

std::string PagePrefix(RepoKind kind) {
  return kind == RepoKind::kModel ? std::string() : KindPlural(kind) + "/";
}

std::string Repo::Namespace() const {
  const std::size_t slash = id.find('/');
  return slash == std::string::npos ? std::string() : id.substr(0, slash);
}

const Commit* Repo::FindCommit(std::string_view commit_id) const {
  const auto commit = std::ranges::find(commits, commit_id, &Commit::id);
  return commit == commits.end() ? nullptr : &*commit;
}

std::size_t Repo::IndexOf(std::string_view commit_id) const {
  return static_cast<std::size_t>(std::ranges::find(commits, commit_id, &Commit::id) - commits.begin());
}

Discussion* Repo::FindDiscussion(std::uint64_t number) {
  const auto found = std::ranges::find(discussions, number, &Discussion::number);
  return found == discussions.end() ? nullptr : &*found;
}

bool Repo::IsReachable(std::string_view commit_id) const {
  std::set<std::string, std::less<>> seen;
  for (const auto& [name, head] : refs) {
    for (const Commit* at = FindCommit(head); at != nullptr && seen.insert(at->id).second;
         at = FindCommit(at->parent)) {
    }
  }
  return seen.contains(commit_id);
}

const Commit* Repo::Head(std::string_view ref) const {
  const auto entry = refs.find(ref);
  return entry == refs.end() ? nullptr : FindCommit(entry->second);
}

const Commit* Repo::Resolve(std::string_view revision) const {
  if (revision == "HEAD") revision = "main";
  const std::string text(revision);
  if (revision.starts_with("refs/")) return Head(text);
  if (const Commit* branch = Head("refs/heads/" + text)) return branch;
  if (const Commit* tag = Head("refs/tags/" + text)) return tag;
  if (!LooksLikeCommit(revision)) return nullptr;
  const Commit* found = nullptr;
  for (const Commit& commit : commits) {
    if (!commit.id.starts_with(revision) || !IsReachable(commit.id)) continue;
    if (found != nullptr) return nullptr;
    found = &commit;
  }
  return found;
}

bool User::IsMemberOf(std::string_view name_space) const {
  return name == name_space || std::ranges::find(orgs, name_space) != orgs.end();
}

std::string ObjectIdFor(std::string_view text) {
  return Sha256Hex(text).substr(0, 24);
}

}  // namespace batuta::hubsim
