#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/review/known_names.h"

namespace batuta::review {

// What there is to say of a repo's name before anything is fetched from its namespace for the first time.
struct NameReview {
  // The namespace is well known or trusted, or there is none (the hub lets nobody make repos without one).
  bool is_known = false;

  // The namespace that was meant, perhaps, and why one might think so: "only `-`, `_` and `.` differ". Both
  // empty when the name cannot be mistaken for a known one.
  std::string confusable_with;
  bool is_trusted = false;  // that namespace: by this cache; else it is well known
  std::string why;

  // What else a person may want to know, four at most; nothing of it is a reason to refuse.
  std::vector<std::string> notes;
};

// Judges `[namespace/]name`, which may be any text: print what it says with Printable(). Pure; takes a
// millisecond or so for each few hundred known names.
NameReview ReviewName(std::string_view id, const KnownNames& known);

}  // namespace batuta::review
