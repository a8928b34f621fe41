#include "client/commands/cache_query.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/commands/near_miss.h"
#include "client/commands/usage_error.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/types/repo_id.h"

namespace batuta::client {
namespace {

using Row = v1::CachedRepo;

constexpr std::string_view kFilterHint =
    "write KEY, one of = != > >= < <=, and a value: size>1GB, accessed>30d, modified<=2w, type=model, "
    "refs=main";
constexpr std::string_view kSortHint =
    "sort by accessed, modified, name or size, with :asc or :desc behind it if you like";

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

enum class Relation { kEqual, kUnequal, kMore, kAtLeast, kLess, kAtMost };

struct Expression {
  std::string key;
  Relation relation = Relation::kEqual;
  std::string_view value;
};

std::optional<Expression> Split(std::string_view text) {
  constexpr std::pair<std::string_view, Relation> kOperators[] = {
      {"!=", Relation::kUnequal}, {">=", Relation::kAtLeast}, {"<=", Relation::kAtMost},
      {"=", Relation::kEqual},    {">", Relation::kMore},     {"<", Relation::kLess}};
  const size_t at = text.find_first_of("=!<>");
  if (at == std::string_view::npos) return std::nullopt;
  for (const auto& [word, relation] : kOperators) {
    if (!text.substr(at).starts_with(word)) continue;
    Expression expression{Lower(Trimmed(text.substr(0, at))), relation,
                          Trimmed(text.substr(at + word.size()))};
    // `==` and `=>` mean nothing here.
    const bool has_rest = !expression.value.empty() &&
                          std::string_view("=!<>").find(expression.value.front()) == std::string_view::npos;
    return has_rest ? std::optional(std::move(expression)) : std::nullopt;
  }
  return std::nullopt;
}

template <typename Value>
bool Holds(const Value& left, Relation relation, const Value& right) {
  switch (relation) {
    case Relation::kEqual:
      return left == right;
    case Relation::kUnequal:
      return left != right;
    case Relation::kMore:
      return left > right;
    case Relation::kAtLeast:
      return left >= right;
    case Relation::kLess:
      return left < right;
    case Relation::kAtMost:
      return left <= right;
  }
  return false;
}

std::optional<WallTime> Accessed(const Row& row) {
  return row.has_last_access() ? std::optional(WallOf(row.last_access())) : std::nullopt;
}

std::optional<WallTime> Modified(const Row& row) {
  return row.has_last_modified() ? std::optional(WallOf(row.last_modified())) : std::nullopt;
}

bool HasRef(const Row& row, const std::string& lower) {
  for (const v1::CachedRevision& revision : row.revisions()) {
    for (const std::string& ref : revision.refs()) {
      if (Lower(ref) == lower) return true;
    }
  }
  return false;
}

// `model/acme/otter`, as hf names a repo.
std::string SortName(const Row& row) {
  return Lower(fmt::format("{}/{}", TypeWord(row.repo().type()), row.repo().id()));
}

// One row for each selection.
std::vector<Row> RowsOfSelections(const Row& repo) {
  std::vector<Row> rows;
  for (const v1::CachedSelection& selection : repo.selections()) {
    Row row = repo;
    row.clear_selections();
    row.clear_revisions();
    row.clear_last_access();
    row.clear_last_modified();
    *row.add_selections() = selection;
    for (const v1::CachedRevision& revision : repo.revisions()) {
      if (revision.commit() != selection.commit()) continue;
      *row.add_revisions() = revision;
      if (revision.has_last_modified()) *row.mutable_last_modified() = revision.last_modified();
    }
    if (selection.has_last_access()) *row.mutable_last_access() = selection.last_access();
    row.set_size_bytes(selection.size_bytes());
    row.set_file_count(selection.file_count());
    row.set_pinned(selection.pinned());
    rows.push_back(std::move(row));
  }
  return rows;
}

absl::Status BadFilter(std::string_view text, std::string_view why) {
  return UsageError(fmt::format("--filter: {} {}", Quoted(text), why), kFilterHint);
}

}  // namespace

absl::StatusOr<CacheQuery> CacheQuery::Parse(const std::vector<std::string>& filters, std::string_view sort,
                                             uint32_t limit) {
  CacheQuery query;
  for (const std::string& text : filters) {
    ASSIGN_OR_RETURN(Filter filter, ParseFilter(text));
    query.filters_.push_back(std::move(filter));
  }
  if (!sort.empty()) {
    ASSIGN_OR_RETURN(query.comes_first_, ParseSort(sort));
  }
  query.limit_ = limit;
  return query;
}

absl::StatusOr<CacheQuery::Filter> CacheQuery::ParseFilter(std::string_view text) {
  const std::optional<Expression> parts = Split(text);
  if (!parts) return BadFilter(text, "is no filter");
  const Relation relation = parts->relation;
  if (parts->key == "size") {
    const absl::StatusOr<uint64_t> bytes = ParseBytes(parts->value);
    if (!bytes.ok()) return Annotate(bytes.status(), "--filter");
    return Filter([relation, bytes = *bytes](const Row& row, WallTime /*now*/) {
      return Holds<uint64_t>(row.size_bytes(), relation, bytes);
    });
  }
  if (parts->key == "accessed" || parts->key == "modified") {
    const absl::StatusOr<std::chrono::milliseconds> age = ParseDuration(parts->value);
    if (!age.ok()) return Annotate(age.status(), "--filter");
    const auto time_of = parts->key == "accessed" ? Accessed : Modified;
    return Filter([relation, age = *age, time_of](const Row& row, WallTime now) {
      const std::optional<WallTime> time = time_of(row);
      return time && Holds(std::chrono::duration_cast<std::chrono::milliseconds>(now - *time), relation, age);
    });
  }
  if (parts->key != "type" && parts->key != "refs") {
    const std::string near = NearMiss(parts->key, {"accessed", "modified", "refs", "size", "type"});
    return BadFilter(text, near.empty()
                               ? "has an unknown key; there are accessed, modified, refs, size and type"
                               : fmt::format("has an unknown key; did you mean {}?", near));
  }
  if (relation != Relation::kEqual && relation != Relation::kUnequal) {
    return BadFilter(text, fmt::format("compares {}, which is equal (=) or not (!=)", parts->key));
  }
  const bool wanted = relation == Relation::kEqual;
  if (parts->key == "refs") {
    return Filter([wanted, ref = Lower(parts->value)](const Row& row, WallTime /*now*/) {
      return HasRef(row, ref) == wanted;
    });
  }
  const absl::StatusOr<RepoType> type = ParseRepoType(Lower(parts->value));
  if (!type.ok()) return BadFilter(text, "names no type; there are model, dataset and space");
  return Filter([wanted, type = WireType(*type)](const Row& row, WallTime /*now*/) {
    return (row.repo().type() == type) == wanted;
  });
}

absl::StatusOr<CacheQuery::Less> CacheQuery::ParseSort(std::string_view text) {
  const std::string lower = Lower(text);
  const size_t colon = std::min(lower.find(':'), lower.size());
  const std::string key = lower.substr(0, colon);
  const std::string order = lower.substr(colon);
  Less ascending;
  if (key == "name") {
    ascending = [](const Row& left, const Row& right) { return SortName(left) < SortName(right); };
  } else if (key == "size") {
    ascending = [](const Row& left, const Row& right) { return left.size_bytes() < right.size_bytes(); };
  } else if (key == "accessed") {
    ascending = [](const Row& left, const Row& right) { return Accessed(left) < Accessed(right); };
  } else if (key == "modified") {
    ascending = [](const Row& left, const Row& right) { return Modified(left) < Modified(right); };
  }
  if (!ascending || (!order.empty() && order != ":asc" && order != ":desc")) {
    return UsageError(fmt::format("--sort: {} is no order", Quoted(text)), kSortHint);
  }
  const bool is_ascending = order.empty() ? key == "name" : order == ":asc";
  if (is_ascending) return ascending;
  return Less([ascending = std::move(ascending)](const Row& left, const Row& right) {
    return ascending(right, left);
  });
}

v1::ListReposResponse CacheQuery::Apply(v1::ListReposResponse cache, CacheRows rows, WallTime now) const {
  std::vector<Row> all;
  for (Row& repo : *cache.mutable_repos()) {
    if (rows == CacheRows::kRepos) {
      all.push_back(std::move(repo));
    } else {
      std::vector<Row> more = RowsOfSelections(repo);
      std::move(more.begin(), more.end(), std::back_inserter(all));
    }
  }
  cache.clear_repos();
  const size_t count = all.size();
  std::erase_if(all, [&](const Row& row) {
    return !std::all_of(filters_.begin(), filters_.end(),
                        [&](const Filter& filter) { return filter(row, now); });
  });
  if (comes_first_) std::stable_sort(all.begin(), all.end(), comes_first_);
  if (limit_ > 0 && all.size() > limit_) all.resize(limit_);
  uint64_t bytes = 0;
  for (Row& row : all) {
    bytes += row.size_bytes();
    *cache.add_repos() = std::move(row);
  }
  if (static_cast<size_t>(cache.repos_size()) < count) cache.set_total_bytes(bytes);
  return cache;
}

}  // namespace batuta::client
