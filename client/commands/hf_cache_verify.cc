#include "client/commands/hf_cache_verify.h"

#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "client/commands/interrupter.h"
#include "client/commands/job_session.h"
#include "client/commands/usage_error.h"
#include "client/connection/exit_code.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kLineEvery{10};

google::protobuf::Timestamp ToTimestamp(WallTime time) {
  return google::protobuf::util::TimeUtil::MillisecondsToTimestamp(ToUnixMillis(time));
}

// A moment, or how long ago it was.
absl::StatusOr<google::protobuf::Timestamp> ParseSince(const std::string& text, WallTime now) {
  google::protobuf::Timestamp moment;
  if (google::protobuf::util::TimeUtil::FromString(text, &moment)) return moment;
  const absl::StatusOr<std::chrono::milliseconds> ago = ParseDuration(text);
  if (ago.ok()) return ToTimestamp(now - *ago);
  return UsageError(fmt::format("--since: {} is neither a moment nor a duration", Quoted(text)),
                    "give 7d, 12h or 2026-11-27T18:00:00Z");
}

}  // namespace

std::string_view HfCacheVerify::examples() const {
  return "batuta hf cache verify\n"
         "batuta hf cache verify model acme/otter-tiny --repair  fetch again what is damaged, and only that\n"
         "batuta hf cache verify --since 7d --limit-rate 50M  what was not verified for a week, gently\n";
}

void HfCacheVerify::DefineFlags(Flags& flags) {
  targets_.Define(flags, CacheTargets::Count::kOneOrNone);
  flags.Value(&since_, "--since", "T",
              "pass over what was verified after T: 7d, 12h, or a moment as in 2026-11-27T18:00:00Z");
  flags.Rate(&limit_rate_, "--limit-rate", "R",
             "bytes per second to read at most, e.g. 50M; 0 = as configured (cache.verify_rate)");
  flags.Switch(&repair_, "--repair", "fetch again what is damaged or missing, and only that");
}

absl::StatusOr<v1::VerifyRequest> HfCacheVerify::MakeRequest(const Context& context) const {
  v1::VerifyRequest request;
  if (!since_.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_since(), ParseSince(since_, context.clock.wall()));
  }
  request.set_limit_bytes_per_second(limit_rate_);
  request.set_repair(repair_);
  return request;
}

absl::Status HfCacheVerify::Run(Context& context) {
  RETURN_IF_ERROR(targets_.Parse());
  ASSIGN_OR_RETURN(v1::VerifyRequest request, MakeRequest(context));
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());  // before the connection starts threads
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const std::vector<CacheTarget> targets, targets_.Find(*connection.client));
  if (!targets.empty()) {
    *request.add_repos() = targets.front().repo;
    request.set_revision(targets.front().revision);
  }
  VerifyReport report;
  report.has_repairs = repair_;
  absl::Status status = Verify(context, signals, *connection.client, request, report);
  if (status.ok()) {
    status = FollowRepairs(context, signals, *connection.client, report.progress.job_ids(), report);
  }
  report.is_whole = status.ok();
  if (report.is_whole || report.progress.total_files() > 0) PrintVerification(context.output, report);
  RETURN_IF_ERROR(status);
  return VerifyOutcome(report.damaged(), report.unreadable());
}

absl::Status HfCacheVerify::Verify(Context& context, SignalWatch& signals, DaemonClient& client,
                                   const v1::VerifyRequest& request, VerifyReport& report) const {
  Output& output = context.output;
  const WallTime started = context.clock.wall();
  SteadyTime told = context.clock.steady();
  std::optional<LiveRegion> region;
  if (output.options().bars && output.options().progress && output.human()) region.emplace(output);
  CallStop stop;
  const Interrupter interrupter(signals, stop);
  const auto take = [&](const v1::VerifyResponse& message) {
    if (region && message.findings_size() > 0) region->Clear();
    for (const v1::VerifyFinding& finding : message.findings()) {
      report.findings.push_back(finding);
      if (output.human()) output.DataLine(FindingLine(finding));
      if (output.options().events) PrintFindingEvent(output, finding);
    }
    if (message.findings_size() > 0) output.Flush();
    report.progress = message;
    report.progress.clear_findings();
    if (region) {
      region->Draw({ProgressLine(message)});
    } else if (output.options().progress && context.clock.steady() - told >= kLineEvery) {
      told = context.clock.steady();
      output.Talk(ProgressLine(message));
    }
    return !output.reader_left();
  };
  absl::Status status = client.Verify(request, stop, take);
  region.reset();
  if (!interrupter.was_interrupted()) return status;
  return MakeError(absl::StatusCode::kCancelled, reason::kCancelled,
                   "interrupted; what was found right so far is remembered", HowToGoOn(started));
}

std::string HfCacheVerify::HowToGoOn(WallTime started) const {
  return fmt::format("batuta hf cache verify … --since {}  goes on from here",
                     since_.empty() ? FormatRfc3339(started) : since_);
}

// One after the other; they run side by side.
absl::Status HfCacheVerify::FollowRepairs(Context& context, SignalWatch& signals, DaemonClient& client,
                                          const google::protobuf::RepeatedPtrField<std::string>& job_ids,
                                          VerifyReport& report) const {
  for (const std::string& id : job_ids) {
    ASSIGN_OR_RETURN(v1::Job job, client.GetJob(id));
    ASSIGN_OR_RETURN(Connection connection, context.connector.Open({}));
    JobSession session(context, signals, nullptr, {.may_ask = false, .with_files = true});
    absl::StatusOr<v1::Job> done = session.Follow(std::move(connection), job);
    if (absl::IsCancelled(done.status())) return done.status();
    if (done.ok()) {
      report.repairs.push_back({*std::move(done)});
      continue;
    }
    const absl::StatusOr<v1::Job> ended = client.GetJob(id);
    report.repairs.push_back({ended.ok() ? *ended : job, std::string(MessageOf(done.status()))});
    context.output.Warn(fmt::format("repair {}: {}", id, Printable(MessageOf(done.status()))));
  }
  return absl::OkStatus();
}

}  // namespace batuta::client
