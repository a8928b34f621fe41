#include "client/commands/repo_arguments.h"

#include <fmt/format.h>

#include "client/commands/usage_error.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::client {

void RepoArguments::Define(Flags& flags) {
  flags.Required(&type, "TYPE", "model, dataset or space");
  flags.Required(&id, "REPO", "the repo's id: [NAMESPACE/]NAME");
  DefineRevision(flags);
}

void RepoArguments::DefineRevision(Flags& flags) {
  flags.Value(&revision, "--revision", "R", "branch, tag, refs/pr/N or commit; default main");
}

absl::StatusOr<v1::RepoId> RepoArguments::Parse() const {
  const absl::StatusOr<RepoType> repo_type = ParseRepoType(type);
  if (!repo_type.ok()) {
    // `hf pull acme/otter`: the type is what was forgotten.
    if (type.find('/') == std::string::npos) return repo_type.status();
    return UsageError(fmt::format("{} is no type of repo", Quoted(type)),
                      "write model, dataset or space before the id of the repo");
  }
  ASSIGN_OR_RETURN(const RepoId repo, RepoId::Parse(*repo_type, id));
  if (!revision.empty()) RETURN_IF_ERROR(Revision::Parse(revision).status());
  v1::RepoId wire;
  wire.set_type(WireType(repo.type()));
  wire.set_id(repo.id());
  return wire;
}

}  // namespace batuta::client
