#include "client/commands/hf_cache.h"

#include "client/output/json_writer.h"
#include "client/output/state_view.h"
#include "common/status/status.h"

namespace batuta::client {

std::string_view HfCacheLs::examples() const {
  return "batuta hf cache ls\n"
         "batuta hf cache ls --format json\n";
}

absl::Status HfCacheLs::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const v1::ListReposResponse response, connection.client->ListRepos());
  PrintCache(context.output, response, context.clock.wall());
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
    ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
    ASSIGN_OR_RETURN(answer, connection.client->Resolve(request));
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

}  // namespace batuta::client
