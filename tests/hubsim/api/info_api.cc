#include "tests/hubsim/api/info_api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/repo_fields.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPerPage = 1000;

const Commit* MainOf(const Repo& repo) {
  return repo.Head("refs/heads/main");
}

// The error for an unknown name among `expand`; nothing when all are known.
std::optional<Response> CheckExpand(RepoKind kind, const std::vector<std::string>& names) {
  const std::vector<std::string>& allowed = ExpandNames(kind);
  for (const std::string& name : names) {
    if (std::ranges::find(allowed, name) == allowed.end()) {
      return ErrorAnswer(
          400, "", fmt::format("\"expand\" must be one of [{}], not \"{}\"", fmt::join(allowed, ", "), name));
    }
  }
  return std::nullopt;
}

std::vector<std::string> DefaultInfoFields(RepoKind kind) {
  std::vector<std::string> names = {"author", "sha",      "createdAt", "lastModified", "private",
                                    "gated",  "disabled", "downloads", "likes",        "usedStorage",
                                    "tags",   "cardData", "siblings"};
  switch (kind) {
    case RepoKind::kModel:
      for (const char* name : {"modelId", "library_name", "pipeline_tag", "config", "transformersInfo",
                               "safetensors", "gguf", "spaces", "model-index"}) {
        names.emplace_back(name);
      }
      break;
    case RepoKind::kDataset:
      for (const char* name : {"description", "citation"}) names.emplace_back(name);
      break;
    case RepoKind::kSpace:
      std::erase_if(names, [](const std::string& name) { return name == "downloads" || name == "gated"; });
      for (const char* name : {"sdk", "subdomain", "runtime", "models", "datasets"}) names.emplace_back(name);
      break;
  }
  return names;
}

std::vector<std::string> DefaultListFields(RepoKind kind, const QueryParams& query) {
  std::vector<std::string> names = {"likes", "trendingScore", "private", "tags", "createdAt"};
  const bool is_full = QueryFlag(query, "full");
  if (kind != RepoKind::kSpace) names.emplace_back("downloads");
  if (kind == RepoKind::kModel) {
    for (const char* name : {"modelId", "pipeline_tag", "library_name"}) names.emplace_back(name);
  }
  if (kind == RepoKind::kDataset) {
    for (const char* name : {"author", "disabled", "gated", "lastModified", "sha", "description"}) {
      names.emplace_back(name);
    }
  }
  if (kind == RepoKind::kSpace) names.emplace_back("sdk");
  if (is_full) {
    for (const char* name : {"author", "sha", "lastModified", "gated", "disabled", "siblings"})
      names.emplace_back(name);
  }
  if (is_full || QueryFlag(query, "cardData")) names.emplace_back("cardData");
  if (is_full || QueryFlag(query, "config")) names.emplace_back("config");
  return names;
}

// "6B" -> 6e9; nothing when it is no number.
std::optional<double> ParseParameterCount(std::string text) {
  const std::map<char, double> units = {{'K', 1e3}, {'M', 1e6}, {'B', 1e9}, {'T', 1e12}};
  double factor = 1;
  if (!text.empty() && units.contains(text.back())) {
    factor = units.at(text.back());
    text.pop_back();
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value * factor;
}

bool IsWithin(std::uint64_t count, const std::string& limits) {
  for (const std::string& limit : Split(limits, ',')) {
    const std::size_t colon = limit.find(':');
    if (colon == std::string::npos) continue;
    const auto bound = ParseParameterCount(limit.substr(colon + 1));
    if (!bound) continue;
    if (limit.starts_with("min:") && static_cast<double>(count) < *bound) return false;
    if (limit.starts_with("max:") && static_cast<double>(count) > *bound) return false;
  }
  return count != 0;
}

bool Contains(const std::vector<std::string>& values, const std::string& value) {
  return std::ranges::find(values, value) != values.end();
}

bool MatchesNames(const Repo& repo, const QueryParams& query) {
  const std::string lower = ToLower(repo.id);
  for (const std::string& word : QueryValues(query, "search")) {
    if (lower.find(ToLower(word)) == std::string::npos) return false;
  }
  const auto author = QueryValue(query, "author");
  return !author || ToLower(*author) == ToLower(repo.Namespace());
}

bool MatchesContent(const RepoFields& fields, const Repo& repo, const QueryParams& query) {
  const RepoFacts& facts = fields.facts();
  for (const std::string& tag : QueryValues(query, "filter")) {
    if (!Contains(facts.tags, tag)) return false;
  }
  if (const auto task = QueryValue(query, "pipeline_tag"); task && *task != facts.pipeline_tag) return false;
  if (const auto limits = QueryValue(query, "num_parameters");
      limits && !IsWithin(fields.parameter_count(), *limits)) {
    return false;
  }
  // The local apps of the hub all run GGUF files; nothing here is served by an inference provider.
  if (QueryValue(query, "apps") && !Contains(facts.tags, "gguf")) return false;
  if (QueryValue(query, "inference") || QueryValue(query, "inference_provider")) return false;
  for (const char* name : {"datasets", "models"}) {
    for (const std::string& used : QueryValues(query, name)) {
      const auto list = fields.Field(name);
      if (repo.kind == RepoKind::kSpace &&
          (!list || !Contains(list->get<std::vector<std::string>>(), used))) {
        return false;
      }
    }
  }
  return true;
}

bool MatchesGate(const Repo& repo, const QueryParams& query) {
  return !QueryValue(query, "gated") || QueryFlag(query, "gated") == !repo.settings.gated.empty();
}

struct Found {
  Repo* repo;
  json sort_value;
};

std::vector<Found> Search(const Site& site, const Request& request, const Caller& caller, RepoKind kind,
                          const std::string& sort) {
  std::vector<Found> found;
  site.store.ForEach(kind, [&](Repo& repo) {
    if (!MayRead(repo, caller) || !MatchesNames(repo, request.query) || !MatchesGate(repo, request.query))
      return;
    const RepoFields fields(site.store, repo, MainOf(repo));
    if (!MatchesContent(fields, repo, request.query)) return;
    json value =
        sort == "num_parameters" ? json(fields.parameter_count()) : fields.Field(sort).value_or(json(0));
    found.push_back({.repo = &repo, .sort_value = std::move(value)});
  });
  // Descending; equal ones stay in order of their ids.
  std::ranges::stable_sort(found, [](const Found& a, const Found& b) { return b.sort_value < a.sort_value; });
  return found;
}

}  // namespace

Response InfoAnswer(const RepoCall& call, const std::string& revision) {
  const Repo& repo = call.repo;
  const Commit* commit = revision.empty() ? MainOf(repo) : repo.Resolve(revision);
  if (commit == nullptr && !revision.empty()) {
    return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);
  }
  const RepoFields fields(call.site.store, repo, commit);
  const QueryParams& query = call.request.query;
  if (const std::vector<std::string> names = QueryValues(query, "expand"); !names.empty()) {
    if (auto refusal = CheckExpand(repo.kind, names)) return *std::move(refusal);
    return JsonAnswer(fields.Object(names));
  }
  json info = fields.Object(DefaultInfoFields(repo.kind));
  if (QueryFlag(query, "blobs")) info["siblings"] = fields.Siblings(true);
  if (QueryFlag(query, "securityStatus") && repo.kind == RepoKind::kModel)
    info["securityRepoStatus"] = fields.SecurityRepoStatus();
  return JsonAnswer(info);
}

Response ListAnswer(const Site& site, const Request& request, const Caller& caller, RepoKind kind) {
  const std::vector<std::string> expand = QueryValues(request.query, "expand");
  if (auto refusal = CheckExpand(kind, expand)) return *std::move(refusal);
  const std::string sort = QueryValue(request.query, "sort").value_or("trendingScore");
  static const std::set<std::string> kSorts = {"createdAt",      "downloads",     "lastModified",
                                               "likes",          "trendingScore", "likes30d",
                                               "num_parameters", "mainSize",      "id"};
  if (!kSorts.contains(sort)) return ErrorAnswer(400, "", "\"sort\" must not be \"" + sort + "\"");

  const std::vector<Found> found = Search(site, request, caller, kind, sort);
  const auto limit_text = QueryValue(request.query, "limit");
  const auto limit = limit_text ? ParseNumber(*limit_text) : std::nullopt;
  const std::size_t page =
      std::clamp<std::size_t>(limit.value_or(site.options.list_page_size), 1, kMostPerPage);
  const auto cursor = QueryValue(request.query, "cursor");
  const auto start = cursor ? ParseNumber(Base64Decode(*cursor).value_or("")) : std::uint64_t{0};
  if (!start) return ErrorAnswer(400, "", "Invalid cursor");

  const std::vector<std::string> names = expand.empty() ? DefaultListFields(kind, request.query) : expand;
  json list = json::array();
  for (std::size_t i = *start; i < found.size() && list.size() < page; ++i) {
    list.push_back(RepoFields(site.store, *found[i].repo, MainOf(*found[i].repo)).Object(names));
  }
  const std::size_t next = *start + list.size();
  Response response = JsonAnswer(list);
  if (next < found.size()) response.headers.Set("Link", NextPageLink(site, request, std::to_string(next)));
  return response;
}

Response TagCatalogue(const Site& site, const Request& request, RepoKind kind) {
  const auto only = QueryValue(request.query, "type");
  std::map<std::string, std::set<std::string>> by_type;
  site.store.ForEach(kind, [&](Repo& repo) {
    const Commit* head = MainOf(repo);
    if (head == nullptr || repo.settings.is_private) return;
    const RepoFacts facts = DeriveFacts(repo, *head->tree);
    if (!facts.library_name.empty()) by_type["library"].insert(facts.library_name);
    if (!facts.pipeline_tag.empty()) by_type["pipeline_tag"].insert(facts.pipeline_tag);
    for (const std::string& tag : facts.tags) {
      const std::size_t colon = tag.find(':');
      if (colon != std::string::npos) by_type[tag.substr(0, colon)].insert(tag);
    }
  });
  json catalogue = json::object();
  for (const auto& [type, tags] : by_type) {
    if (only && *only != type) continue;
    for (const std::string& tag : tags) {
      catalogue[type].push_back({{"id", tag}, {"label", tag.substr(tag.find(':') + 1)}, {"type", type}});
    }
  }
  return JsonAnswer(catalogue);
}

Response ScanAnswer(const RepoCall& call) {
  if (call.repo.kind != RepoKind::kModel) return ErrorAnswer(404, "", "only models have a scan");
  return JsonAnswer(RepoFields(call.site.store, call.repo, MainOf(call.repo)).SecurityRepoStatus());
}

}  // namespace batuta::hubsim
