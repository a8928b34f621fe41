#include "daemon/hub/hub_urls.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"

namespace batuta::hub {
namespace {

// The order that users name, and the hub's word for it.
struct SortOrder {
  std::string_view name;
  std::string_view key;
};

constexpr std::array<SortOrder, 5> kSortOrders = {{{"downloads", "downloads"},
                                                   {"likes", "likes"},
                                                   {"trending", "trendingScore"},
                                                   {"created", "createdAt"},
                                                   {"modified", "lastModified"}}};

absl::StatusOr<std::string_view> SortKey(std::string_view order) {
  for (const SortOrder& known : kSortOrders) {
    if (order == known.name || order == known.key) return known.key;
  }
  std::vector<std::string_view> names;
  for (const SortOrder& known : kSortOrders) names.push_back(known.name);
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("no such sort order: {}", Quoted(order)),
                   fmt::format("sort by one of: {}", fmt::join(names, ", ")));
}

// Collects `?name=value&…`.
class QueryBuilder {
 public:
  void Add(std::string_view name, std::string_view value) {
    text_ += text_.empty() ? '?' : '&';
    text_ += name;
    text_ += '=';
    text_ += PercentEncode(value);
  }

  void AddUnlessEmpty(std::string_view name, std::string_view value) {
    if (!value.empty()) Add(name, value);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void AddFields(QueryBuilder& query, RepoType type) {
  for (const std::string_view field : {"private", "likes", "tags", "createdAt", "lastModified"})
    query.Add("expand", field);
  if (type == RepoType::kSpace) {
    query.Add("expand", "sdk");
    return;
  }
  for (const std::string_view field : {"downloads", "gated"}) query.Add("expand", field);
  if (type == RepoType::kDataset) return;
  for (const std::string_view field : {"pipeline_tag", "library_name"}) query.Add("expand", field);
}

}  // namespace

HubUrls::HubUrls(std::string endpoint) : endpoint_(std::move(endpoint)) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
}

std::string HubUrls::Api(const RepoId& repo) const {
  return fmt::format("{}/api/{}/{}", endpoint_, repo.api_segment(), repo.id());
}

std::string HubUrls::Info(const RepoId& repo, const Revision& revision) const {
  return PlainInfo(repo, revision) + (repo.type() == RepoType::kModel ? "?securityStatus=true" : "");
}

std::string HubUrls::PlainInfo(const RepoId& repo, const Revision& revision) const {
  return fmt::format("{}/revision/{}", Api(repo), PercentEncode(revision.text()));
}

std::string HubUrls::BriefInfo(const RepoId& repo, const Revision& revision) const {
  return PlainInfo(repo, revision) +
         (repo.type() == RepoType::kModel ? "?expand=sha&expand=tags" : "?expand=sha");
}

std::string HubUrls::Tree(const RepoId& repo, const CommitId& commit) const {
  return fmt::format("{}/tree/{}?recursive=true", Api(repo), commit.hex());
}

std::string HubUrls::PathsInfo(const RepoId& repo, const CommitId& commit) const {
  return fmt::format("{}/paths-info/{}", Api(repo), commit.hex());
}

std::string HubUrls::File(const RepoId& repo, const CommitId& commit, const RepoPath& path) const {
  return fmt::format("{}/{}{}/resolve/{}/{}", endpoint_, repo.url_prefix(), repo.id(), commit.hex(),
                     PercentEncodePath(path.text()));
}

absl::StatusOr<std::string> HubUrls::Search(const SearchQuery& query, bool fields) const {
  constexpr uint32_t kMaxPageSize = 500;
  QueryBuilder builder;
  builder.AddUnlessEmpty("search", query.text);
  builder.AddUnlessEmpty("author", query.author);
  for (const std::string& tag : query.tags) builder.AddUnlessEmpty("filter", tag);
  builder.AddUnlessEmpty("filter", query.library);
  if (!query.task.empty()) {
    if (query.type == RepoType::kModel) {
      builder.Add("pipeline_tag", query.task);
    } else {
      builder.Add("filter", query.type == RepoType::kDataset ? "task_categories:" + query.task : query.task);
    }
  }
  if (!query.sort.empty()) {
    ASSIGN_OR_RETURN(const std::string_view key, SortKey(query.sort));
    builder.Add("sort", key);
  }
  builder.Add("limit", fmt::format("{}", std::clamp(query.limit, 1U, kMaxPageSize)));
  if (fields) AddFields(builder, query.type);
  const std::string_view segment = query.type == RepoType::kModel     ? "models"
                                   : query.type == RepoType::kDataset ? "datasets"
                                                                      : "spaces";
  return fmt::format("{}/api/{}{}", endpoint_, segment, builder.text());
}

std::string HubUrls::AuthCheck(const RepoId& repo) const {
  return Api(repo) + "/auth-check";
}

std::string HubUrls::WhoAmI() const {
  return endpoint_ + "/api/whoami-v2";
}

std::string HubUrls::CreateRepo() const {
  return endpoint_ + "/api/repos/create";
}

std::string HubUrls::CreateBranch(const RepoId& repo, const Revision& branch) const {
  return fmt::format("{}/branch/{}", Api(repo), PercentEncode(branch.text()));
}

std::string HubUrls::CheckCard() const {
  return endpoint_ + "/api/validate-yaml";
}

std::string HubUrls::Preupload(const RepoId& repo, const Revision& branch, bool for_pull_request) const {
  return fmt::format("{}/preupload/{}{}", Api(repo), PercentEncode(branch.text()),
                     for_pull_request ? "?create_pr=1" : "");
}

std::string HubUrls::LfsBatch(const RepoId& repo) const {
  return fmt::format("{}/{}{}.git/info/lfs/objects/batch", endpoint_, repo.url_prefix(), repo.id());
}

std::string HubUrls::Commit(const RepoId& repo, const Revision& branch) const {
  return fmt::format("{}/commit/{}", Api(repo), PercentEncode(branch.text()));
}

std::string HubUrls::Commits(const RepoId& repo, const Revision& branch, size_t limit) const {
  return fmt::format("{}/commits/{}?limit={}", Api(repo), PercentEncode(branch.text()), limit);
}

std::string HubUrls::Discussions(const RepoId& repo) const {
  return fmt::format("{}/discussions", Api(repo));
}

std::string HubUrls::Page(const RepoId& repo) const {
  return fmt::format("{}/{}{}", endpoint_, repo.url_prefix(), repo.id());
}

}  // namespace batuta::hub
