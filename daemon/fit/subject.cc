#include "daemon/fit/subject.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/fit/placing.h"
#include "daemon/fit/ranking.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kUsualContext = 8192;

const std::string& QuantizationOf(const Candidate& candidate) {
  return candidate.quantization.has_value() ? *candidate.quantization : candidate.label;
}

std::string ObstacleOf(const Candidate& candidate, const Wish& wish) {
  if (!candidate.flaw.empty()) return candidate.flaw;
  if (wish.allow_unknown || candidate.format != Candidate::Format::kGguf) return "";
  if (!IsLoadable(QuantizationOf(candidate))) return "the usual programs do not load it";
  if (candidate.weights != nullptr && !candidate.weights->foreign_type.empty()) {
    return fmt::format("its tensors are of {}, which the usual programs do not load",
                       candidate.weights->foreign_type);
  }
  if (candidate.is_opaque && candidate.shape == nullptr) return "its header cannot be read";
  return "";
}

// Another variant of the same model of which the weights are known.
Sibling SiblingOf(const Candidate& candidate, const std::vector<Candidate>& all) {
  if (candidate.shape == nullptr) return {};
  for (const Candidate& other : all) {
    if (other.weights != nullptr && other.shape == candidate.shape && &other != &candidate) {
      return {other.weights.get(), other.file_bytes};
    }
  }
  return {};
}

// Programs of other formats, and models of which nothing can be known, take a fifth more than the files.
void EstimateByFiles(Subject& subject) {
  const uint64_t bytes = subject.candidate->file_bytes;
  subject.bounds = {};
  subject.bounds.total = {bytes, bytes};
  subject.bounds.on_gpu = {bytes, bytes};
  subject.load.compute = {};
  subject.load.compute.gpu_bytes = bytes / 5;
  subject.load.compute.cpu_bytes = bytes / 5;
}

Subject SubjectOf(const Candidate& candidate, const std::vector<Candidate>& all, const Machine& machine,
                  const Wish& wish, uint64_t context) {
  Subject subject;
  const bool is_gguf = candidate.format == Candidate::Format::kGguf;
  const ModelShape* shape = candidate.shape.get();
  subject.candidate = &candidate;
  subject.obstacle = ObstacleOf(candidate, wish);
  subject.rank = RankOf(QuantizationOf(candidate), shape, candidate.stem);
  subject.budget = is_gguf ? BudgetOf(machine) : ServerBudgetOf(machine);
  subject.knows_shape = shape != nullptr;
  subject.load.shape = shape;
  subject.load.projector_bytes = candidate.projector_bytes;
  if (shape != nullptr) {
    const uint64_t tokens = context > 0 ? context : ContextOf(wish, shape);
    subject.load.cache = CacheNeedOf(*shape, tokens, wish.cache_type);
    subject.load.compute = ComputeNeedOf(*shape, subject.load.cache);
  }
  subject.may_ask_shape = shape == nullptr && !candidate.is_opaque;
  subject.may_ask_tensors = is_gguf && candidate.weights == nullptr && !candidate.is_opaque;
  if (!is_gguf || (shape == nullptr && candidate.is_opaque)) {
    EstimateByFiles(subject);
  } else if (candidate.weights != nullptr) {
    subject.bounds = BoundsOf(*candidate.weights);
  } else {
    subject.bounds =
        BoundWeights(candidate.file_bytes, QuantizationOf(candidate), shape, SiblingOf(candidate, all));
  }
  return subject;
}

// What ranks lower than another without being smaller is never the best.
void RefuseThePointless(std::vector<Subject>& subjects) {
  std::vector<Ranked> ranked;
  std::vector<Subject*> taken;
  for (Subject& subject : subjects) {
    if (!subject.obstacle.empty()) continue;
    ranked.push_back({subject.rank, subject.candidate->file_bytes, subject.candidate->has_imatrix});
    taken.push_back(&subject);
  }
  const std::vector<bool> pointless = Pointless(ranked);
  for (size_t i = 0; i < taken.size(); ++i) {
    if (pointless[i]) taken[i]->obstacle = "another is no less precise and not larger";
  }
}

}  // namespace

Verdict Subject::VerdictOf(Mode mode) const {
  if (is_exact() && candidate->format == Candidate::Format::kGguf) {
    return Place(*candidate->weights, load, budget, mode).fits ? Verdict::kYes : Verdict::kNo;
  }
  const Verdict verdict = Judge(bounds, load, budget, mode);
  if (verdict == Verdict::kNo) return verdict;
  // Without its shape a lower bound is all there is.
  if (may_ask_shape) return Verdict::kMaybe;
  if (verdict == Verdict::kMaybe && !may_ask_tensors) return Verdict::kNo;
  return verdict;
}

Placement Subject::Placed(const std::vector<Mode>& modes) const {
  const bool is_placed = is_exact() && candidate->format == Candidate::Format::kGguf;
  std::optional<Placement> best;
  for (const Mode mode : modes) {
    // Where there is no GPU, none is nearly large enough.
    const bool wants_gpu = mode != Mode::kCpu;
    if (wants_gpu && modes.size() > 1 && UsableDevices(budget) == 0) continue;
    Placement placement =
        is_placed ? Place(*candidate->weights, load, budget, mode) : PlaceBounds(bounds, load, budget, mode);
    if (placement.fits) return placement;
    if (!best.has_value() || placement.short_bytes < best->short_bytes) best = std::move(placement);
  }
  return best.value_or(Placement{});
}

uint64_t ContextOf(const Wish& wish, const ModelShape* shape) {
  const uint64_t asked = std::min(wish.context > 0 ? wish.context : kUsualContext, kMostContext);
  const uint64_t trained = shape == nullptr ? 0 : shape->trained_context;
  return trained == 0 ? asked : std::min(asked, trained);
}

std::vector<Subject> SubjectsOf(const std::vector<Candidate>& candidates, const Machine& machine,
                                const Wish& wish, uint64_t context) {
  std::vector<Subject> subjects;
  for (const Candidate& candidate : candidates) {
    subjects.push_back(SubjectOf(candidate, candidates, machine, wish, context));
  }
  RefuseThePointless(subjects);
  return subjects;
}

std::vector<Mode> ModesOf(Target target) {
  if (target == Target::kGpu) return {Mode::kGpu};
  if (target == Target::kCpu) return {Mode::kCpu};
  return {Mode::kGpu, Mode::kHybrid, Mode::kCpu};
}

}  // namespace batuta::fit
