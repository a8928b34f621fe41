#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/card/front_matter.h"

namespace batuta::card {

// A card that somebody wrote, with what was missing.
struct Completion {
  std::string text;                // the card; the very text that was given when nothing was added
  std::vector<std::string> added;  // keys of the fields that were added, in their order
  std::vector<std::string> warnings;
};

// Adds the fields that the metadata of `readme` has not: below the author's own ones, or, where there is no
// metadata, before everything else. Every byte of the author stays where it was, and line ends are as they
// are there. A field that is there with an empty value stays so. Fields that belong together (`license` and
// its name and link, `base_model` and its relation) come together or not at all. What cannot be completed
// safely is left alone, which is warned about: text that is not UTF-8, metadata in braces. Pure.
//   kInvalidArgument (INVALID_CONTENT)  the metadata is not YAML, has a field twice, is no map, or never
//   ends; the
//                                       message says in which line.
absl::StatusOr<Completion> CompleteCard(std::string_view readme, const std::vector<Field>& fields);

// How `changed` differs from `original`, for people: a unified diff with three lines around it. The two
// differ by one run of inserted lines, or `original` is empty; empty when they are the same.
std::string InsertionDiff(std::string_view original, std::string_view changed, std::string_view path);

}  // namespace batuta::card
