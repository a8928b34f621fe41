#include "tests/hubsim/store/git_tree.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include <fmt/format.h>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

constexpr std::size_t kSampleBytes = 512;
constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kLongestName = 255;

// Valid UTF-8 without NUL is text; a cut sequence at the end of the sample is forgiven.
bool LooksBinary(std::string_view sample) {
  for (std::size_t at = 0; at < sample.size();) {
    const auto lead = static_cast<unsigned char>(sample[at]);
    if (lead == 0) return true;
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead >= 0xF8 || (lead >= 0x80 && lead < 0xC2)) return true;
    for (std::size_t i = 1; i < length && at + i < sample.size(); ++i) {
      if ((static_cast<unsigned char>(sample[at + i]) & 0xC0U) != 0x80U) return true;
    }
    at += length;
  }
  return false;
}

std::string_view NameOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Git sorts a tree's entries by name, a folder counting as "name/".
struct GitEntry {
  std::string sort_key;
  std::string bytes;
};

std::string JoinEntries(std::vector<GitEntry>& entries) {
  std::ranges::sort(entries, {}, &GitEntry::sort_key);
  std::string body;
  for (const GitEntry& entry : entries) body += entry.bytes;
  return body;
}

GitEntry EntryOf(std::string_view path, const Node& node) {
  const std::string name(NameOf(path));
  std::string bytes = (node.is_directory ? "40000 " : "100644 ") + name;
  bytes += '\0';
  bytes.append(node.oid.begin(), node.oid.end());
  return {.sort_key = node.is_directory ? name + "/" : name, .bytes = std::move(bytes)};
}

void AddFolders(Tree& tree) {
  std::set<std::string> folders;
  for (const auto& [path, node] : tree) {
    for (std::string_view folder = FolderOf(path); !folder.empty(); folder = FolderOf(folder)) {
      if (!folders.insert(std::string(folder)).second) break;
    }
  }
  for (const std::string& folder : folders) tree[folder] = Node{.is_directory = true};
}

// Fills in the folders' ids, deepest first, and returns the id of the root.
Sha1Digest NumberFolders(Tree& tree) {
  std::map<std::string, std::vector<GitEntry>, std::less<>> children;
  // Reverse order visits everything inside a folder before the folder itself.
  for (auto entry = tree.rbegin(); entry != tree.rend(); ++entry) {
    auto& [path, node] = *entry;
    if (node.is_directory) node.oid = GitObjectId("tree", JoinEntries(children[path]));
    children[std::string(FolderOf(path))].push_back(EntryOf(path, node));
  }
  return GitObjectId("tree", JoinEntries(children[""]));
}

absl::Status DeletePaths(Tree& files, const TreeChange& change) {
  for (const std::string& path : change.deleted_files) {
    if (files.erase(path) == 0) return absl::NotFoundError("file \"" + path + "\" is not in the repo");
  }
  for (const std::string& folder : change.deleted_folders) {
    const std::size_t gone =
        std::erase_if(files, [&folder](const auto& entry) { return entry.first.starts_with(folder + "/"); });
    if (gone == 0) return absl::NotFoundError("folder \"" + folder + "\" is not in the repo");
  }
  return absl::OkStatus();
}

absl::Status CheckNoFileIsFolder(const Tree& files) {
  for (const auto& [path, node] : files) {
    for (std::string_view folder = FolderOf(path); !folder.empty(); folder = FolderOf(folder)) {
      if (files.contains(folder)) {
        return absl::InvalidArgumentError("path \"" + std::string(folder) +
                                          "\" is a file and a folder at once");
      }
    }
  }
  return absl::OkStatus();
}

// A folder was changed last when anything in it was: compare its id with the parent's.
void CarryLastCommit(Tree& tree, const Tree* parent, std::size_t this_commit) {
  for (auto& [path, node] : tree) {
    node.last_commit = this_commit;
    if (parent == nullptr) continue;
    const auto before = parent->find(path);
    if (before != parent->end() && before->second.oid == node.oid)
      node.last_commit = before->second.last_commit;
  }
}

absl::Status CheckFolders(const Tree& tree, std::size_t most) {
  std::map<std::string, std::size_t, std::less<>> counts;
  for (const auto& [path, node] : tree) {
    const std::string_view folder = FolderOf(path);
    if (++counts[std::string(folder)] > most) {
      return absl::InvalidArgumentError(
          fmt::format("too many entries in folder \"{}\": at most {} are allowed", folder, most));
    }
  }
  return absl::OkStatus();
}

std::string CommitBody(const Sha1Digest& root, const CommitFacts& facts) {
  std::string body = "tree " + Hex(root) + "\n";
  if (!facts.parent.empty()) body += "parent " + facts.parent + "\n";
  body += fmt::format(
      "author {0} <{0}@users.noreply.example> {1}\ncommitter hub <hub@example> {1}\n\n{2}\n\n{3}\n",
      facts.author, facts.date, facts.title, facts.message);
  return body;
}

}  // namespace

std::string LfsPointer(const Sha256Digest& sha256, std::uint64_t size) {
  return fmt::format("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n", Hex(sha256),
                     size);
}

LfsRule::LfsRule(std::string_view attributes, std::uint64_t threshold) : threshold_(threshold) {
  for (const std::string& line : Split(attributes, '\n')) {
    const std::size_t blank = line.find_first_of(" \t");
    if (line.starts_with('#') || blank == std::string::npos) continue;
    if (line.find("filter=lfs", blank) != std::string::npos) patterns_.push_back(line.substr(0, blank));
  }
}

bool LfsRule::IsTracked(std::string_view path) const {
  // As in git: a pattern without a slash is about the name, one with a slash about the path.
  return std::ranges::any_of(patterns_, [path](const std::string& pattern) {
    return GlobMatches(pattern, pattern.find('/') == std::string::npos ? NameOf(path) : path);
  });
}

bool LfsRule::WantsLfs(std::string_view path, std::uint64_t size, std::string_view sample) const {
  if (size == 0) return false;
  return IsTracked(path) || size >= threshold_ || LooksBinary(sample.substr(0, kSampleBytes));
}

std::string AttributesOf(const Tree& tree) {
  const auto entry = tree.find(".gitattributes");
  return entry == tree.end() || entry->second.content == nullptr ? std::string()
                                                                 : ReadAll(*entry->second.content);
}

Node RegularNode(ContentPtr content, const Sha1Digest& blob_id) {
  const std::uint64_t size = content->size();
  return {.oid = blob_id, .size = size, .content = std::move(content)};
}

Node LfsNode(ContentPtr content, const Sha256Digest& sha256) {
  const std::uint64_t size = content->size();
  const std::string pointer = LfsPointer(sha256, size);
  return {.oid = GitObjectId("blob", pointer),
          .size = size,
          .sha256 = sha256,
          .pointer_size = pointer.size(),
          .content = std::move(content)};
}

absl::Status CheckRepoPath(std::string_view path) {
  const auto is_unprintable = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\';
  };
  bool is_valid = path.size() <= kLongestPath && std::ranges::none_of(path, is_unprintable);
  for (const std::string& piece : Split(path, '/')) {
    const std::string lower = ToLower(piece);
    if (piece.empty() || piece.size() > kLongestName || piece == "." || piece == ".." || lower == ".git") {
      is_valid = false;
    }
  }
  if (is_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("path \"{}\" is not allowed in a repo", path));
}

absl::StatusOr<std::string> AppendCommit(Repo& repo, const CommitFacts& facts, TreeChange change,
                                         std::size_t most_in_folder) {
  for (const auto& [path, node] : change.files) {
    if (absl::Status valid = CheckRepoPath(path); !valid.ok()) return valid;
  }
  const Commit* parent = facts.parent.empty() ? nullptr : repo.FindCommit(facts.parent);
  const std::shared_ptr<const Tree> parent_tree = parent == nullptr ? nullptr : parent->tree;

  auto tree = std::make_shared<Tree>();
  if (parent_tree != nullptr) {
    std::ranges::copy_if(*parent_tree, std::inserter(*tree, tree->end()),
                         [](const auto& entry) { return !entry.second.is_directory; });
  }
  if (absl::Status deleted = DeletePaths(*tree, change); !deleted.ok()) return deleted;
  for (auto& [path, node] : change.files) {
    if (node.is_lfs()) repo.lfs_objects[Hex(*node.sha256)] = node.content;
    tree->insert_or_assign(path, std::move(node));
  }
  if (absl::Status valid = CheckNoFileIsFolder(*tree); !valid.ok()) return valid;
  AddFolders(*tree);
  if (absl::Status valid = CheckFolders(*tree, most_in_folder); !valid.ok()) return valid;
  const Sha1Digest root = NumberFolders(*tree);
  CarryLastCommit(*tree, parent_tree.get(), repo.commits.size());

  std::string id = Hex(GitObjectId("commit", CommitBody(root, facts)));
  // The same tree on the same parent at the same date is the same commit, as in git.
  if (repo.FindCommit(id) != nullptr) return id;
  repo.commits.push_back({.id = id,
                          .parent = facts.parent,
                          .tree = std::move(tree),
                          .title = facts.title,
                          .message = facts.message,
                          .date = facts.date,
                          .author = facts.author});
  return id;
}

}  // namespace batuta::hubsim
