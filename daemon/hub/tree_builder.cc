#include "daemon/hub/tree_builder.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/hub/json_reader.h"

namespace batuta::hub {
namespace {

using nlohmann::json;

absl::Status ProtocolError(std::string_view message) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, message);
}

// What is malformed in the hub's answer is the hub's fault, not an argument of ours.
absl::Status AsDataLoss(const absl::Status& status) {
  return MakeError(absl::StatusCode::kDataLoss, ReasonOf(status), MessageOf(status));
}

absl::StatusOr<BlobId> BlobOf(const json& record, const RepoPath& path) {
  const json& lfs = Member(record, "lfs");
  std::string name = StringMember(lfs.is_object() ? lfs : record, "oid");
  constexpr std::string_view kAlgorithm = "sha256:";
  if (name.starts_with(kAlgorithm)) name.erase(0, kAlgorithm.size());
  absl::StatusOr<BlobId> blob = BlobId::Parse(name);
  if (!blob.ok()) return AsDataLoss(Annotate(blob.status(), fmt::format("file {}", Quoted(path.text()))));
  if (lfs.is_object() && blob->kind() != BlobId::Kind::kSha256) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kInvalidEtag,
                     fmt::format("file {}: an LFS file without a sha256", Quoted(path.text())));
  }
  return blob;
}

// Of use for comparing with a local folder only, so that a malformed one is as good as none.
std::string GitOidOf(const json& record) {
  const absl::StatusOr<BlobId> oid = BlobId::Parse(StringMember(record, "oid"));
  return oid.ok() && oid->kind() == BlobId::Kind::kGitSha1 ? oid->hex() : std::string();
}

// A path and what it is, ordered so that a folder stands directly before what is in it.
struct Place {
  const std::string* path;
  bool is_folder;
};

// `/` sorts before every other byte, as the end of a component does.
bool ComesBefore(const Place& a, const Place& b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; };
  const auto [left, right] = std::mismatch(a.path->begin(), a.path->end(), b.path->begin(), b.path->end());
  if (left == a.path->end() || right == b.path->end()) {
    if (left == a.path->end() && right == b.path->end()) return a.is_folder < b.is_folder;
    return left == a.path->end();
  }
  return rank(*left) < rank(*right);
}

bool LiesIn(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
}

absl::Status CheckNeighbours(const Place& first, const Place& second) {
  const bool is_same = *first.path == *second.path;
  if (is_same && !first.is_folder && !second.is_folder) {
    return ProtocolError(fmt::format("the tree lists {} twice", Quoted(*first.path)));
  }
  if (!first.is_folder && (is_same || LiesIn(*second.path, *first.path))) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kInvalidPath,
                     fmt::format("the tree has {} as a file and as a folder", Quoted(*first.path)));
  }
  return absl::OkStatus();
}

}  // namespace

// Takes the records of one page into its builder.
class TreeBuilder::PageReader {
 public:
  explicit PageReader(TreeBuilder& builder) : builder_(builder) {}

  absl::Status Add(const json& record) {
    if (!record.is_object()) return ProtocolError("the tree holds something that is no entry");
    const std::string type = StringMember(record, "type");
    const bool is_folder = type == "directory";
    // Kinds of entries that are neither file nor folder have no content that could be fetched.
    if (!is_folder && type != "file" && !type.empty()) return absl::OkStatus();

    if (builder_.files_.size() + builder_.folders_.size() >= builder_.max_entries_) {
      return MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                       fmt::format("the tree has more than {} entries", builder_.max_entries_),
                       "name the files you need instead of the whole repo");
    }
    absl::StatusOr<RepoPath> path = RepoPath::Parse(StringMember(record, "path"));
    if (!path.ok()) return AsDataLoss(path.status());
    if (is_folder) {
      builder_.folders_.push_back(*std::move(path));
      return absl::OkStatus();
    }
    return AddFile(record, *std::move(path));
  }

 private:
  absl::Status AddFile(const json& record, RepoPath path) {
    std::optional<uint64_t> size = UnsignedMember(Member(record, "lfs"), "size");
    if (!size) size = UnsignedMember(record, "size");
    if (!size) return ProtocolError(fmt::format("file {} has no size", Quoted(path.text())));
    ASSIGN_OR_RETURN(BlobId blob, BlobOf(record, path));
    builder_.files_.push_back(Entry{
        .path = std::move(path), .size_bytes = *size, .blob = std::move(blob), .git_oid = GitOidOf(record)});
    return absl::OkStatus();
  }

  TreeBuilder& builder_;
};

absl::Status TreeBuilder::AddPage(std::string_view json_text) {
  const size_t files_before = files_.size();
  const size_t folders_before = folders_.size();
  PageReader reader(*this);
  const JsonBounds bounds{.max_values = 10'000};  // of one entry
  absl::Status status =
      ReadRecords(json_text, bounds, [&reader](const json& record) { return reader.Add(record); });
  if (status.ok()) return status;
  files_.erase(files_.begin() + static_cast<ptrdiff_t>(files_before), files_.end());
  folders_.erase(folders_.begin() + static_cast<ptrdiff_t>(folders_before), folders_.end());
  return status;
}

absl::StatusOr<Tree> TreeBuilder::Finish() {
  std::vector<Place> places;
  places.reserve(files_.size() + folders_.size());
  for (const Entry& file : files_) places.push_back({&file.path.text(), false});
  for (const RepoPath& folder : folders_) places.push_back({&folder.text(), true});
  std::sort(places.begin(), places.end(), ComesBefore);
  for (size_t i = 1; i < places.size(); ++i) RETURN_IF_ERROR(CheckNeighbours(places[i - 1], places[i]));

  folders_.clear();
  return Tree{commit_, std::exchange(files_, {})};
}

}  // namespace batuta::hub
