#include "client/commands/hf_push.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/commands/interrupter.h"
#include "client/commands/job_session.h"
#include "client/commands/job_start.h"
#include "client/commands/offline.h"
#include "client/commands/patience.h"
#include "client/output/json_writer.h"
#include "client/output/live_region.h"
#include "client/output/progress_model.h"
#include "client/output/push_plan_view.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/table.h"
#include "common/types/repo_id.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kLineEvery{10};
constexpr std::chrono::milliseconds kQuietBegin{200};  // what is over by then shows no bar
constexpr int kMostPlans = 3;                          // that --yes agrees to
constexpr size_t kFilesShown = 20;
constexpr size_t kDiffShown = 24;
constexpr size_t kBarWidth = 24;

// What stands in the way, the gravest first.
constexpr std::string_view kGravity[] = {reason::kSecretsFound, reason::kUnsafeContent,
                                         reason::kInvalidContent, reason::kNotPushable};

// A path as the daemon is to open it: absolute, without links in the folders that lead to it.
absl::StatusOr<std::string> PathToPush(const std::string& given) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(given, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound,
                     fmt::format("there is no file or folder {}", Quoted(given)),
                     "batuta hf push TYPE PATH --repo [NAMESPACE/]NAME");
  }
  if (error) return ErrnoError(error.value(), fmt::format("looking at {}", Quoted(given)));
  std::filesystem::path path = std::filesystem::absolute(given, error);
  const bool is_folder = std::filesystem::is_directory(status);
  // The name of a single file is its name in the repo, also when it is a link to some blob.
  const std::filesystem::path folder =
      std::filesystem::canonical(is_folder ? path : path.parent_path(), error);
  if (error) return ErrnoError(error.value(), fmt::format("looking at {}", Quoted(given)));
  return is_folder ? folder.native() : (folder / path.filename()).native();
}

// "path:kind:line", or "path:*".
bool IsFingerprint(const std::string& text) {
  const size_t colon = text.rfind(':');
  return colon != std::string::npos && colon > 0 && colon + 1 < text.size();
}

std::string CommitUrl(std::string endpoint, const v1::RepoId& repo, const std::string& commit) {
  if (endpoint.empty() || commit.empty()) return {};
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool is_model = repo.type() == v1::REPO_TYPE_MODEL;
  return fmt::format("{}/{}{}/commit/{}", endpoint,
                     is_model ? "" : fmt::format("{}s/", TypeWord(repo.type())), repo.id(), commit);
}

std::string ProgressText(const v1::PlanProgress& progress) {
  std::string text = Printable(progress.phase());
  if (progress.total_bytes() > 0) {
    text += fmt::format("  {} / {}", FormatBytes(progress.done_bytes()), FormatBytes(progress.total_bytes()));
  }
  if (progress.files_total() > 0) {
    text += fmt::format("  {}/{} files", progress.files_done(), progress.files_total());
  } else if (progress.files_done() > 0) {
    text += fmt::format("  {} files", progress.files_done());
  }
  return text;
}

// How a plan comes along: a bar, a line every ten seconds, or events.
class PlanDisplay {
 public:
  explicit PlanDisplay(Context& context)
      : context_(context), region_(context.output), began_(context.clock.steady()), told_(began_) {}

  void Show(const v1::PlanProgress& progress) {
    Output& output = context_.output;
    const OutputOptions& options = output.options();
    const SteadyTime now = context_.clock.steady();
    if (options.events) return output.Data(Event(progress));
    if (!options.progress || !output.human()) return;
    if (options.bars) {
      if (now - began_ >= kQuietBegin) region_.Draw({Bar(progress)});
    } else if (now - told_ >= kLineEvery) {
      told_ = now;
      output.Talk(ProgressText(progress));
    }
  }

  void Clear() { region_.Clear(); }

 private:
  static std::string Event(const v1::PlanProgress& progress) {
    JsonWriter json(JsonWriter::Style::kOneLine);
    json.BeginObject().Field("event", "plan").Field("phase", progress.phase());
    json.Field("done_bytes", progress.done_bytes()).Field("total_bytes", progress.total_bytes());
    json.Field("files_done", progress.files_done()).Field("files_total", progress.files_total()).EndObject();
    return json.Take();
  }

  std::string Bar(const v1::PlanProgress& progress) const {
    const Output& output = context_.output;
    std::string text = ProgressText(progress);
    if (progress.total_bytes() > 0) {
      const double fraction =
          static_cast<double>(progress.done_bytes()) / static_cast<double>(progress.total_bytes());
      text += "  " + RenderBar(fraction, kBarWidth, output.options().unicode);
    }
    return FitToWidth(text, std::max<size_t>(output.size().columns, 2) - 1);
  }

  Context& context_;
  LiveRegion region_;
  const SteadyTime began_;
  SteadyTime told_;
};

// OK when nothing stands in the way of the plan.
absl::Status RefusalOf(const v1::PushPlan& plan) {
  if (plan.findings_size() > 0) {
    const v1::SecretFinding& first = plan.findings(0);
    const int more = plan.findings_size() - 1;
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kSecretsFound,
        fmt::format("what looks like a secret would leave: {}:{} ({}){}; nothing was sent", first.path(),
                    first.line(), first.kind(), more == 0 ? "" : fmt::format(" and {} more", more)),
        fmt::format("revoke it and take it out; if it is none: --allow-secret {}",
                    ShellWord(first.fingerprint())));
  }
  if (plan.refusals().empty()) return absl::OkStatus();
  const auto gravity = [](const v1::PushRefusal& refusal) {
    return std::ranges::find(kGravity, std::string_view(refusal.reason())) - std::begin(kGravity);
  };
  const v1::PushRefusal& gravest = *std::ranges::min_element(plan.refusals(), {}, gravity);
  const int more = plan.refusals_size() - 1;
  std::string message =
      gravest.path().empty() ? gravest.text() : fmt::format("{}: {}", gravest.path(), gravest.text());
  if (more > 0) message += fmt::format(" (and {} more)", more);
  return MakeError(absl::StatusCode::kFailedPrecondition, gravest.reason(), message + "; nothing was sent",
                   more > 0 ? "--dry-run lists what stands in the way" : "");
}

// Somebody changed the repo, or the folder, since it was planned.
bool MustPlanAnew(const absl::Status& status) {
  const std::string why = ReasonOf(status);
  return why == reason::kPlanChanged || why == reason::kRevisionMoved;
}

}  // namespace

std::string_view HfPush::examples() const {
  return "batuta hf push model ./otter-tiny --repo acme/otter-tiny  shows what changes, and asks\n"
         "batuta hf push dataset notes --repo acme/river-notes --dry-run  what would be sent, and what "
         "stands in "
         "the way\n"
         "batuta hf push model . --repo acme/otter-tiny --create-pr --message 'Better weights'  as a pull "
         "request\n"
         "batuta hf push dataset notes --repo acme/river-notes --delete '2023/*' --yes  also deletes what "
         "the "
         "folder has not\n"
         "batuta hf push model out/model.safetensors --repo acme/otter-tiny --private --yes  one file\n"
         "batuta hf push dataset notes --repo acme/river-notes --yes --detach --limit-rate 5M  in the "
         "background\n";
}

void HfPush::DefineFlags(Flags& flags) {
  flags.Required(&repo_.type, "TYPE", "model, dataset or space", {"model", "dataset", "space"});
  flags.Required(&path_, "PATH", "the folder, or the file");
  flags.Value(&repo_.id, "--repo", "ID", "the repo to send it to: [NAMESPACE/]NAME; made when there is none");
  flags.Value(&repo_.revision, "--revision", "R",
              "branch, made when there is none, or refs/pr/N; default main");
  flags.Value(&message_, "--message", "M", "title of the commit; default: one that says what changes");
  flags.Value(&description_, "--description", "D", "text of the commit, below its title");
  flags.Switch(&create_pr_, "--create-pr", "propose the changes as a pull request");
  flags.Switch(&private_, "--private", "a repo that is made is private");
  flags.Value(&space_sdk_, "--space-sdk", "SDK", "of a space that is made; default: as its README.md says",
              {"gradio", "docker", "static"});
  flags.Values(&delete_, "--delete", "GLOB",
               "delete in the repo what matches and is not in the folder; may be repeated");
  flags.Values(&allow_secrets_, "--allow-secret", "FP",
               "let this finding be, by its fingerprint PATH:KIND:LINE; may be repeated");
  flags.Switch(&no_card_, "--no-card", "neither make a model card nor complete one");
  flags.Switch(&dry_run_, "--dry-run", "show what would be sent, and send nothing");
  flags.Switch(&yes_, "--yes", "ask nothing; agree to what is shown");
  flags.Switch(&no_wait_, "--no-wait", "fail where the push would wait for the hub or a rate limit");
  flags.Switch(&detach_, "--detach", "print the job's id and leave it running");
  flags.Value(&priority_, "--priority", "P",
              "among other jobs: interactive (what one waits for), normal (with --detach), background",
              {"interactive", "normal", "background"});
  flags.Rate(&limit_rate_, "--limit-rate", "R", "bytes per second at most, e.g. 500K or 10M; 0 = no limit");
}

absl::Status HfPush::CheckFlags() const {
  if (repo_.id.empty()) {
    std::error_code error;
    const absl::StatusOr<RepoType> type = ParseRepoType(repo_.type);
    const bool is_repo =
        type.ok() && RepoId::Parse(*type, path_).ok() && !std::filesystem::exists(path_, error);
    return UsageError(
        "--repo is missing: where should it go?",
        is_repo ? fmt::format("did you mean `batuta hf push {} . --repo {}`?", repo_.type, path_)
                : fmt::format("batuta hf push {} {} --repo [NAMESPACE/]NAME", repo_.type, ShellWord(path_)));
  }
  if (dry_run_ && detach_) return UsageError("--dry-run and --detach exclude each other", "");
  if (!space_sdk_.empty() && repo_.type != "space") return UsageError("--space-sdk goes with spaces", "");
  for (const std::string& fingerprint : allow_secrets_) {
    if (IsFingerprint(fingerprint)) continue;
    return UsageError(fmt::format("--allow-secret: {} is no fingerprint", Quoted(fingerprint)),
                      "give PATH:KIND:LINE, as the finding shows it");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::PushSpec> HfPush::MakeSpec() const {
  RETURN_IF_ERROR(CheckFlags());
  v1::PushSpec spec;
  ASSIGN_OR_RETURN(*spec.mutable_repo(), repo_.Parse());
  ASSIGN_OR_RETURN(*spec.mutable_path(), PathToPush(path_));
  spec.set_revision(repo_.revision);
  spec.set_message(message_);
  spec.set_description(description_);
  spec.set_create_pr(create_pr_);
  spec.set_is_private(private_);
  spec.mutable_delete_globs()->Assign(delete_.begin(), delete_.end());
  spec.mutable_allow_secrets()->Assign(allow_secrets_.begin(), allow_secrets_.end());
  spec.set_no_card(no_card_);
  spec.set_no_wait(no_wait_);
  spec.set_space_sdk(space_sdk_);
  spec.set_priority(PriorityOf(priority_, !detach_));
  spec.set_limit_bytes_per_second(limit_rate_);
  return spec;
}

bool HfPush::may_ask(const Context& context) const {
  return context.console.can_ask() && context.output.human() && !yes_;
}

absl::Status HfPush::Run(Context& context) {
  ASSIGN_OR_RETURN(const v1::PushSpec spec, MakeSpec());
  RETURN_IF_ERROR(RefuseWhenOffline(context.environment, "what a push would change"));
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());  // before a connection starts threads
  RETURN_IF_ERROR(Serve(context, spec.path()));
  std::optional<PushReport> shown;
  for (int plans = 1;; ++plans) {
    PushReport report(context.output.json());
    report.SetSpec(spec);
    RETURN_IF_ERROR(Plan(context, signals, report));
    absl::Status refusal = RefusalOf(report.plan());
    if (dry_run_ || !refusal.ok()) {
      ShowPlan(context, report);
      return refusal;
    }
    if (report.changes_nothing()) {
      report.Print(context.output);
      return absl::OkStatus();
    }
    if (shown) {
      context.output.Talk("What would be done is another by now:");
      for (const std::string& line : PlanChanges(*shown, report)) context.output.Talk("  " + line);
    } else {
      ShowPlan(context, report);
    }
    RETURN_IF_ERROR(Agree(context, signals));
    shown.emplace(report);
    absl::Status status = Push(context, signals, report);
    const bool goes_on = MustPlanAnew(status) && (may_ask(context) || plans < kMostPlans);
    if (!goes_on) return status;
    context.output.Talk(fmt::format("{}; planning anew", Printable(MessageOf(status))));
  }
}

absl::Status HfPush::Serve(Context& context, const std::string& path) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  if (!MustServe(context.environment, connection.status)) return absl::OkStatus();
  if (detach_) {
    return UsageError("the daemon reads the folder through this command, which cannot leave before the end",
                      "leave out --detach; the shell can put it into the background: batuta hf push … &");
  }
  ASSIGN_OR_RETURN(server_, FolderServer::Start(context.connector, path));
  return absl::OkStatus();
}

v1::PushSpec HfPush::SpecNow(const PushReport& report) const {
  v1::PushSpec spec = report.spec();
  if (server_ != nullptr) spec.set_folder_id(server_->folder_id());
  return spec;
}

absl::Status HfPush::Plan(Context& context, SignalWatch& signals, PushReport& report) const {
  const SteadyTime start = context.clock.steady();
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  v1::PlanPushRequest request;
  *request.mutable_spec() = SpecNow(report);
  PlanDisplay display(context);
  const auto take = [&](const v1::PlanPushResponse& part) {
    if (part.has_progress()) display.Show(part.progress());
    if (part.has_plan()) report.SetPlan(part.plan());
    for (const v1::PushFile& file : part.files()) report.AddFile(file);
    return true;
  };
  CallStop stop;
  const Interrupter interrupter(signals, stop);
  const absl::Status status = Patience(no_wait_).Await(
      context,
      [&] {
        absl::Status answer = connection.client->PlanPush(request, stop, take);
        display.Clear();
        return answer;
      },
      &stop);
  if (interrupter.was_interrupted()) {
    return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "interrupted; nothing was sent");
  }
  RETURN_IF_ERROR(status);
  report.SetElapsed(MillisSince(context.clock, start));
  if (report.changes_nothing() && RefusalOf(report.plan()).ok() && !dry_run_) {
    const std::string& head = report.plan().head();
    report.SetUnchanged(head, CommitUrl(connection.status.endpoint(), report.spec().repo(), head));
  }
  return absl::OkStatus();
}

// A plan that is all that comes is data; one that is asked about, or that comes before an error, is not.
void HfPush::ShowPlan(Context& context, const PushReport& report) const {
  Output& output = context.output;
  const bool is_refused = !RefusalOf(report.plan()).ok();
  if (output.json()) {
    if (dry_run_ || is_refused) output.Data(report.Json(output.options().events));
  } else if (output.quiet()) {
    for (const v1::PushFile& file : report.files()) {
      if (dry_run_) output.DataLine(fmt::format("{} {}", ChangeWord(file.change()), Printable(file.path())));
    }
  } else if (dry_run_) {
    output.Data(PlanText(report, {.files = 0, .diff_lines = 0, .width = output.table_width()}));
    output.Flush();
    if (is_refused) return;
    output.Talk(report.changes_nothing() ? report.NothingToDo() : "nothing was sent");
  } else {
    const size_t width = output.options().talk_is_terminal ? output.size().columns : 0;
    output.TalkRaw(PlanText(report, {.files = kFilesShown, .diff_lines = kDiffShown, .width = width}));
  }
}

absl::Status HfPush::Agree(Context& context, SignalWatch& signals) const {
  if (yes_) return absl::OkStatus();
  if (!may_ask(context)) {
    return UsageError("nobody is there to agree to what would be sent",
                      "--yes agrees to it, --dry-run shows it and sends nothing");
  }
  ASSIGN_OR_RETURN(const bool agrees, Agrees(context, signals, "Push it?", "interrupted; nothing was sent"));
  if (agrees) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, reason::kCancelled, "not agreed to; nothing was sent");
}

absl::Status HfPush::Push(Context& context, SignalWatch& signals, PushReport& report) const {
  return detach_ ? Detach(context, report) : Follow(context, signals, report);
}

absl::Status HfPush::Detach(Context& context, const PushReport& report) const {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  v1::StartPushRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_spec() = SpecNow(report);
  request.set_plan_digest(report.plan().digest());
  ASSIGN_OR_RETURN(const v1::Job job, connection.client->StartPush(request));
  TellDetached(context.output, job);
  return absl::OkStatus();
}

absl::Status HfPush::Follow(Context& context, SignalWatch& signals, PushReport& report) const {
  const SteadyTime start = context.clock.steady();
  ASSIGN_OR_RETURN(Connection connection, context.connector.Open({}));
  v1::StartPushRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_spec() = SpecNow(report);
  request.set_plan_digest(report.plan().digest());
  ASSIGN_OR_RETURN(const v1::Job job, connection.client->StartPush(request));
  JobSession session(
      context, signals, &report,
      {.may_ask = !yes_ && context.output.human(), .with_files = true, .is_served = server_ != nullptr});
  const absl::StatusOr<v1::Job> done = session.Follow(std::move(connection), job);
  if (!done.ok()) {
    TellLeft(context.output, done.status());
    return done.status();
  }
  report.SetJob(*done);
  report.SetElapsed(MillisSince(context.clock, start));
  report.Print(context.output);
  return absl::OkStatus();
}

}  // namespace batuta::client
