#include "client/commands/hf_cache_rm.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

void DefineRemoval(Flags& flags, bool* dry_run, bool* yes) {
  flags.Switch(dry_run, "--dry-run", "show what would go and why, and remove nothing");
  flags.Switch(yes, "-y,--yes", "changes nothing, as nothing is asked; for scripts written for `hf`");
}

bool IsOf(const v1::EvictionLine& line, const std::string& revision) {
  return line.commit() == revision ||
         std::find(line.refs().begin(), line.refs().end(), revision) != line.refs().end();
}

}  // namespace

std::string_view HfCacheRm::examples() const {
  return "batuta hf cache rm model acme/otter-tiny\n"
         "batuta hf cache rm model/acme/otter-tiny dataset/acme/notes --dry-run\n"
         "batuta hf cache rm model acme/otter-tiny --revision v1.0\n"
         "batuta hf cache rm model acme/otter-gguf --label Q8_0  that variant only\n";
}

void HfCacheRm::DefineFlags(Flags& flags) {
  targets_.Define(flags, CacheTargets::Count::kOneOrMore);
  flags.Value(&label_, "--label", "L", "only the selection of this name (batuta hf cache ls --selections)");
  flags.Switch(&force_, "--force", "also what cached models need as their base");
  DefineRemoval(flags, &dry_run_, &yes_);
}

absl::Status HfCacheRm::Run(Context& context) {
  RETURN_IF_ERROR(targets_.Parse());
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(std::vector<CacheTarget> targets, targets_.Find(*connection.client));
  Removal removal;
  removal.is_dry_run = dry_run_;
  absl::Status status = Remove(context, *connection.client, std::move(targets), removal);
  if (status.ok() || !removal.lines.empty()) PrintRemoval(context.output, removal, context.clock.wall());
  return status;
}

// All are tried; the first error is returned, the others are told. What another one needs may go once that
// has gone, so those that are in use are tried again as long as something went.
absl::Status HfCacheRm::Remove(Context& context, DaemonClient& client, std::vector<CacheTarget> targets,
                               Removal& removal) const {
  std::vector<absl::Status> errors;
  for (bool has_gone = true; has_gone && !targets.empty();) {
    has_gone = false;
    errors.clear();
    std::vector<CacheTarget> refused;
    for (const CacheTarget& target : targets) {
      v1::RemoveRequest request;
      *request.mutable_repo() = target.repo;
      request.set_revision(target.revision);
      request.set_label(label_);
      request.set_force(force_);
      request.set_dry_run(dry_run_);
      absl::StatusOr<v1::RemoveResponse> removed = client.Remove(request);
      if (removed.ok()) {
        has_gone = !dry_run_;
        removal.lines.MergeFrom(removed->lines());
        removal.freed_bytes += removed->freed_bytes();
      } else {
        errors.push_back(removed.status());
        refused.push_back(target);
      }
    }
    const bool may_go_now = std::any_of(errors.begin(), errors.end(), [](const absl::Status& error) {
      return ReasonOf(error) == reason::kInUse;
    });
    has_gone = has_gone && may_go_now;
    targets = std::move(refused);
  }
  for (size_t i = 1; i < errors.size(); ++i) {
    context.output.Talk(fmt::format("{}: {}", RepoText(targets[i].repo), Printable(MessageOf(errors[i]))));
  }
  return errors.empty() ? absl::OkStatus() : errors.front();
}

std::string_view HfCachePrune::examples() const {
  return "batuta hf cache prune --dry-run\n"
         "batuta hf cache prune --older-than 30d --keep-last 2\n"
         "batuta hf cache prune --free 50GB  then what was used longest ago, until so much is free\n";
}

void HfCachePrune::DefineFlags(Flags& flags) {
  flags.Time(&older_than_, "--older-than", "TIME", "only what was not used for so long: 12h, 30d, 6mo");
  flags.Number(&keep_last_, "--keep-last", "N", "of each repo the newest commits stay, so many", 0,
               UINT32_MAX);
  flags.Size(&free_bytes_, "--free", "SIZE", "instead free so much, what was used longest ago first");
  DefineRemoval(flags, &dry_run_, &yes_);
}

absl::Status HfCachePrune::Run(Context& context) {
  v1::PruneRequest request;
  if (older_than_) {
    const int64_t millis = older_than_->count();
    request.mutable_older_than()->set_seconds(millis / 1000);
    request.mutable_older_than()->set_nanos(static_cast<int32_t>(millis % 1000 * 1'000'000));
  }
  request.set_keep_last(keep_last_);
  request.set_free_bytes(free_bytes_);
  request.set_dry_run(dry_run_);
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(v1::PruneResponse pruned, connection.client->Prune(request));
  PrintRemoval(context.output,
               {.lines = std::move(*pruned.mutable_lines()),
                .freed_bytes = pruned.freed_bytes(),
                .loose_files = pruned.loose_files(),
                .is_dry_run = dry_run_},
               context.clock.wall());
  return absl::OkStatus();
}

std::string_view HfCacheWhy::examples() const {
  return "batuta hf cache why  everything, in the order in which it would go\n"
         "batuta hf cache why model acme/otter-tiny\n";
}

absl::Status HfCacheWhy::Run(Context& context) {
  RETURN_IF_ERROR(targets_.Parse());
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const std::vector<CacheTarget> found, targets_.Find(*connection.client));
  v1::ExplainEvictionRequest request;
  if (!found.empty()) *request.mutable_repo() = found.front().repo;
  ASSIGN_OR_RETURN(v1::ExplainEvictionResponse order, connection.client->ExplainEviction(request));
  if (!found.empty() && !found.front().revision.empty()) {
    v1::ExplainEvictionResponse part;
    for (const v1::EvictionLine& line : order.lines()) {
      if (IsOf(line, found.front().revision)) *part.add_lines() = line;
    }
    if (part.lines().empty()) {
      return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                       fmt::format("{}: nothing of {} is in the cache", RepoText(found.front().repo),
                                   Printable(found.front().revision)),
                       "batuta hf cache ls --selections");
    }
    *part.mutable_unsafe() = order.unsafe();
    *part.mutable_consents() = order.consents();
    for (const v1::SelectionChoice& choice : order.choices()) {
      const bool is_shown = std::ranges::any_of(
          part.lines(), [&](const v1::EvictionLine& line) { return line.commit() == choice.commit(); });
      if (is_shown) *part.add_choices() = choice;
    }
    order = std::move(part);
  }
  PrintEvictionOrder(context.output, order, context.clock.wall());
  return absl::OkStatus();
}

}  // namespace batuta::client
