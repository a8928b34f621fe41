#include "client/commands/hf_pull.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/commands/job_session.h"
#include "client/commands/job_start.h"
#include "client/commands/lock_file.h"
#include "client/commands/materialise.h"
#include "client/commands/patience.h"
#include "client/output/hub_view.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::string_view kQuantizationFact = "quantization.";

// The variants that an error CHOICE_NEEDED tells of, as facts `quantization.LABEL` → bytes; smallest first.
struct Variant {
  std::string label;
  uint64_t size_bytes = 0;

  std::string text() const { return fmt::format("{:<10} {}", label, FormatBytes(size_bytes)); }
};

std::vector<Variant> VariantsOf(const absl::Status& status) {
  std::vector<Variant> variants;
  for (const auto& [name, value] : DetailsOf(status).facts) {
    if (!name.starts_with(kQuantizationFact)) continue;
    variants.push_back({name.substr(kQuantizationFact.size()), ParseBytes(value).value_or(0)});
  }
  std::ranges::sort(variants, {}, &Variant::size_bytes);
  return variants;
}

}  // namespace

std::string_view HfPull::examples() const {
  return "batuta hf pull model acme/otter-tiny\n"
         "batuta hf pull model acme/otter-gguf --quantization Q4_K_M  one GGUF variant\n"
         "batuta hf pull model acme/otter-gguf --auto-quantize  the best variant that fits this machine\n"
         "batuta hf pull model acme/otter-tiny config.json tokenizer.json  these files only\n"
         "batuta hf pull dataset acme/river-notes --include '2024/*' -o notes  part of it, copied to a "
         "folder\n"
         "batuta hf pull model acme/otter-tiny --dry-run  what would be downloaded, and why not the rest\n"
         "batuta hf pull model acme/otter-tiny --detach --priority background --limit-rate 5M  behind the "
         "rest\n"
         "batuta hf pull model acme/otter-tiny --lock models.lock  remember commit and content; get exactly "
         "that "
         "with --locked models.lock\n"
         "cd \"$(batuta hf pull model acme/otter-tiny --format quiet)\"\n";
}

void HfPull::DefineFlags(Flags& flags) {
  flags.Required(&repo_.type, "TYPE", "model, dataset or space", {"model", "dataset", "space"});
  flags.Required(&repo_.id, "REPO", "the repo's id: [NAMESPACE/]NAME");
  flags.Rest(&files_, "FILE", "exactly these files of the repo");
  repo_.DefineRevision(flags);
  flags.Values(&include_, "--include", "GLOB", "only files that match; may be repeated");
  flags.Values(&exclude_, "--exclude", "GLOB", "no files that match; may be repeated");
  flags.Value(&quantization_, "--quantization", "Q", "one variant of a GGUF repo, e.g. Q4_K_M");
  flags.Switch(&auto_quantize_, "--auto-quantize",
               "the variant of the highest precision that fits this machine");
  flags.Value(&device_, "--device", "D", "as --fit-target", {"auto", "cpu", "gpu"});
  fit_.Define(flags);
  safety_.Define(flags);
  flags.Path(&output_, "-o,--output", "DIR", "also put the files into this folder");
  flags.Switch(&hard_link_, "--hard-link", "with --output: link the cached files instead of copying them");
  flags.Path(&lock_, "--lock", "FILE", "write commit and content of what was taken into this lock file");
  flags.Path(&locked_, "--locked", "FILE", "take exactly what this lock file says, or fail");
  flags.Switch(&dry_run_, "--dry-run", "show what would be downloaded");
  flags.Switch(&yes_, "--yes",
               "ask nothing; agree to a name that is new here or may be mistaken for another");
  flags.Switch(&accept_replaced_, "--accept-replaced",
               "take the repo though another one had its name when it was pulled before");
  memory_.Define(flags);
  flags.Switch(&no_wait_, "--no-wait", "fail where the pull would wait for the hub or a rate limit");
  flags.Switch(&detach_, "--detach", "print the job's id and leave it running");
  flags.Value(&priority_, "--priority", "P",
              "among other jobs: interactive (what one waits for), normal (with --detach), background",
              {"interactive", "normal", "background"});
  flags.Rate(&limit_rate_, "--limit-rate", "R", "bytes per second at most, e.g. 500K or 10M; 0 = no limit");
}

std::vector<std::string> HfPull::own_formats() const {
  return {"safetensors", "gguf", "onnx", "pytorch", "all"};
}

absl::Status HfPull::CheckFlags() const {
  if (dry_run_ && detach_) return UsageError("--dry-run and --detach exclude each other", "");
  if (detach_ && !output_.empty()) {
    return UsageError("--detach and --output exclude each other: the files are put there at the end",
                      "pull without --output first, then again with it");
  }
  RETURN_IF_ERROR(CheckLockFlags());
  RETURN_IF_ERROR(CheckFitFlags());
  if (hard_link_ && output_.empty()) return UsageError("--hard-link goes with --output", "");
  if (!quantization_.empty() && !weight_format_.empty() && weight_format_ != "gguf") {
    return UsageError("--quantization chooses a GGUF variant and --format other weights",
                      "leave one of them out");
  }
  return absl::OkStatus();
}

absl::Status HfPull::CheckLockFlags() const {
  if (!lock_.empty() && !locked_.empty()) {
    return UsageError("--lock writes a lock file and --locked obeys one: they exclude each other", "");
  }
  if (!lock_.empty() && detach_) {
    return UsageError("--detach and --lock exclude each other: the lock is written at the end",
                      "pull without --lock first, then again with it");
  }
  const bool names_more = !files_.empty() || !include_.empty() || !exclude_.empty() ||
                          !quantization_.empty() || !weight_format_.empty() || !repo_.revision.empty();
  if (!locked_.empty() && names_more) {
    return UsageError("--locked says which revision and files are taken, and more was named",
                      "leave out files, globs, format, quantization and revision, or --locked");
  }
  return absl::OkStatus();
}

absl::Status HfPull::CheckFitFlags() const {
  if (!auto_quantize_) {
    const std::string_view given = device_.empty() ? fit_.given() : "--device";
    if (given.empty()) return absl::OkStatus();
    return UsageError(fmt::format("{} goes with --auto-quantize", given),
                      "add --auto-quantize, or leave it out");
  }
  if (repo_.type != "model") return UsageError("--auto-quantize goes with models", "");
  const std::string_view other = !quantization_.empty()    ? "--quantization"
                                 : !weight_format_.empty() ? "--format"
                                 : !files_.empty()         ? "FILE"
                                 : !locked_.empty()        ? "--locked"
                                                           : "";
  if (!other.empty()) {
    return UsageError(fmt::format("--auto-quantize chooses a variant, and {} names one", other),
                      "leave one of them out");
  }
  if (!device_.empty() && fit_.has_target()) {
    return UsageError("--device and --fit-target say the same", "leave one of them out");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::FitSpec> HfPull::MakeFit(const Context& context) const {
  ASSIGN_OR_RETURN(v1::FitSpec spec, fit_.MakeSpec(context.environment));
  if (device_ == "cpu") spec.set_target(v1::FIT_TARGET_CPU);
  if (device_ == "gpu") spec.set_target(v1::FIT_TARGET_GPU);
  return spec;
}

absl::StatusOr<v1::PullSpec> HfPull::MakeSpec(const Context& context) const {
  RETURN_IF_ERROR(CheckFlags());
  v1::PullSpec spec;
  ASSIGN_OR_RETURN(*spec.mutable_repo(), repo_.Parse());
  spec.set_revision(repo_.revision);
  spec.mutable_paths()->Assign(files_.begin(), files_.end());
  spec.mutable_include()->Assign(include_.begin(), include_.end());
  spec.mutable_exclude()->Assign(exclude_.begin(), exclude_.end());
  RETURN_IF_ERROR(safety_.Put(&spec));
  spec.set_format(weight_format_);
  spec.set_quantization(quantization_);
  if (auto_quantize_) {
    ASSIGN_OR_RETURN(*spec.mutable_auto_quantize(), MakeFit(context));
  }
  RETURN_IF_ERROR(memory_.Put(context.environment, &spec));
  spec.set_name_review(yes_               ? v1::NAME_REVIEW_ACCEPTED
                       : may_ask(context) ? v1::NAME_REVIEW_ASK
                                          : v1::NAME_REVIEW_UNSPECIFIED);
  spec.set_accept_replaced(accept_replaced_);
  spec.set_no_wait(no_wait_);
  spec.set_priority(PriorityOf(priority_, !detach_));
  spec.set_limit_bytes_per_second(limit_rate_);
  if (!locked_.empty()) RETURN_IF_ERROR(ReadLock(spec));
  return spec;
}

absl::Status HfPull::ReadLock(v1::PullSpec& spec) const {
  ASSIGN_OR_RETURN(const LockFile lock, LockFile::Read(locked_));
  const LockedRepo* const locked = lock.Find(spec.repo());
  if (locked == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound,
                     fmt::format("{} does not lock {} {}", Quoted(locked_), repo_.type, Quoted(repo_.id)),
                     fmt::format("add it with --lock {}", Quoted(locked_)));
  }
  spec.set_revision(locked->commit);
  spec.mutable_locked()->Assign(locked->files.begin(), locked->files.end());
  return absl::OkStatus();
}

absl::Status HfPull::WriteLock(Context& context, const v1::PullSpec& spec, const PullReport& report) const {
  LockedRepo locked{
      .repo = spec.repo(), .revision = repo_.revision_or_main(), .commit = report.commit(), .files = {}};
  for (const v1::PullFile& file : report.files()) {
    if (file.status() == v1::PullFile::STATUS_SKIPPED) continue;
    v1::Entry& entry = locked.files.emplace_back();
    entry.set_path(file.path());
    entry.set_size_bytes(file.size_bytes());
    entry.set_blob(file.blob());
  }
  const size_t count = locked.files.size();
  RETURN_IF_ERROR(LockFile::Update(lock_, std::move(locked)));
  context.output.Talk(fmt::format("{}: {} file{} locked at {}", Printable(lock_), count,
                                  count == 1 ? "" : "s", Printable(report.commit())));
  return absl::OkStatus();
}

bool HfPull::keeps_files(const Context& context) const {
  return context.output.json() || !output_.empty() || !lock_.empty();
}

absl::Status HfPull::Run(Context& context) {
  ASSIGN_OR_RETURN(const v1::PullSpec spec, MakeSpec(context));
  // What is no lock file is found out before anything is fetched.
  if (!lock_.empty()) {
    absl::Status readable = LockFile::Read(lock_).status();
    if (!readable.ok() && !absl::IsNotFound(readable)) return readable;
  }
  if (dry_run_) return Plan(context, spec);
  if (detach_) return Detach(context, spec);
  return FollowWithQuestions(context, spec);
}

absl::Status HfPull::Plan(Context& context, const v1::PullSpec& spec) const {
  const SteadyTime start = context.clock.steady();
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  PullReport report(PullReport::Kind::kPlan, !context.output.quiet() || !lock_.empty());
  report.SetSubject(spec.repo(), spec.revision());
  v1::PlanPullRequest request;
  *request.mutable_spec() = spec;
  std::optional<google::protobuf::Timestamp> as_of;
  const auto take = [&](const v1::PlanPullResponse& part) {
    if (!part.commit().empty()) report.SetCommit(part.commit());
    if (!part.snapshot_path().empty()) report.SetPath(part.snapshot_path());
    if (part.has_as_of()) as_of = part.as_of();
    if (part.has_review()) report.SetReview(part.review());
    if (part.has_fit()) report.SetFit(part.fit(), spec.auto_quantize().cache_type());
    for (const v1::PullFile& file : part.files()) report.AddFile(file);
    return true;
  };
  // A plan that is refused is refused before its first part.
  RETURN_IF_ERROR(
      Patience(no_wait_).Await(context, [&] { return connection.client->PlanPull(request, take); }));
  report.SetTotals(0, MillisSince(context.clock, start));
  if (!lock_.empty()) RETURN_IF_ERROR(WriteLock(context, spec, report));
  if (as_of) {
    report.SetAsOf(*as_of);
    TellAge(context.output, *as_of, context.clock.wall());
  }
  report.Print(context.output);
  return absl::OkStatus();
}

absl::Status HfPull::Detach(Context& context, const v1::PullSpec& spec) const {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  v1::StartPullRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_spec() = spec;
  ASSIGN_OR_RETURN(const v1::Job job, connection.client->StartPull(request));
  TellDetached(context.output, job);
  return absl::OkStatus();
}

bool HfPull::may_ask(const Context& context) const {
  return context.console.can_ask() && context.output.human() && !yes_ && !detach_;
}

// The last answer leaves the choice to the daemon. Returns `question` where there is nothing to choose from.
absl::Status HfPull::AskForVariant(Context& context, const absl::Status& question, v1::PullSpec& spec) const {
  const std::vector<Variant> variants = VariantsOf(question);
  if (variants.empty()) return question;
  std::vector<std::string> answers;
  for (const Variant& variant : variants) answers.push_back(variant.text());
  if (spec.repo().type() == v1::REPO_TYPE_MODEL) {
    answers.emplace_back("the best one that fits this machine (--auto-quantize)");
  }
  ASSIGN_OR_RETURN(const size_t choice,
                   AskChoice(context.output, context.console,
                             fmt::format("{} has several variants:", Printable(spec.repo().id())), answers));
  if (choice < variants.size()) {
    spec.set_quantization(variants[choice].label);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(*spec.mutable_auto_quantize(), MakeFit(context));
  return absl::OkStatus();
}

absl::Status HfPull::FollowWithQuestions(Context& context, v1::PullSpec spec) const {
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());
  while (true) {
    absl::Status status = Follow(context, signals, spec);
    if (!may_ask(context)) return status;
    const std::string why = ReasonOf(status);
    if (why == reason::kChoiceNeeded && spec.quantization().empty() && !spec.has_auto_quantize()) {
      RETURN_IF_ERROR(AskForVariant(context, status, spec));
    } else if (why == reason::kNamespaceNew || why == reason::kNameConfusable) {
      if (spec.name_review() == v1::NAME_REVIEW_ACCEPTED) return status;
      ASSIGN_OR_RETURN(const bool agrees,
                       Agrees(context, signals, "Pull it?", "interrupted; nothing was fetched"));
      if (!agrees) return status;
      spec.set_name_review(v1::NAME_REVIEW_ACCEPTED);
    } else {
      return status;
    }
  }
}

absl::Status HfPull::Follow(Context& context, SignalWatch& signals, const v1::PullSpec& spec) const {
  const SteadyTime start = context.clock.steady();
  ASSIGN_OR_RETURN(Connection connection, context.connector.Open({}));
  v1::StartPullRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_spec() = spec;
  ASSIGN_OR_RETURN(const v1::Job job, connection.client->StartPull(request));

  PullReport report(PullReport::Kind::kPull, keeps_files(context));
  JobSession session(context, signals, &report,
                     {.may_ask = !yes_ && context.output.human(), .with_files = true});
  const absl::StatusOr<v1::Job> done = session.Follow(std::move(connection), job);
  if (!done.ok()) {
    TellLeft(context.output, done.status());
    return done.status();
  }
  CompleteReport(*done, 0, report);
  if (!output_.empty()) RETURN_IF_ERROR(WriteOutput(context, report));
  if (!lock_.empty()) RETURN_IF_ERROR(WriteLock(context, spec, report));
  report.SetTotals(done->downloaded_bytes(), MillisSince(context.clock, start));
  report.Print(context.output);
  return absl::OkStatus();
}

absl::Status HfPull::WriteOutput(Context& context, PullReport& report) const {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(output_, error);
  if (error) return ErrnoError(error.value(), fmt::format("output {}", Quoted(output_)));
  std::vector<MaterialiseFile> files;
  for (const v1::PullFile& file : report.files()) {
    const bool is_there =
        file.status() == v1::PullFile::STATUS_DOWNLOADED || file.status() == v1::PullFile::STATUS_CACHED;
    if (is_there) files.push_back({file.path(), file.size_bytes()});
  }
  ASSIGN_OR_RETURN(
      const Materialised result,
      Materialise(report.path(), files, folder, hard_link_ ? LinkPolicy::kHardLink : LinkPolicy::kCopy));
  report.SetOutputFolder(folder.native());
  context.output.Talk(fmt::format("{}: {} written, {} were there already", Printable(folder.native()),
                                  result.files_written, result.files_unchanged));
  return absl::OkStatus();
}

}  // namespace batuta::client
