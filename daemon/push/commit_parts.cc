#include "daemon/push/commit_parts.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>

namespace batuta::push {
namespace {

using Kind = PlannedChange::Kind;

// The order of what a push does; see CutCommits().
enum class Turn { kRules, kInTheWay, kData, kRegular, kDeleted, kReadme };

// The paths to which others give way: each added one, and the folders that it lies in.
class Places {
 public:
  explicit Places(const std::vector<PlannedChange>& changes) {
    for (const PlannedChange& change : changes) {
      if (change.kind == Kind::kDelete) continue;
      const std::string_view path = change.path.text();
      files_.insert(path);
      for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
        folders_.insert(path.substr(0, slash));
      }
    }
  }

  // Is a file at `path` where a folder will be, or in a folder that will be a file?
  bool AreTakenBy(std::string_view path) const {
    if (folders_.contains(path)) return true;
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      if (files_.contains(path.substr(0, slash))) return true;
    }
    return false;
  }

 private:
  std::unordered_set<std::string_view> files_;
  std::unordered_set<std::string_view> folders_;
};

Turn TurnOf(const PlannedChange& change, const Places& places) {
  const std::string& path = change.path.text();
  if (change.kind == Kind::kDelete) return places.AreTakenBy(path) ? Turn::kInTheWay : Turn::kDeleted;
  if (path == ".gitattributes") return Turn::kRules;  // by which the hub judges what comes after
  if (path == "README.md") return Turn::kReadme;
  return change.kind == Kind::kLfs ? Turn::kData : Turn::kRegular;
}

// What a commit holds so far.
struct Load {
  size_t changes = 0;
  size_t lfs_files = 0;
  uint64_t inline_bytes = 0;

  // False when it would be too much. Whatever the first one is, it fits.
  bool Take(const PlannedChange& change, const CommitLimits& limits) {
    const uint64_t bytes = change.kind == Kind::kInline ? change.size_bytes : 0;
    const size_t lfs = change.kind == Kind::kLfs ? 1 : 0;
    if (changes > 0 && (changes + 1 > limits.changes || lfs_files + lfs > limits.lfs_files ||
                        bytes > limits.inline_bytes || inline_bytes > limits.inline_bytes - bytes)) {
      return false;
    }
    ++changes;
    lfs_files += lfs;
    inline_bytes += bytes;
    return true;
  }
};

}  // namespace

std::vector<CommitPart> CutCommits(const std::vector<PlannedChange>& changes, std::string_view summary,
                                   const CommitLimits& limits) {
  const Places places(changes);
  std::vector<Turn> turns;
  turns.reserve(changes.size());
  for (const PlannedChange& change : changes) turns.push_back(TurnOf(change, places));
  std::vector<size_t> order(changes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return turns[a] != turns[b] ? turns[a] < turns[b] : changes[a].path < changes[b].path;
  });

  std::vector<CommitPart> parts;
  Load load;
  for (const size_t index : order) {
    if (parts.empty() || !load.Take(changes[index], limits)) {
      parts.emplace_back();
      load = Load();
      load.Take(changes[index], limits);
    }
    parts.back().changes.push_back(index);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].summary = parts.size() == 1 ? std::string(summary)
                                         : fmt::format("{} (part {} of {})", summary, i + 1, parts.size());
  }
  return parts;
}

}  // namespace batuta::push
