#include "daemon/pull/fitter.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/fit/inference.h"
#include "daemon/pull/cached_headers.h"

namespace batuta::pull {

using hub::Access;
using hub::Callback;

// What was too dear to read is not tried again for so long, so that the same question has the same answer.
constexpr std::chrono::minutes kGivenUpFor{10};
constexpr size_t kMostGivenUp = 1'000;

struct Fitter::Shared {
  FitterContext context;
  std::map<BlobId, SteadyTime> given_up;  // core sequence
};

namespace {

constexpr size_t kMostSuggestions = 3;
constexpr uint32_t kSearched = 20;
constexpr std::string_view kUnreadable = "its header cannot be read";

// One file of a variant.
struct Part {
  Entry entry;
  std::shared_ptr<const gguf::Header> header;  // null = not read
};

struct Parts {
  std::vector<Part> parts;
  bool is_too_dear = false;  // to read what is missing

  bool are_read() const {
    return std::ranges::all_of(parts, [](const Part& part) { return part.header != nullptr; });
  }
};

fit::Candidate CandidateOf(const ModelVariant& variant) {
  fit::Candidate candidate;
  candidate.label = variant.label;
  candidate.quantization = variant.ranked_as;
  candidate.stem = variant.stem;
  candidate.format = variant.is_gguf ? fit::Candidate::Format::kGguf : fit::Candidate::Format::kOther;
  candidate.has_imatrix = variant.has_imatrix;
  candidate.file_bytes = variant.weights_bytes;
  candidate.projector_bytes = variant.side_car_bytes;
  candidate.flaw = variant.flaw;
  return candidate;
}

// One question, from the files to `done`; keeps itself alive through its callbacks. What it holds is used by
// one task at a time, here or on the disk pool.
class FitFlow : public std::enable_shared_from_this<FitFlow> {
 public:
  template <typename Shared>
  FitFlow(Shared& shared, FitQuestion question, Access access, Callback<FitReport> done)
      : context_(shared.context),
        given_up_(shared.given_up),
        question_(std::move(question)),
        access_(std::move(access)),
        done_(std::move(done)),
        report_{.commit = question_.tree->commit,
                .machine = {},
                .variants = {},
                .choice = {},
                .notes = {},
                .suggestions = {}} {}

  void Run() {
    reading_ = std::make_shared<HeaderReading>(context_.limits, context_.hub, context_.core, context_.disk,
                                               question_.repo, question_.tree->commit, access_);
    OnDisk([](FitFlow& self) { return self.Prepare(); },
           [](FitFlow& self, const absl::Status& status) {
             if (!status.ok()) return self.Finish(status);
             self.SkipGivenUp();
             self.Ask();
           });
  }

 private:
  // Runs `work` on the disk pool and hands its result to `then` on the core sequence.
  template <typename Work, typename Then>
  void OnDisk(Work work, Then then) {
    context_.disk.Post([self = shared_from_this(), work = std::move(work), then = std::move(then)]() mutable {
      auto result = work(*self);
      Sequence& core = self->context_.core;
      core.Post([self = std::move(self), then = std::move(then), result = std::move(result)]() mutable {
        then(*self, std::move(result));
      });
    });
  }

  // --- disk pool ---

  absl::Status Prepare() {
    ASSIGN_OR_RETURN(report_.machine, FindMachine());
    ASSIGN_OR_RETURN(ModelVariants found, FindVariants(*question_.tree, question_.selection));
    config_ = std::move(found.config);
    report_.notes = std::move(found.notes);
    report_.variants = std::move(found.list);
    for (const ModelVariant& variant : report_.variants) {
      candidates_.push_back(CandidateOf(variant));
      Parts& files = files_.emplace_back();
      for (const Entry& entry : variant.weights) files.parts.push_back({entry, nullptr});
    }
    RETURN_IF_ERROR(LookAtDisk());
    for (size_t i = 0; i < files_.size(); ++i) Recall(i);
    return absl::OkStatus();
  }

  absl::StatusOr<Machine> FindMachine() const {
    if (question_.wish.machine.has_value()) return *question_.wish.machine;
    if (context_.detect != nullptr) return context_.detect();
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "no machine was named for the variant to fit");
  }

  // What the cache has, and what it has room for.
  absl::Status LookAtDisk() {
    std::vector<uint64_t> missing_bytes;
    size_t cached = 0;
    for (const ModelVariant& variant : report_.variants) {
      std::vector<Entry> entries = variant.weights;
      entries.insert(entries.end(), variant.side_cars.begin(), variant.side_cars.end());
      ASSIGN_OR_RETURN(const std::vector<bool> present,
                       context_.cache.ArePresent(question_.repo, question_.tree->commit, entries));
      uint64_t bytes = 0;
      for (size_t i = 0; i < entries.size(); ++i) bytes += present[i] ? 0 : entries[i].size_bytes;
      missing_bytes.push_back(bytes);
      if (bytes == 0) ++cached;
    }
    if (question_.is_pull && question_.offline) {
      report_.nothing_is_cached = cached == 0;
      for (size_t i = 0; i < candidates_.size(); ++i) {
        if (missing_bytes[i] > 0)
          SetFlaw(i, "it is not in the cache, and the hub is not asked while offline");
      }
    }
    if (context_.room == nullptr) return absl::OkStatus();
    if (const std::optional<uint64_t> room = context_.room()) PassOverLarge(missing_bytes, *room);
    return absl::OkStatus();
  }

  void PassOverLarge(const std::vector<uint64_t>& missing_bytes, uint64_t room) {
    size_t too_large = 0;
    bool any_has_room = false;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (missing_bytes[i] > room) ++too_large;
      any_has_room |= candidates_[i].flaw.empty() && missing_bytes[i] <= room;
    }
    if (too_large == 0) return;
    if (!question_.is_pull) {
      report_.notes.push_back(
          fmt::format("The disk has room for {}; {} of the variants take more, and a pull "
                      "passes over them.",
                      FormatBytes(room), too_large));
      return;
    }
    // When nothing has room, the pull itself says so best.
    for (size_t i = 0; any_has_room && i < candidates_.size(); ++i) {
      if (missing_bytes[i] <= room) continue;
      SetFlaw(i, fmt::format("the disk has room for {}, and {} are to be fetched of it", FormatBytes(room),
                             FormatBytes(missing_bytes[i])));
    }
  }

  void SetFlaw(size_t candidate, std::string flaw) {
    if (candidates_[candidate].flaw.empty()) candidates_[candidate].flaw = std::move(flaw);
  }

  // What is remembered of the candidate's files.
  void Recall(size_t candidate) {
    if (!report_.variants[candidate].is_gguf) {
      if (!config_ || shape_ != nullptr) return;
      std::optional<KnownHeader> known = context_.headers.Find(config_->blob);
      if (!known) known = ReadCached(*config_, ReadCachedConfig);
      if (known && known->unreadable.empty()) TakeConfig(known->config);
      if (known && !known->unreadable.empty()) GiveUpOnShape();
      return;
    }
    Parts& files = files_[candidate];
    for (Part& part : files.parts) {
      std::optional<KnownHeader> known = context_.headers.Find(part.entry.blob);
      const bool is_all = known && (known->has_tensors || !known->unreadable.empty());
      if (!is_all) {
        if (std::optional<KnownHeader> read = ReadCached(part.entry, ReadCachedHeader))
          known = std::move(read);
      }
      if (!known) continue;
      if (!known->unreadable.empty()) {
        Refuse(candidate, kUnreadable);
        continue;
      }
      if (!known->header) continue;
      if (&part == &files.parts.front()) TakeShape(candidate, known->header->parameters);
      if (known->has_tensors) part.header = std::make_shared<const gguf::Header>(*std::move(known->header));
    }
    if (files.are_read()) TakeWeights(candidate);
  }

  // What the cache's own file says is as good as what the hub's would, and costs nothing.
  template <typename Read>
  std::optional<KnownHeader> ReadCached(const Entry& entry, Read read) {
    std::optional<KnownHeader> known =
        read(CachedFile{context_.cache, context_.verified, question_.repo, question_.tree->commit, entry});
    if (known) context_.headers.Keep(entry.blob, *known);
    return known;
  }

  void TakeShape(size_t candidate, const gguf::HyperParameters& parameters) {
    absl::StatusOr<fit::ModelShape> shape = fit::ShapeOfGguf(parameters);
    if (!shape.ok()) return Refuse(candidate, MessageOf(shape.status()));
    token_count_ = std::max(token_count_, parameters.token_count);
    if (shape_ == nullptr) SetShape(*std::move(shape));
  }

  // Others may be what they say.
  void Refuse(size_t candidate, std::string_view why) {
    SetFlaw(candidate, Printable(why));
    candidates_[candidate].is_opaque = true;
  }

  void TakeConfig(std::string_view text) {
    absl::StatusOr<fit::ModelShape> shape = fit::ShapeOfConfig(text);
    if (shape.ok()) return SetShape(*std::move(shape));
    GiveUpOnShape();
  }

  void SetShape(fit::ModelShape shape) {
    shape_ = std::make_shared<const fit::ModelShape>(std::move(shape));
    for (fit::Candidate& candidate : candidates_) candidate.shape = shape_;
  }

  void GiveUpOnShape() {
    for (fit::Candidate& candidate : candidates_) candidate.is_opaque = true;
  }

  void TakeWeights(size_t candidate) {
    std::vector<gguf::Header> headers;
    for (const Part& part : files_[candidate].parts) headers.push_back(*part.header);
    candidates_[candidate].weights = std::make_shared<const fit::Weights>(fit::WeightsOf(headers));
  }

  void TakeInferred(size_t candidate) {
    std::vector<uint64_t> part_bytes;
    for (const Part& part : files_[candidate].parts) part_bytes.push_back(part.entry.size_bytes);
    const fit::VariantFiles variant{candidates_[candidate].label, part_bytes};
    const auto take = [&](const gguf::Header& seen, bool is_own) {
      std::optional<fit::Weights> weights = fit::Inferred(seen, is_own, variant);
      if (!weights) return false;
      candidates_[candidate].weights = std::make_shared<const fit::Weights>(*std::move(weights));
      candidates_[candidate].is_inferred = true;
      return true;
    };
    const auto first = [this](size_t i) -> const gguf::Header* {
      return files_[i].parts.empty() ? nullptr : files_[i].parts.front().header.get();
    };
    // Its own header says most; where that contradicts, no other is believed.
    bool is_known = false;
    if (first(candidate) != nullptr) {
      is_known = take(*first(candidate), /*is_own=*/true);
    } else {
      for (size_t i = 0; i < files_.size() && !is_known; ++i) {
        is_known = i != candidate && first(i) != nullptr && take(*first(i), /*is_own=*/false);
      }
    }
    if (!is_known) candidates_[candidate].is_opaque = true;
  }

  // --- core sequence ---

  void SkipGivenUp() {
    const SteadyTime now = context_.clock.steady();
    std::erase_if(given_up_, [now](const auto& item) { return now - item.second > kGivenUpFor; });
    for (Parts& files : files_) {
      for (const Part& part : files.parts) {
        if (part.header == nullptr && given_up_.contains(part.entry.blob)) files.is_too_dear = true;
      }
    }
    if (config_ && shape_ == nullptr && given_up_.contains(config_->blob)) GiveUpOnShape();
  }

  void GiveUp(size_t candidate, const Entry& entry) {
    files_[candidate].is_too_dear = true;
    if (given_up_.size() < kMostGivenUp) given_up_.emplace(entry.blob, context_.clock.steady());
  }

  // What may not be read may follow from what was; else it counts as the most that it can be.
  void InferWeights(size_t candidate) {
    OnDisk(
        [candidate](FitFlow& flow) {
          flow.TakeInferred(candidate);
          return true;
        },
        [](FitFlow& flow, bool) { flow.Ask(); });
  }

  void Ask() {
    OnDisk(
        [](FitFlow& self) {
          return fit::NextQuestion(self.candidates_, self.report_.machine, self.question_.wish.wish);
        },
        [](FitFlow& self, const fit::Question& question) {
          switch (question.about) {
            case fit::Question::About::kHyperParameters:
              return self.ReadShape(question.candidate);
            case fit::Question::About::kTensors:
              return self.ReadWeights(question.candidate);
            case fit::Question::About::kNothing:
              break;
          }
          self.Choose();
        });
  }

  void ReadShape(size_t candidate) {
    if (question_.offline) return Choose();
    if (!report_.variants[candidate].is_gguf) return ReadConfig();
    if (files_[candidate].is_too_dear) {
      candidates_[candidate].is_opaque = true;
      return Ask();
    }
    const Entry& entry = files_[candidate].parts.front().entry;
    reading_->ReadParameters(
        entry, [self = shared_from_this(), candidate, entry](Reading<gguf::HyperParameters> read) {
          if (read.end != ReadingEnd::kDone) return self->OnNotRead(candidate, entry, read.end, read.status);
          self->OnDisk(
              [candidate, entry, parameters = *std::move(read.value)](FitFlow& flow) mutable {
                flow.TakeShape(candidate, parameters);
                gguf::Header header;
                header.parameters = std::move(parameters);
                flow.context_.headers.Keep(entry.blob, {.header = std::move(header)});
                return true;
              },
              [](FitFlow& flow, bool) { flow.Ask(); });
        });
  }

  void ReadConfig() {
    if (!config_) {
      GiveUpOnShape();
      return Ask();
    }
    reading_->ReadText(*config_, [self = shared_from_this()](Reading<std::string> read) {
      if (read.end == ReadingEnd::kFailed) return self->Finish(read.status);
      if (read.end != ReadingEnd::kDone) {
        self->GiveUpOnShape();
        return self->Ask();
      }
      self->OnDisk(
          [text = *std::move(read.value)](FitFlow& flow) {
            flow.TakeConfig(text);
            flow.context_.headers.Keep(flow.config_->blob, {.config = text});
            return true;
          },
          [](FitFlow& flow, bool) { flow.Ask(); });
    });
  }

  // The next of its files that is not read yet.
  void ReadWeights(size_t candidate) {
    Parts& files = files_[candidate];
    std::vector<Entry> unread;
    for (const Part& part : files.parts) {
      if (part.header == nullptr) unread.push_back(part.entry);
    }
    if (unread.empty()) {
      return OnDisk(
          [candidate](FitFlow& flow) {
            flow.TakeWeights(candidate);
            return true;
          },
          [](FitFlow& flow, bool) { flow.Ask(); });
    }
    if (files.is_too_dear || question_.offline) return InferWeights(candidate);
    if (!reading_->MayOpen(unread)) {
      GiveUp(candidate, unread.front());
      // Of a model in many parts the first one, and no other, where nothing is known of its tensors.
      const bool knows_tensors = SiblingOf(candidate) != nullptr || files.parts.front().header != nullptr;
      if (knows_tensors || !reading_->MayOpen({unread.front()})) return InferWeights(candidate);
    }
    const size_t part =
        static_cast<size_t>(std::ranges::find(files.parts, nullptr, &Part::header) - files.parts.begin());
    reading_->ReadTensors(
        unread.front(), part == 0 ? SiblingOf(candidate) : nullptr, part == 0 ? token_count_ : 0,
        [self = shared_from_this(), candidate, part, entry = unread.front()](Reading<gguf::Header> read) {
          if (read.end != ReadingEnd::kDone) return self->OnNotRead(candidate, entry, read.end, read.status);
          self->OnHeader(candidate, part, *std::move(read.value));
        });
  }

  void OnHeader(size_t candidate, size_t part, gguf::Header header) {
    OnDisk(
        [candidate, part, header = std::move(header)](FitFlow& flow) mutable {
          Part& read = flow.files_[candidate].parts[part];
          flow.context_.headers.Keep(read.entry.blob, {.header = header, .has_tensors = true});
          read.header = std::make_shared<const gguf::Header>(std::move(header));
          return true;
        },
        [candidate](FitFlow& flow, bool) { flow.ReadWeights(candidate); });
  }

  // The first file of another variant, as much like it as can be.
  std::shared_ptr<const gguf::Header> SiblingOf(size_t candidate) const {
    std::shared_ptr<const gguf::Header> best;
    for (size_t i = 0; i < files_.size(); ++i) {
      const std::vector<Part>& parts = files_[i].parts;
      if (i == candidate || parts.empty() || parts.front().header == nullptr) continue;
      const bool is_alike = parts.size() == files_[candidate].parts.size();
      if (best == nullptr || is_alike) best = parts.front().header;
    }
    return best;
  }

  void OnNotRead(size_t candidate, const Entry& entry, ReadingEnd end, const absl::Status& status) {
    if (end == ReadingEnd::kFailed) return Finish(status);
    if (end == ReadingEnd::kTooDear) {
      GiveUp(candidate, entry);
      return InferWeights(candidate);
    }
    Refuse(candidate, kUnreadable);
    OnDisk(
        [entry, why = std::string(MessageOf(status))](FitFlow& flow) {
          flow.context_.headers.Keep(entry.blob, {.unreadable = why.empty() ? "it is damaged" : why});
          return true;
        },
        [](FitFlow& flow, bool) { flow.Ask(); });
  }

  void Choose() {
    OnDisk(
        [](FitFlow& self) {
          return fit::ChooseVariant(self.candidates_, self.report_.machine, self.question_.wish.wish);
        },
        [](FitFlow& self, fit::Choice choice) {
          self.report_.choice = std::move(choice);
          self.Suggest();
        });
  }

  // Where there is nothing smaller than what does not fit, others may have made it.
  void Suggest() {
    const bool has_gguf = std::ranges::any_of(report_.variants, &ModelVariant::is_gguf);
    if (report_.choice.chosen || has_gguf || question_.offline) return Finish(absl::OkStatus());
    Access access = access_;
    access.requests = suggesting_;
    hub::SearchQuery query;
    query.tags = {"base_model:quantized:" + question_.repo.id()};
    query.sort = "downloads";
    query.limit = kSearched;
    context_.hub.Search(query, access,
                        [self = shared_from_this()](absl::StatusOr<std::vector<hub::RepoSummary>> found) {
                          // What nobody can say is no reason to say nothing.
                          if (found.ok()) self->TakeSuggestions(*found);
                          self->Finish(absl::OkStatus());
                        });
  }

  void TakeSuggestions(const std::vector<hub::RepoSummary>& found) {
    for (const hub::RepoSummary& repo : found) {
      const bool is_gguf = repo.library == "gguf" ||
                           std::ranges::find(repo.tags, "gguf") != repo.tags.end() ||
                           absl::AsciiStrToLower(repo.repo.id()).find("gguf") != std::string::npos;
      if (!is_gguf || repo.repo == question_.repo) continue;
      if (report_.suggestions.size() < kMostSuggestions) report_.suggestions.push_back(repo.repo.id());
    }
  }

  void Finish(const absl::Status& status) {
    Callback<FitReport> done = std::exchange(done_, nullptr);
    if (!status.ok()) return done(status);
    report_.requests = reading_->requests() + *suggesting_;
    report_.read_bytes = reading_->read_bytes();
    const std::optional<size_t> chosen = report_.choice.chosen;
    LogInfo("variant chosen", Field("repo", question_.repo.id()),
            Field("label", chosen ? report_.variants[*chosen].label : std::string()),
            Field("of", report_.variants.size()), Field("requests", report_.requests),
            Field("bytes", report_.read_bytes));
    done(std::move(report_));
  }

  const FitterContext& context_;
  std::map<BlobId, SteadyTime>& given_up_;
  const FitQuestion question_;
  const Access access_;
  Callback<FitReport> done_;
  FitReport report_;
  std::shared_ptr<HeaderReading> reading_;
  std::optional<Entry> config_;
  std::vector<fit::Candidate> candidates_;  // of each variant
  std::vector<Parts> files_;                // of each variant
  std::shared_ptr<const fit::ModelShape> shape_;
  uint64_t token_count_ = 0;
  const std::shared_ptr<std::atomic<uint32_t>> suggesting_ = std::make_shared<std::atomic<uint32_t>>(0);
};

// The smallest of what would be taken if it fitted, as a person wants to hear it.
std::string FirstReason(const FitReport& report) {
  for (const size_t candidate : report.choice.ranking) {
    const std::string& reason = report.choice.judgements[candidate].reason;
    if (!reason.empty()) return fmt::format("{}: {}", report.variants[candidate].label, reason);
  }
  return "the machine has no memory for it";
}

}  // namespace

absl::Status NothingFits(const RepoId& repo, const FitReport& report) {
  const fit::Choice& choice = report.choice;
  const std::string message =
      choice.least_need_bytes == 0
          ? fmt::format("no variant of {} can be chosen ({})", repo.id(), FirstReason(report))
          : fmt::format("no variant of {} fits this machine: the smallest needs {}, and there are {} for it",
                        repo.id(), FormatBytes(choice.least_need_bytes), FormatBytes(choice.budget_bytes));
  const std::string hint =
      report.suggestions.empty()
          ? fmt::format(
                "`batuta hf fit {}` shows what each needs; a shorter --context or another "
                "--fit-target may let one in",
                repo.id())
          : fmt::format(
                "{} has smaller variants of the same model: `batuta hf pull model {} "
                "--auto-quantize`",
                report.suggestions.front(), report.suggestions.front());
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kNoVariantFits, message, hint,
                   {{"need_bytes", fmt::format("{}", choice.least_need_bytes)},
                    {"budget_bytes", fmt::format("{}", choice.budget_bytes)}});
}

Fitter::Fitter(FitterContext context)
    : shared_(std::unique_ptr<Shared>(new Shared{.context = std::move(context), .given_up = {}})) {}

Fitter::~Fitter() = default;

void Fitter::Fit(FitQuestion question, const Access& access, Callback<FitReport> done) {
  shared_->context.core.AssertCurrent();
  std::make_shared<FitFlow>(*shared_, std::move(question), access, std::move(done))->Run();
}

}  // namespace batuta::pull
