// The hub's data: repos with their commits and refs. Plain values; RepoStore guards them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/hubsim/store/content.h"
#include "tests/hubsim/store/hashing.h"

namespace batuta::hubsim {

enum class RepoKind { kModel, kDataset, kSpace };

std::string_view KindName(RepoKind kind);  // "model"
std::string KindPlural(RepoKind kind);     // "models": the segment in API paths and folders
std::optional<RepoKind> KindFromName(std::string_view name);      // "model"
std::optional<RepoKind> KindFromPlural(std::string_view plural);  // "models"
std::string PagePrefix(RepoKind kind);                            // "", "datasets/", "spaces/"

// What a test or a repo.json says about a repo.
struct RepoSettings {
  bool is_private = false;
  std::string gated = {};                 // "", "auto" or "manual"
  std::vector<std::string> granted = {};  // users who may read although it is gated or private
  bool is_disabled = false;
  std::int64_t downloads = 0;
  std::int64_t likes = 0;
  std::string created_at = "2024-01-01T00:00:00.000Z";
  std::vector<std::string> tags = {};  // beyond those that follow from card and files
  std::string pipeline_tag = {};       // empty: from the card
  std::string library_name = {};       // empty: from the card or the files
  // Scan verdicts by path, each a JSON object as in the hub's securityFileStatus. Others are "unscanned".
  std::map<std::string, std::string> security_file_status = {};
};

// A file or folder of one commit.
struct Node {
  bool is_directory = false;
  Sha1Digest oid{};                                   // git id: tree, blob, or for LFS the pointer blob
  std::uint64_t size = 0;                             // real size, also for LFS; 0 for folders
  std::optional<Sha256Digest> sha256 = std::nullopt;  // set for LFS files only
  std::uint64_t pointer_size = 0;
  ContentPtr content = nullptr;  // null for folders
  std::size_t last_commit = 0;   // index into Repo::commits of the commit that changed it last

  bool is_lfs() const { return sha256.has_value(); }

  // The name under which caches keep it: sha256 for LFS, git id otherwise.
  std::string etag() const { return sha256 ? Hex(*sha256) : Hex(oid); }
};

// Files and folders by full path. Folders have entries of their own.
using Tree = std::map<std::string, Node, std::less<>>;

struct Commit {
  std::string id = {};  // 40 hex
  std::string parent = {};
  std::shared_ptr<const Tree> tree = {};
  std::string title = {};
  std::string message = {};
  std::string date = {};  // ISO 8601 with milliseconds
  std::string author = {};
};

// What people talk about, or propose: a pull request is a discussion with a ref, refs/pr/{number}.
struct Discussion {
  std::uint64_t number = 0;  // 1, 2, …: pull requests and others share the count
  std::string title = {};
  std::string description = {};
  std::string author = {};
  bool is_pull_request = false;
  std::string status = {};        // draft, open, closed or merged
  std::string base = {};          // of a pull request: the commit that it began from
  std::string merge_commit = {};  // once it is merged
  std::vector<std::string> comments = {};
};

struct Repo {
  RepoKind kind = RepoKind::kModel;
  std::string id = {};         // canonical spelling, "ns/name" or one segment
  std::string object_id = {};  // 24 hex, the same for ever
  RepoSettings settings;
  std::vector<Commit> commits = {};                           // in order of creation, all refs together
  std::map<std::string, std::string, std::less<>> refs = {};  // "refs/heads/main" -> commit id
  std::vector<Discussion> discussions = {};
  std::map<std::string, ContentPtr> lfs_objects = {};  // by sha256 in hex: what was uploaded or committed

  std::string Namespace() const;
  const Commit* FindCommit(std::string_view commit_id) const;
  std::size_t IndexOf(std::string_view commit_id) const;
  // Null when there is none of that number.
  Discussion* FindDiscussion(std::uint64_t number);
  // Whether some ref leads to the commit; a squashed one is there but gone for clients.
  bool IsReachable(std::string_view commit_id) const;
  // Branch, tag, HEAD, refs/…, 40-hex or unique 5..39-hex commit; null when there is none.
  const Commit* Resolve(std::string_view revision) const;
  // The commit of a ref's full name; null when there is none.
  const Commit* Head(std::string_view ref) const;
};

struct User {
  std::string name = {};
  std::string token = {};
  std::vector<std::string> orgs = {};
  bool is_pro = false;
  std::string role = "write";  // read, write or fineGrained
  std::string fullname = {};

  bool IsMemberOf(std::string_view name_space) const;
};

// 24 hex digits that follow from the text.
std::string ObjectIdFor(std::string_view text);

}  // namespace batuta::hubsim
