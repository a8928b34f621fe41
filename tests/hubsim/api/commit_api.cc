#include "tests/hubsim/api/commit_api.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/manage_api.h"
#include "tests/hubsim/store/card.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::uint64_t kBodyLimit = 1ULL << 30U;
constexpr std::size_t kMostLfsFiles = 25'000;

// Collects the lines of one commit. After a false from Add, error() says why.
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
    const auto matter = FrontMatter(ReadAll(*readme->second.content));
    if (!matter) return std::nullopt;
    const auto card = YamlToJson(*matter);
    if (card.ok()) return std::nullopt;
    return "Invalid YAML in README.md: " + std::string(card.status().message());
  }

  const json& header() const { return header_; }

  const std::string& error() const { return error_; }

  TreeChange Take() { return std::move(change_); }

 private:
  bool Fail(std::string why) {
    error_ = std::move(why);
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
    SetInline(path, *bytes);
    return true;
  }

  bool AddLfsFile(const std::string& path, const json& value) {
    if (const std::string old_path = JsonString(value, "oldPath"); !old_path.empty())
      return Rename(path, old_path);
    if (++lfs_files_ > kMostLfsFiles) return Fail("too many LFS files in one commit");
    const std::string oid = JsonString(value, "oid");
    ContentPtr content = call_.site.uploads.FindObject(oid);
    if (const auto stored = call_.repo.lfs_objects.find(oid); stored != call_.repo.lfs_objects.end()) {
      content = stored->second;
    }
    if (content == nullptr) return Fail("LFS pointer pointed to a file that does not exist: " + path);
    const std::int64_t size = JsonInteger(value, "size", static_cast<std::int64_t>(content->size()));
    if (static_cast<std::uint64_t>(size) != content->size()) return Fail("the size of " + path + " is wrong");
    const Sha256Digest digest = DigestsOf(*content).sha256;
    change_.files[path] = LfsNode(std::move(content), digest);
    return true;
  }

  const RepoCall& call_;
  const Tree& base_;
  json header_;
  TreeChange change_;
  std::size_t lfs_files_ = 0;
  std::string error_;
};

std::string OpenPullRequest(Repo& repo, const std::string& base, const std::string& title,
                            const std::string& author) {
  const std::uint64_t number = repo.pull_requests.size() + 1;
  repo.pull_requests.push_back({.number = number, .title = title, .author = author, .base = base});
  std::string ref = fmt::format("refs/pr/{}", number);
  repo.refs[ref] = base;
  return ref;
}

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
  const std::string ref =
      opens_pr ? OpenPullRequest(call.repo, base, summary, call.caller.user->name) : FullRefName(revision);
  const absl::StatusOr<std::string> id = CommitToRef(call.repo, ref, text, builder.Take());
  if (!id.ok()) {
    if (opens_pr) {
      call.repo.refs.erase(ref);
      call.repo.pull_requests.pop_back();
    }
    return ErrorAnswer(400, "", std::string(id.status().message()));
  }
  const std::string page = call.site.endpoint + "/" + PagePrefix(call.repo.kind) + call.repo.id;
  json answer = {
      {"success", true}, {"commitOid", *id}, {"commitUrl", page + "/commit/" + *id}, {"hookOutput", ""}};
  if (opens_pr)
    answer["pullRequestUrl"] = fmt::format("{}/discussions/{}", page, call.repo.pull_requests.size());
  return JsonAnswer(answer);
}

}  // namespace

Response CommitAnswer(const RepoCall& call) {
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  if (!QueryFlag(call.request.query, "create_pr")) {
    if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  }
  if (call.request.body->size() > kBodyLimit) return ErrorAnswer(413, "", "the commit is too big");
  const std::string revision = SplitRevision(call.rest, 1).revision;
  const Commit* head = call.repo.Head(FullRefName(revision));
  if (head == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);

  // Copied: committing may move the vector that `head` points into.
  const Commit head_now = *head;
  CommitBuilder builder(call, *head_now.tree);
  std::size_t number = 0;
  for (const std::string& line : Split(ReadAll(*call.request.body), '\n')) {
    ++number;
    if (line.find_first_not_of(" \r\t") == std::string::npos) continue;
    const json parsed = json::parse(line, nullptr, false);
    if (parsed.is_discarded()) return ErrorAnswer(400, "", fmt::format("line {} is no JSON", number));
    if (!builder.Add(parsed))
      return ErrorAnswer(400, "", fmt::format("line {}: {}", number, builder.error()));
  }
  if (!builder.header().is_object()) return ErrorAnswer(400, "", "the commit has no header line");
  return Apply(call, revision, head_now, builder);
}

}  // namespace batuta::hubsim
