#include "client/commands/hf_cache.h"

#include <utility>

#include "client/commands/cache_query.h"
#include "client/output/cache_view.h"
#include "client/output/json_writer.h"
#include "common/status/status.h"

namespace batuta::client {

std::string_view HfCacheLs::examples() const {
  return "batuta hf cache ls\n"
         "batuta hf cache ls --filter 'size>1GB' --filter 'accessed>30d'  large and long unused\n"
         "batuta hf cache ls --sort size --limit 10 --format json\n"
         "batuta hf cache ls --selections  each variant by itself\n";
}

void HfCacheLs::DefineFlags(Flags& flags) {
  flags.Values(&filters_, "-f,--filter", "EXPR",
               "only what holds: size>1GB, accessed>30d (longer ago), modified<2w, type=model, refs=main");
  flags.Value(&sort_, "--sort", "KEY[:asc|desc]",
              "accessed, modified, size (newest, largest first) or name; :asc and :desc turn it");
  flags.Number(&limit_, "--limit", "N", "so many at most", 1, UINT32_MAX);
  flags.Switch(&of_selections_, "--revisions,--selections",
               "each selection by itself: what a pull asked for, or a variant, of one commit");
}

absl::Status HfCacheLs::Run(Context& context) {
  ASSIGN_OR_RETURN(const CacheQuery query, CacheQuery::Parse(filters_, sort_, limit_));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(v1::ListReposResponse response, connection.client->ListRepos());
  const CacheRows rows = of_selections_ ? CacheRows::kSelections : CacheRows::kRepos;
  const WallTime now = context.clock.wall();
  PrintCache(context.output, query.Apply(std::move(response), rows, now), rows, now);
  return absl::OkStatus();
}

std::string_view HfCachePath::examples() const {
  return "batuta hf cache path  the root of the cache\n"
         "batuta hf cache path model acme/otter-tiny\n"
         "batuta hf cache path model acme/otter-tiny config.json --revision v1.0\n";
}

void HfCachePath::DefineFlags(Flags& flags) {
  flags.Optional(&repo_.type, "TYPE", "model, dataset or space", {"model", "dataset", "space"});
  flags.Optional(&repo_.id, "REPO", "the repo's id: [NAMESPACE/]NAME");
  flags.Optional(&file_, "FILE", "a file of the repo");
  repo_.DefineRevision(flags);
}

absl::Status HfCachePath::Run(Context& context) {
  v1::ResolveResponse answer;
  if (repo_.type.empty()) {
    ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
    answer.set_path(connection.status.cache_path());
  } else {
    if (repo_.id.empty()) return UsageError("missing REPO: which one of that type?", "batuta hf cache ls");
    v1::ResolveRequest request;
    ASSIGN_OR_RETURN(*request.mutable_repo(), repo_.Parse());
    request.set_revision(repo_.revision);
    request.set_path(file_);
    ASSIGN_OR_RETURN(Connection connection, context.connector.Open({.send_token = false}));
    absl::StatusOr<v1::ResolveResponse> found = connection.client->Resolve(request);
    // Where users share the cache, what is not public is told to those who prove access to it.
    if (!found.ok() && connection.status.mode() == "system") {
      ASSIGN_OR_RETURN(connection, context.connector.Open({}));
      found = connection.client->Resolve(request);
    }
    ASSIGN_OR_RETURN(answer, std::move(found));
  }
  if (!context.output.json()) {
    context.output.DataLine(answer.path());
    return absl::OkStatus();
  }
  JsonWriter json;
  json.BeginObject().Field("path", answer.path()).FieldOrNull("commit", answer.commit()).EndObject();
  context.output.Data(json.Take());
  return absl::OkStatus();
}

absl::Status HfCacheDf::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const v1::GetUsageResponse usage, connection.client->GetUsage());
  PrintUsage(context.output, usage);
  return absl::OkStatus();
}

absl::Status HfCacheRescan::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const v1::RescanResponse survey, connection.client->Rescan());
  PrintSurvey(context.output, survey);
  return absl::OkStatus();
}

}  // namespace batuta::client
