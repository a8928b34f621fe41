#include "client/commands/hf_cache_pin.h"

#include <vector>

#include <fmt/format.h>

#include "client/output/cache_view.h"
#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {

std::string_view HfCachePin::examples() const {
  return "batuta hf cache pin model acme/otter-tiny --reason 'demo on Friday'\n"
         "batuta hf cache pin model acme/otter-tiny --revision v1.0  that commit only\n";
}

void HfCachePin::DefineFlags(Flags& flags) {
  targets_.Define(flags, CacheTargets::Count::kOne);
  flags.Value(&reason_, "--reason", "TEXT", "why, for whoever wonders later");
}

absl::Status HfCachePin::Run(Context& context) {
  RETURN_IF_ERROR(targets_.Parse());
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const std::vector<CacheTarget> found, targets_.Find(*connection.client));
  v1::PinRequest request;
  *request.mutable_repo() = found.front().repo;
  request.set_revision(found.front().revision);
  request.set_reason(reason_);
  ASSIGN_OR_RETURN(const v1::PinResponse pinned, connection.client->Pin(request));
  const std::string what =
      RepoText(request.repo()) + (pinned.commit().empty() ? "" : "@" + Printable(pinned.commit()));
  context.output.Talk(fmt::format("pinned {}: it stays until `batuta hf cache unpin`", what));
  if (context.output.quiet()) context.output.DataLine(what);
  if (context.output.json()) {
    JsonWriter json;
    json.BeginObject().Field("repo", request.repo().id()).Field("type", TypeWord(request.repo().type()));
    json.FieldOrNull("commit", pinned.commit()).FieldOrNull("reason", reason_).EndObject();
    context.output.Data(json.Take());
  }
  return absl::OkStatus();
}

std::string_view HfCacheUnpin::examples() const {
  return "batuta hf cache unpin model acme/otter-tiny  all pins of it\n"
         "batuta hf cache unpin model acme/otter-tiny --revision v1.0\n";
}

absl::Status HfCacheUnpin::Run(Context& context) {
  RETURN_IF_ERROR(targets_.Parse());
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const std::vector<CacheTarget> found, targets_.Find(*connection.client));
  v1::UnpinRequest request;
  *request.mutable_repo() = found.front().repo;
  request.set_revision(found.front().revision);
  ASSIGN_OR_RETURN(const v1::UnpinResponse unpinned, connection.client->Unpin(request));
  context.output.Talk(unpinned.removed() == 0
                          ? fmt::format("{} was not pinned", RepoText(request.repo()))
                          : fmt::format("{}: {} pin{} removed", RepoText(request.repo()), unpinned.removed(),
                                        unpinned.removed() == 1 ? "" : "s"));
  if (context.output.quiet()) context.output.DataLine(fmt::format("{}", unpinned.removed()));
  if (context.output.json()) {
    JsonWriter json;
    json.BeginObject().Field("repo", request.repo().id()).Field("type", TypeWord(request.repo().type()));
    json.Field("removed", unpinned.removed()).EndObject();
    context.output.Data(json.Take());
  }
  return absl::OkStatus();
}

}  // namespace batuta::client
