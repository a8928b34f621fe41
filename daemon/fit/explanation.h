#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "daemon/fit/choice.h"
#include "daemon/fit/subject.h"

// A choice in words.
namespace batuta::fit {

struct Story {
  const std::vector<Candidate>& candidates;
  const std::vector<Subject>& subjects;
  const Machine& machine;
  const Wish& wish;
  const Choice& choice;  // all but its texts
};

// A clause on one candidate: why it is chosen, or not.
std::string ReasonOf(const Story& story, size_t candidate);

// One sentence: what was chosen, the next better one, and what would let that in; or how far all are from
// fitting.
std::string ExplanationOf(const Story& story);

// What was cut or assumed.
std::vector<std::string> NotesOf(const Story& story);

}  // namespace batuta::fit
