// Loads repos and users from a folder tree:
//
//   DIR/hub.json                            optional, the users: see below
//   DIR/{models,datasets,spaces}/NS/NAME/   one repo each
//     repo.json                             optional, its settings: see below
//     revisions/REF/…files…                 each folder becomes one commit on that ref
//
// REF is a branch ("main") or a percent-encoded full ref: "refs%2Ftags%2Fv1", "refs%2Fpr%2F1",
// "refs%2Fconvert%2Fparquet"; "tags%2Fv1" is short for the first. `main` is committed first; every other
// ref's commit has main's as parent and holds exactly the files of its own folder.
//
// hub.json: {"users": [{"name": "mira", "token": "hf_…", "orgs": ["acme"], "isPro": false,
//   "role": "write", "fullname": "Mira K."}]}
//
// repo.json, all optional: {"private": false, "gated": false | "auto" | "manual", "granted": ["mira"],
//   "disabled": false, "downloads": 1, "likes": 1, "createdAt": "2025-01-01T00:00:00.000Z", "tags": ["…"],
//   "pipeline_tag": "…", "library_name": "…", "renamedFrom": ["old/name"],
//   "securityFileStatus": {"path/of/file": {"status": "unsafe"}},
//   "sha256": {"path/of/file": "64 hex digits"}}: the hash that the hub names, and LFS; the file is then not
//   read. For files that are large and mostly a hole.
//
// Other files are hashed once, and read again by range when they are asked for; they must not change
// meanwhile. Symbolic links are followed. A folder directly below models/ that has `revisions` itself is a
// repo without namespace ("gpt2").
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"

#include "tests/hubsim/store/repo_store.h"

namespace batuta::hubsim {

// The store's mutex must be held.
//   kNotFound         the folder does not exist.
//   kInvalidArgument  a JSON file, a name or a path in it is wrong; the message names the file.
//   kAlreadyExists    the store has such a repo.
absl::Status LoadHubFolder(const std::filesystem::path& folder, std::uint64_t lfs_threshold,
                           RepoStore& store);

}  // namespace batuta::hubsim
