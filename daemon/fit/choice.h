#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/machine/machine.h"
#include "daemon/fit/cache_need.h"
#include "daemon/fit/model_shape.h"
#include "daemon/fit/placement.h"
#include "daemon/fit/weights.h"

// Which variant of a model a machine gets. Pure: how little is known of a variant may be, but the choice is
// the one that all headers together would give, once NextQuestion() has nothing left to ask.
namespace batuta::fit {

enum class Target {
  kBest,    // wholly on the GPUs when a variant of at least Q4_K_M does, else as kHybrid, else as kCpu
  kGpu,     // wholly on the GPUs
  kHybrid,  // the highest precision that the GPUs and the memory hold together
  kCpu,     // no GPU
};

struct Wish {
  uint64_t context = 0;  // tokens; 0 = 8192, or what the model was trained for when that is less
  CacheType cache_type = CacheType::kF16;
  Target target = Target::kBest;
  bool allow_unknown = false;  // also variants of which it is not known that the usual programs load them
};

// A variant, with what is known of it. At first that is its name and size.
struct Candidate {
  enum class Format { kGguf, kOther };  // others are run whole, by other programs

  std::string label;  // canonical; unique among the candidates
  std::optional<std::string>
      quantization;  // that its precision is judged by, "" = not known; nothing = the label
  std::string stem;  // of its file names
  Format format = Format::kGguf;
  bool has_imatrix = false;
  uint64_t file_bytes = 0;       // of all its parts, without side-cars
  uint64_t projector_bytes = 0;  // of the projector that is loaded with it; 0 = none
  std::string flaw;              // why it cannot be taken; a clause for a person, "" = nothing known

  std::shared_ptr<const ModelShape>
      shape;  // null = hyper-parameters not read; shared by variants of one model
  std::shared_ptr<const Weights> weights;  // null = tensor infos not read
  bool is_inferred = false;  // `weights` follow from others and account for the files; see Inferred()
  bool is_opaque = false;    // its header cannot be read: nothing more will be known, nothing is asked
};

// What to read next. A shape that was read holds for all candidates of the model: the caller sets it in each.
struct Question {
  enum class About {
    kNothing,          // ChooseVariant() has what it needs
    kHyperParameters,  // the beginning of `candidate`'s first file
    kTensors,          // the tensor infos of all files of `candidate`
  };

  About about = About::kNothing;
  size_t candidate = 0;
};

// Asks only for what may change the choice.
Question NextQuestion(const std::vector<Candidate>& candidates, const Machine& machine, const Wish& wish);

// A candidate judged. Sizes are exact when `is_exact`, else not less than the need; all 0 when nothing but
// the name is known.
struct Judgement {
  bool fits = false;
  Placement placement;         // where it fits, else where it came nearest
  uint64_t weights_bytes = 0;  // on all devices together, a second copy included
  uint64_t cache_bytes = 0;
  uint64_t compute_bytes = 0;
  uint64_t total_bytes = 0;
  double bits_per_weight = 0;  // 0 = not known
  bool is_exact = false;
  std::string reason;  // a clause for a person: why it is chosen, does not fit, or is not taken
};

struct Choice {
  std::optional<size_t> chosen;       // nullopt = nothing fits
  std::vector<size_t> ranking;        // positions of all candidates, best precision first
  std::vector<Judgement> judgements;  // by position in `candidates`
  uint64_t context = 0;               // tokens that it was computed for
  uint64_t trained_context = 0;       // 0 = not known
  std::string architecture;           // "" = not known
  uint64_t parameters = 0;            // 0 = not known
  std::string explanation;            // one sentence: chosen, the next better one, what would let it in
  std::vector<std::string> notes;     // what was cut or assumed; sentences for a person
  uint64_t least_need_bytes = 0;      // of all candidates; with nothing chosen
  uint64_t budget_bytes = 0;          // what the target may use of the machine, margins taken off
};

// Of those that fit and may be taken, the best by `wish.target`. What is not known counts as its upper bound.
Choice ChooseVariant(const std::vector<Candidate>& candidates, const Machine& machine, const Wish& wish);

}  // namespace batuta::fit
