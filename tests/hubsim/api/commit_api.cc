#include "tests/hubsim/api/commit_api.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/discussion_api.h"
#include "tests/hubsim/store/card.h"
#include "tests/hubsim/store/card_check.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kReadPiece = 1U << 20U;

// Calls `visit` with each line, without its end, until it returns false.
void ForEachLine(const Content& content, const std::function<bool(const std::string&)>& visit) {
  std::string held;
  std::string piece;
  for (std::uint64_t at = 0; at < content.size(); at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(kReadPiece, content.size() - at));
    if (!content.Read(at, piece)) return;
    std::size_t begin = 0;
    for (std::size_t end = piece.find('\n'); end != std::string::npos; end = piece.find('\n', begin)) {
      held.append(piece, begin, end - begin);
      if (!visit(held)) return;
      held.clear();
      begin = end + 1;
    }
    held.append(piece, begin);
  }
  if (!held.empty()) visit(held);
}

// Collects the lines of one commit. After a false from Add, error() says why, and status() with which answer.
class CommitBuilder {
 public:
  CommitBuilder(const RepoCall& call, const Tree& base) : call_(call), base_(base) {}

  bool Add(const json& line) {
    const std::string key = JsonString(line, "key");
    if (!line.is_object() || !line.contains("value") || !line.at("value").is_object()) {
      return Fail("each line must be {\"key\", \"value\"}");
    }
    const json& value = line.at("value");
    const std::string path = JsonString(value, "path");
    if (key == "header") {
      header_ = value;
      return true;
    }
    if (path.empty()) return Fail("\"path\" is required");
    if (key == "file") return AddFile(path, value);
    if (key == "lfsFile") return AddLfsFile(path, value);
    if (key == "deletedFile") return Delete(path, false);
    if (key == "deletedFolder") return Delete(path, true);
    if (key == "deletedEntry")
      return Delete(path, !base_.contains(path) || base_.find(path)->second.is_directory);
    return Fail("unknown key: " + key);
  }

  // The hub tracks new LFS paths in .gitattributes by itself.
  void TrackLfsPaths() {
    const auto sent = change_.files.find(".gitattributes");
    std::string attributes =
        sent == change_.files.end() ? AttributesOf(base_) : ReadAll(*sent->second.content);
    const LfsRule rule(attributes, call_.site.options.lfs_threshold_bytes);
    bool is_changed = false;
    for (const auto& [path, node] : change_.files) {
      if (!node.is_lfs() || rule.IsTracked(path)) continue;
      if (!attributes.empty() && !attributes.ends_with('\n')) attributes += '\n';
      attributes += path + " filter=lfs diff=lfs merge=lfs -text\n";
      is_changed = true;
    }
    if (is_changed) SetInline(".gitattributes", attributes);
  }

  // Why the README of this commit would be refused, if so.
  std::optional<std::string> CardError() const {
    const auto readme = change_.files.find("README.md");
    if (readme == change_.files.end()) return std::nullopt;
    const CardRemarks remarks = CheckCard(ReadAll(*readme->second.content));
    if (remarks.errors.empty()) return std::nullopt;
    return "Invalid metadata in README.md: " + remarks.errors.front();
  }

  const json& header() const { return header_; }

  const std::string& error() const { return error_; }

  int status() const { return status_; }

  TreeChange Take() { return std::move(change_); }

 private:
  bool Fail(std::string why, int status = 400) {
    error_ = std::move(why);
    status_ = status;
    return false;
  }

  void SetInline(const std::string& path, std::string bytes) {
    ContentPtr content = MemoryContent(std::move(bytes));
    const Sha1Digest blob = DigestsOf(*content).git_blob;
    change_.files[path] = RegularNode(std::move(content), blob);
  }

  bool Delete(std::string path, bool is_folder) {
    while (path.ends_with('/')) path.pop_back();
    (is_folder ? change_.deleted_folders : change_.deleted_files).insert(std::move(path));
    return true;
  }

  bool Rename(const std::string& path, const std::string& old_path) {
    const auto old_node = base_.find(old_path);
    if (old_node == base_.end() || old_node->second.is_directory) return Fail("no such file: " + old_path);
    change_.files[path] = old_node->second;
    change_.deleted_files.insert(old_path);
    return true;
  }

  bool AddFile(const std::string& path, const json& value) {
    if (const std::string old_path = JsonString(value, "oldPath"); !old_path.empty())
      return Rename(path, old_path);
    const std::string content = JsonString(value, "content");
    const auto bytes = JsonString(value, "encoding", "utf-8") == "base64" ? Base64Decode(content) : content;
    if (!bytes) return Fail("the content of " + path + " is no base64");
    const Options& options = call_.site.options;
    if (bytes->size() > options.largest_inline_file) {
      return Fail(fmt::format("{} has {} bytes: files above {} must be stored by LFS", path, bytes->size(),
                              options.largest_inline_file));
    }
    inline_bytes_ += bytes->size();
    if (inline_bytes_ > options.most_inline_bytes) return Fail("the commit is too big", 413);
    SetInline(path, *bytes);
    return true;
  }

  bool AddLfsFile(const std::string& path, const json& value) {
    if (const std::string old_path = JsonString(value, "oldPath"); !old_path.empty())
      return Rename(path, old_path);
    if (++lfs_files_ > call_.site.options.most_lfs_files) return Fail("too many LFS files in one commit");
    const std::string oid = JsonString(value, "oid");
    const auto digest = ParseSha256(oid);
    if (!digest) return Fail("the oid of " + path + " is no sha256");
    ContentPtr content = call_.site.uploads.FindObject(oid);
    if (const auto stored = call_.repo.lfs_objects.find(oid); stored != call_.repo.lfs_objects.end()) {
      content = stored->second;
    }
    if (content == nullptr) return Fail("LFS pointer pointed to a file that does not exist: " + path);
    const std::int64_t size = JsonInteger(value, "size", static_cast<std::int64_t>(content->size()));
    if (static_cast<std::uint64_t>(size) != content->size()) return Fail("the size of " + path + " is wrong");
    // Objects are stored by the hash of what arrived.
    change_.files[path] = LfsNode(std::move(content), *digest);
    return true;
  }

  const RepoCall& call_;
  const Tree& base_;
  json header_;
  TreeChange change_;
  std::size_t lfs_files_ = 0;
  std::uint64_t inline_bytes_ = 0;
  std::string error_;
  int status_ = 400;
};

std::optional<Response> CheckParent(const std::string& parent, const Commit& head) {
  if (parent.empty() || (parent.size() >= 5 && head.id.starts_with(parent))) return std::nullopt;
  return ErrorAnswer(412, "", "A commit has happened since. Please refresh and try again.");
}

Response Apply(const RepoCall& call, const std::string& revision, const Commit& head,
               CommitBuilder& builder) {
  const bool opens_pr = QueryFlag(call.request.query, "create_pr");
  const std::string summary = JsonString(builder.header(), "summary");
  if (summary.empty()) return ErrorAnswer(400, "", "the commit has no summary");
  if (auto error = builder.CardError()) return ErrorAnswer(400, "", *error);
  std::string base = head.id;
  if (const std::string parent = JsonString(builder.header(), "parentCommit"); opens_pr && !parent.empty()) {
    const Commit* named = call.repo.Resolve(parent);
    if (named == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + parent);
    base = named->id;
  } else if (auto refusal = CheckParent(parent, head)) {
    return *std::move(refusal);
  }
  builder.TrackLfsPaths();
  const CommitText text{.title = summary,
                        .message = JsonString(builder.header(), "description"),
                        .author = call.caller.user->name};
  const std::string ref = opens_pr ? PullRequestRef(OpenPullRequest(call.repo, base, summary, text.author))
                                   : FullRefName(revision);
  const absl::StatusOr<std::string> id =
      CommitToRef(call.repo, ref, text, builder.Take(), call.site.options.most_folder_entries);
  if (!id.ok()) {
    if (opens_pr) {
      call.repo.refs.erase(ref);
      call.repo.discussions.pop_back();
    }
    return ErrorAnswer(400, "", std::string(id.status().message()));
  }
  const std::string page = call.site.endpoint + "/" + PagePrefix(call.repo.kind) + call.repo.id;
  json answer = {
      {"success", true}, {"commitOid", *id}, {"commitUrl", page + "/commit/" + *id}, {"hookOutput", ""}};
  if (opens_pr)
    answer["pullRequestUrl"] = fmt::format("{}/discussions/{}", page, call.repo.discussions.size());
  return JsonAnswer(answer);
}

}  // namespace

Response CommitAnswer(const RepoCall& call) {
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const std::string revision = SplitRevision(call.rest, 1).revision;
  if (!QueryFlag(call.request.query, "create_pr")) {
    if (auto refusal = RefuseCommitting(call, revision)) return *std::move(refusal);
  }
  const Commit* head = call.repo.Head(FullRefName(revision));
  if (head == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);

  // Copied: committing may move the vector that `head` points into.
  const Commit head_now = *head;
  CommitBuilder builder(call, *head_now.tree);
  std::size_t number = 0;
  bool is_good = true;
  ForEachLine(*call.request.body, [&](const std::string& line) {
    ++number;
    if (line.find_first_not_of(" \r\t") != std::string::npos) {
      is_good = builder.Add(json::parse(line, nullptr, false));
    }
    return is_good;
  });
  if (!is_good) return ErrorAnswer(builder.status(), "", fmt::format("line {}: {}", number, builder.error()));
  if (!builder.header().is_object()) return ErrorAnswer(400, "", "the commit has no header line");
  return Apply(call, revision, head_now, builder);
}

}  // namespace batuta::hubsim
