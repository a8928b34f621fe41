#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/types/entry.h"
#include "daemon/push/diff.h"
#include "daemon/push/local_file.h"

namespace batuta::push {

// What the hub takes.
struct HubLimits {
  uint64_t file_bytes = 500'000'000'000;
  uint64_t advised_file_bytes = 200'000'000'000;     // beyond, the hub asks to be asked
  uint64_t comfortable_file_bytes = 20'000'000'000;  // beyond, what fails costs much
  uint64_t inline_file_bytes = 100 << 20;            // of one that goes into the commit itself
  uint64_t folder_entries = 10'000;
  uint64_t advised_repo_files = 100'000;
};

struct Objections {
  std::vector<Objection> objections;
  std::vector<Warning> warnings;
};

// What stands against the files themselves: names that the hub refuses, sizes beyond its limits; warned is of
// large files, and of names that differ in letter case only, which many computers cannot keep apart. Pure.
Objections CheckFiles(const std::vector<LocalFile>& files, const HubLimits& limits = {});

// What stands against the repo as it will be: too many entries in a folder, or files in all. `remote` is null
// when there is nothing yet. Pure.
Objections CheckOutcome(const Diff& diff, const Tree* remote, const HubLimits& limits = {});

// Against a file that the hub does not store as an LFS object.
std::optional<Objection> CheckInline(const LocalFile& file, const HubLimits& limits = {});

}  // namespace batuta::push
