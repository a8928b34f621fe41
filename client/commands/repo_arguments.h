#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "batuta/v1/types.pb.h"

#include "client/commands/flags.h"

namespace batuta::client {

// The arguments TYPE and REPO and the flag --revision, as several commands take them.
struct RepoArguments {
  std::string type;
  std::string id;
  std::string revision;  // empty = main

  void Define(Flags& flags);
  void DefineRevision(Flags& flags);

  // kInvalidArgument (INVALID_REPO_ID, INVALID_REVISION)  names the rule that is broken.
  absl::StatusOr<v1::RepoId> Parse() const;

  // What the user wrote, or "main".
  std::string revision_or_main() const { return revision.empty() ? "main" : revision; }
};

}  // namespace batuta::client
