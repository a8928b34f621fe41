#include "daemon/fit/choice.h"

#include <algorithm>
#include <utility>

#include "daemon/fit/explanation.h"
#include "daemon/fit/ranking.h"
#include "daemon/fit/subject.h"

namespace batuta::fit {
namespace {

using About = Question::About;

std::vector<size_t> OrderOf(const std::vector<Subject>& subjects) {
  std::vector<Ranked> ranked;
  for (const Subject& subject : subjects) {
    ranked.push_back({subject.rank, subject.candidate->file_bytes, subject.candidate->has_imatrix});
  }
  return RankingOf(ranked);
}

// What is looked for, best first: in one of the modes the first variant that fits.
struct Pass {
  std::vector<Mode> modes;
  bool has_floor = false;  // only those of a precision that is worth it
};

std::vector<Pass> PassesOf(Target target) {
  if (target == Target::kBest) return {{{Mode::kGpu}, true}, {ModesOf(target)}};
  return {{ModesOf(target)}};
}

bool IsAboveFloor(const Subject& subject) {
  return subject.rank <= FloorRank(subject.candidate->format == Candidate::Format::kGguf);
}

Question QuestionOn(const Subject& subject, size_t candidate) {
  return {subject.may_ask_shape ? About::kHyperParameters : About::kTensors, candidate};
}

// Either what is chosen, or what has to be known first.
struct Decision {
  std::optional<size_t> chosen;
  Question question;
};

Decision Decide(const std::vector<Subject>& subjects, const std::vector<size_t>& ranking, Target target,
                bool may_ask) {
  for (const Pass& pass : PassesOf(target)) {
    for (const size_t i : ranking) {
      const Subject& subject = subjects[i];
      if (!subject.obstacle.empty() || (pass.has_floor && !IsAboveFloor(subject))) continue;
      Verdict best = Verdict::kNo;
      bool is_settled = true;  // the mode in which it runs is known
      for (const Mode mode : pass.modes) {
        const Verdict verdict = subject.VerdictOf(mode);
        if (verdict == Verdict::kMaybe && best == Verdict::kNo) is_settled = false;
        best = std::max(best, verdict);
        if (best == Verdict::kYes) break;
      }
      if (may_ask && best != Verdict::kNo && !is_settled) return {std::nullopt, QuestionOn(subject, i)};
      if (best == Verdict::kYes) return {i, {}};
    }
  }
  return {};
}

Judgement JudgementOf(const Subject& subject, Target target) {
  Judgement judgement;
  // Without its shape nothing is known but that it takes more than its file.
  judgement.weights_bytes = subject.bounds.total.most;
  if (subject.may_ask_shape) return judgement;
  judgement.placement = subject.Placed(ModesOf(target));
  judgement.fits = judgement.placement.fits && subject.obstacle.empty();
  judgement.is_exact = subject.is_exact() && subject.candidate->format == Candidate::Format::kGguf &&
                       !subject.candidate->is_inferred;
  judgement.cache_bytes = subject.load.cache.total_bytes;
  judgement.compute_bytes = judgement.placement.compute_bytes;
  judgement.total_bytes = judgement.placement.memory_bytes;
  for (const uint64_t bytes : judgement.placement.device_bytes) judgement.total_bytes += bytes;
  const uint64_t besides = judgement.cache_bytes + judgement.compute_bytes;
  judgement.weights_bytes = judgement.total_bytes > besides ? judgement.total_bytes - besides : 0;
  if (subject.candidate->weights != nullptr) {
    judgement.bits_per_weight = subject.candidate->weights->bits_per_weight;
  }
  return judgement;
}

void TellOfTheModel(const std::vector<Candidate>& candidates, const Wish& wish, Choice& choice) {
  const ModelShape* shape = nullptr;
  for (const Candidate& candidate : candidates) {
    if (shape == nullptr) shape = candidate.shape.get();
    if (candidate.weights != nullptr && choice.parameters == 0) {
      choice.parameters = candidate.weights->parameters;
    }
  }
  if (choice.chosen.has_value() && candidates[*choice.chosen].shape != nullptr) {
    shape = candidates[*choice.chosen].shape.get();
  }
  choice.context = ContextOf(wish, shape);
  if (shape == nullptr) return;
  choice.architecture = shape->architecture;
  choice.trained_context = shape->trained_context;
}

uint64_t BudgetFor(const Budget& budget, Target target) {
  if (target == Target::kGpu) return budget.devices_bytes();
  if (target == Target::kCpu) return budget.memory_bytes;
  return budget.total_bytes();
}

}  // namespace

Question NextQuestion(const std::vector<Candidate>& candidates, const Machine& machine, const Wish& wish) {
  const std::vector<Subject> subjects = SubjectsOf(candidates, machine, wish);
  return Decide(subjects, OrderOf(subjects), wish.target, true).question;
}

Choice ChooseVariant(const std::vector<Candidate>& candidates, const Machine& machine, const Wish& wish) {
  const std::vector<Subject> subjects = SubjectsOf(candidates, machine, wish);
  Choice choice;
  choice.ranking = OrderOf(subjects);
  choice.chosen = Decide(subjects, choice.ranking, wish.target, false).chosen;
  TellOfTheModel(candidates, wish, choice);
  for (const Subject& subject : subjects) {
    const Judgement& judgement = choice.judgements.emplace_back(JudgementOf(subject, wish.target));
    if (choice.budget_bytes == 0) choice.budget_bytes = BudgetFor(subject.budget, wish.target);
    if (!subject.obstacle.empty()) continue;
    const uint64_t need = std::max(judgement.total_bytes, judgement.weights_bytes);
    if (choice.least_need_bytes == 0 || need < choice.least_need_bytes) choice.least_need_bytes = need;
  }
  const Story story{candidates, subjects, machine, wish, choice};
  for (size_t i = 0; i < candidates.size(); ++i) choice.judgements[i].reason = ReasonOf(story, i);
  choice.explanation = ExplanationOf(story);
  choice.notes = NotesOf(story);
  return choice;
}

}  // namespace batuta::fit
