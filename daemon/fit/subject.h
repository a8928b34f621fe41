#pragma once

#include <string>
#include <vector>

#include "daemon/fit/choice.h"
#include "daemon/fit/placement.h"

namespace batuta::fit {

// A candidate prepared to be judged for one machine and one wish. Holds pointers into the candidate.
struct Subject {
  const Candidate* candidate = nullptr;
  std::string obstacle;  // why it is not taken, whatever the machine; a clause, "" = it may be
  uint32_t rank = 0;
  WeightBounds bounds;
  Load load;
  Budget budget;
  bool knows_shape = false;  // else `load` holds what any model needs
  bool may_ask_shape = false;
  bool may_ask_tensors = false;

  bool is_exact() const { return knows_shape && candidate->weights != nullptr; }

  // kMaybe only when there is something left to ask.
  Verdict VerdictOf(Mode mode) const;

  // The best of these modes: the first that fits, else the one that fails by least.
  Placement Placed(const std::vector<Mode>& modes) const;
};

// Tokens for which a model is judged.
uint64_t ContextOf(const Wish& wish, const ModelShape* shape);

// In the same order. `context` is 0, or what is taken instead of ContextOf().
std::vector<Subject> SubjectsOf(const std::vector<Candidate>& candidates, const Machine& machine,
                                const Wish& wish, uint64_t context = 0);

// The modes that a target allows, best first.
std::vector<Mode> ModesOf(Target target);

}  // namespace batuta::fit
