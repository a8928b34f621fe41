#include "daemon/fit/explanation.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kContextStep = 256;
constexpr uint64_t kLeastContext = 1024;  // of less a language model is of no use

std::string LabelOf(const Candidate& candidate) {
  return candidate.label.empty() ? Printable(candidate.stem) : candidate.label;
}

std::string GpuText(const Machine& machine) {
  return machine.devices.size() == 1 ? "the GPU" : "the GPUs";
}

// Where something runs, as the end of "it runs …".
std::string WhereText(const Placement& placement, const Machine& machine) {
  switch (placement.mode) {
    case Mode::kGpu:
      return fmt::format("wholly on {}", GpuText(machine));
    case Mode::kHybrid:
      if (placement.has_experts_in_memory) {
        return fmt::format("on {} with experts in memory", GpuText(machine));
      }
      return fmt::format("with {} of {} layers on {} and the rest in memory", placement.device_layers,
                         placement.layers, GpuText(machine));
    case Mode::kCpu:
      return "in memory";
  }
  return "in memory";
}

// What a placement that fails is short of, as the end of "1 GB more …".
std::string ShortText(Mode mode, const Machine& machine) {
  switch (mode) {
    case Mode::kGpu:
      if (machine.devices.empty()) return "on a GPU, and there is none";
      return fmt::format("than {} may give", GpuText(machine));
    case Mode::kHybrid:
      return fmt::format("than {} and the memory may give together", GpuText(machine));
    case Mode::kCpu:
      return "than the memory may give";
  }
  return "than there is";
}

bool FitsIn(const Candidate& candidate, const std::vector<Candidate>& all, const Machine& machine,
            const Wish& wish, uint64_t context, const std::vector<Mode>& modes) {
  const auto position = static_cast<size_t>(&candidate - all.data());
  const Subject subject = SubjectsOf(all, machine, wish, context)[position];
  return subject.Placed(modes).fits;
}

// What would make a candidate fit in one of these modes; empty = neither of these.
std::vector<std::string> WaysIn(const Story& story, size_t candidate, const std::vector<Mode>& modes) {
  const Candidate& wanted = story.candidates[candidate];
  std::vector<std::string> ways;
  if (wanted.shape == nullptr) return ways;
  const auto fits = [&](const Wish& wish, uint64_t context) {
    return FitsIn(wanted, story.candidates, story.machine, wish, context, modes);
  };
  // Most steps of the context with which it fits, found by halving.
  uint64_t enough = kLeastContext / kContextStep - 1;
  uint64_t too_many = (story.choice.context + kContextStep - 1) / kContextStep;
  while (enough + 1 < too_many) {
    const uint64_t middle = enough + (too_many - enough) / 2;
    (fits(story.wish, middle * kContextStep) ? enough : too_many) = middle;
  }
  if (enough * kContextStep >= kLeastContext) {
    ways.push_back(fmt::format("a context of {}", enough * kContextStep));
  }
  for (const CacheType type : {CacheType::kQ80, CacheType::kQ40}) {
    if (type <= story.wish.cache_type) continue;
    Wish smaller = story.wish;
    smaller.cache_type = type;
    if (!fits(smaller, 0)) continue;
    ways.push_back(fmt::format("a {} cache", NameOf(type)));
    break;
  }
  return ways;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " or " : ", ";
    text += parts[i];
  }
  return text;
}

// The modes that the choice was made among: when it runs wholly on GPUs, the better ones were refused for
// not doing so.
std::vector<Mode> ModesMeant(const Story& story) {
  const auto& chosen = story.choice.chosen;
  const bool means_gpu = story.wish.target == Target::kBest && chosen.has_value() &&
                         story.choice.judgements[*chosen].placement.mode == Mode::kGpu;
  return means_gpu ? std::vector<Mode>{Mode::kGpu} : ModesOf(story.wish.target);
}

// The last one before the chosen one that was refused for its size.
std::optional<size_t> NextBetter(const Story& story) {
  std::optional<size_t> better;
  for (const size_t i : story.choice.ranking) {
    if (i == story.choice.chosen) break;
    if (story.subjects[i].obstacle.empty()) better = i;
  }
  return better;
}

std::string BetterText(const Story& story) {
  const std::optional<size_t> better = NextBetter(story);
  if (!better.has_value()) return "nothing is more precise";
  const Judgement& judgement = story.choice.judgements[*better];
  const std::vector<Mode> modes = ModesMeant(story);
  const Subject& subject = story.subjects[*better];
  std::string text = fmt::format("{}, the next better one, ", LabelOf(story.candidates[*better]));
  if (subject.may_ask_shape) {
    text += fmt::format("takes {} for its weights alone", FormatBytes(subject.bounds.total.least));
  } else {
    const Placement placement = subject.Placed(modes);
    text += fmt::format("needs {}{} more {}", subject.is_exact() ? "" : "up to ",
                        FormatBytes(placement.short_bytes), ShortText(placement.mode, story.machine));
  }
  std::vector<std::string> ways = WaysIn(story, *better, modes);
  if (!ways.empty()) text += fmt::format("; {} would let it in", Joined(ways));
  if (judgement.fits) {
    text += fmt::format("{} it would run {}", ways.empty() ? "; as a hybrid" : ", and as a hybrid",
                        WhereText(judgement.placement, story.machine));
  }
  return text;
}

std::string NothingFits(const Story& story) {
  std::optional<size_t> least;
  for (size_t i = 0; i < story.candidates.size(); ++i) {
    if (!story.subjects[i].obstacle.empty()) continue;
    const auto need = [&](size_t j) {
      const Judgement& judgement = story.choice.judgements[j];
      return std::max(judgement.total_bytes, judgement.weights_bytes);
    };
    if (!least.has_value() || need(i) < need(*least)) least = i;
  }
  if (!least.has_value()) return "No variant can be used.";
  const Judgement& judgement = story.choice.judgements[*least];
  std::string text = fmt::format("Nothing fits: the smallest, {}, needs {} and the machine may give {}",
                                 LabelOf(story.candidates[*least]),
                                 FormatBytes(std::max(judgement.total_bytes, judgement.weights_bytes)),
                                 FormatBytes(story.choice.budget_bytes));
  const std::vector<std::string> ways = WaysIn(story, *least, ModesOf(story.wish.target));
  if (!ways.empty()) text += fmt::format("; {} would let it in", Joined(ways));
  return text + ".";
}

}  // namespace

std::string ReasonOf(const Story& story, size_t candidate) {
  const Subject& subject = story.subjects[candidate];
  if (!subject.obstacle.empty()) return subject.obstacle;
  const Judgement& judgement = story.choice.judgements[candidate];
  const std::string where = WhereText(judgement.placement, story.machine);
  if (story.choice.chosen == candidate) return fmt::format("the most precise one that runs {}", where);
  if (subject.may_ask_shape) {
    return fmt::format("its weights alone take {}", FormatBytes(subject.bounds.total.least));
  }
  if (judgement.fits) {
    const auto& ranking = story.choice.ranking;
    const auto place = [&](size_t i) { return std::find(ranking.begin(), ranking.end(), i); };
    const bool is_better = story.choice.chosen.has_value() && place(candidate) < place(*story.choice.chosen);
    return is_better ? fmt::format("would run {}", where)
                     : fmt::format("fits, and is less precise than the chosen one");
  }
  return fmt::format("needs {}{} more {}", judgement.is_exact ? "" : "up to ",
                     FormatBytes(judgement.placement.short_bytes),
                     ShortText(judgement.placement.mode, story.machine));
}

std::string ExplanationOf(const Story& story) {
  if (story.candidates.empty()) return "There is no variant to choose from.";
  const auto& chosen = story.choice.chosen;
  if (!chosen.has_value()) return NothingFits(story);
  const Placement& placement = story.choice.judgements[*chosen].placement;
  std::string where = WhereText(placement, story.machine);
  return fmt::format("{} runs {} with a context of {}; {}.", LabelOf(story.candidates[*chosen]), where,
                     story.choice.context, BetterText(story));
}

std::vector<std::string> NotesOf(const Story& story) {
  std::vector<std::string> notes;
  const Choice& choice = story.choice;
  const uint64_t wanted = ContextOf(story.wish, nullptr);
  if (choice.trained_context > 0 && wanted > choice.context) {
    notes.push_back(fmt::format("The model was trained for a context of {}, so that is taken instead of {}.",
                                choice.context, wanted));
  }
  for (const Candidate& candidate : story.candidates) {
    if (candidate.shape == nullptr) continue;
    for (const std::string& note : candidate.shape->notes) {
      if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
    }
  }
  return notes;
}

}  // namespace batuta::fit
