#include "client/commands/repo_arguments.h"

#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::client {

void RepoArguments::Define(Flags& flags) {
  flags.Required(&type, "TYPE", "model, dataset or space", {"model", "dataset", "space"});
  flags.Required(&id, "REPO", "the repo's id: [NAMESPACE/]NAME");
  DefineRevision(flags);
}

void RepoArguments::DefineRevision(Flags& flags) {
  flags.Value(&revision, "--revision", "R", "branch, tag, refs/pr/N or commit; default main");
}

absl::StatusOr<v1::RepoId> RepoArguments::Parse() const {
  ASSIGN_OR_RETURN(const RepoType repo_type, ParseRepoType(type));
  ASSIGN_OR_RETURN(const RepoId repo, RepoId::Parse(repo_type, id));
  if (!revision.empty()) RETURN_IF_ERROR(Revision::Parse(revision).status());
  v1::RepoId wire;
  wire.set_type(WireType(repo.type()));
  wire.set_id(repo.id());
  return wire;
}

}  // namespace batuta::client
