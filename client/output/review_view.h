#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batuta/v1/types.pb.h"

#include "client/output/json_writer.h"

// What there is to say of a repo before anything of it is fetched.
namespace batuta::client {

// What a pull would fetch; nothing when there are no files.
struct Haul {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// Lines for a person, each printable.
std::vector<std::string> ReviewLines(const v1::RepoReview& review, const v1::RepoId& asked, const Haul& haul);

// The value of the key "review": {"new","well_known","confusable_with","why","notes","author","created",
// "downloads","likes","license","gated","replaced"}; null where there is nothing to say, as for `replaced` in
// most cases, which is {"hub_id_before","created_before","hub_id","created"}.
void WriteReview(const v1::RepoReview& review, JsonWriter& json);

}  // namespace batuta::client
