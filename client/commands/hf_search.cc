#include "client/commands/hf_search.h"

#include "client/output/hub_view.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"

namespace batuta::client {

std::string_view HfSearch::examples() const {
  return "batuta hf search models otter\n"
         "batuta hf search models llama --task text-generation --sort downloads --limit 5\n"
         "batuta hf search datasets '' --author acme  everything of one author\n";
}

void HfSearch::DefineFlags(Flags& flags) {
  flags.Required(&type_, "TYPE", "models, datasets or spaces",
                 {"models", "datasets", "spaces", "model", "dataset", "space"});
  flags.Optional(&query_, "QUERY", "part of the repo's id");
  flags.Value(&task_, "--task", "T", "a model's task, e.g. text-generation");
  flags.Value(&library_, "--library", "L", "the library it is for, e.g. transformers");
  flags.Value(&author_, "--author", "A", "user or organisation");
  flags.Values(&tags_, "--tag", "T", "a tag it has; may be repeated");
  flags.Value(&sort_, "--sort", "S", "by",
              {"createdAt", "downloads", "lastModified", "likes", "trendingScore"});
  flags.Number(&limit_, "--limit", "N", "at most so many, 1-1000; default 20", 1, 1000);
  patience_.Define(flags);
  memory_.Define(flags);
}

absl::Status HfSearch::Run(Context& context) {
  ASSIGN_OR_RETURN(const RepoType type, ParseRepoType(type_));
  v1::SearchRequest request;
  request.set_type(WireType(type));
  request.set_query(query_);
  request.set_author(author_);
  request.set_task(task_);
  request.set_library(library_);
  request.set_sort(sort_);
  request.set_limit(limit_);
  request.mutable_tags()->Assign(tags_.begin(), tags_.end());
  RETURN_IF_ERROR(memory_.Put(context.environment, &request));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const v1::SearchResponse response,
                   patience_.Await(context, [&] { return connection.client->Search(request); }));
  PrintSearch(context.output, response, context.clock.wall());
  return absl::OkStatus();
}

}  // namespace batuta::client
