#include "client/commands/hf_fit.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "client/output/fit_view.h"
#include "common/config/locations.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

// All that the machine has free, wherever it lies.
uint64_t BudgetOf(const v1::Machine& machine) {
  uint64_t bytes = machine.memory().available_bytes();
  for (const v1::Machine::Device& device : machine.devices()) {
    if (!device.shares_memory()) bytes += device.free_bytes();
  }
  return bytes;
}

absl::Status NothingFits(const v1::RepoId& repo, const v1::Fit& fit) {
  const auto least = std::min_element(fit.candidates().begin(), fit.candidates().end(),
                                      [](const v1::FitCandidate& one, const v1::FitCandidate& other) {
                                        return one.total_bytes() < other.total_bytes();
                                      });
  std::string message = fmt::format("no variant of {} fits this machine", Printable(repo.id()));
  Facts facts;
  if (least != fit.candidates().end()) {
    message += fmt::format("; the smallest, {}, needs {}, and {} are free", Printable(least->label()),
                           FormatBytes(least->total_bytes()), FormatBytes(BudgetOf(fit.machine())));
    facts.emplace("need_bytes", std::to_string(least->total_bytes()));
    facts.emplace("budget_bytes", std::to_string(BudgetOf(fit.machine())));
  }
  return MakeError(absl::StatusCode::kResourceExhausted, reason::kNoVariantFits, message,
                   "try a shorter --context, --cache-type q8_0, --fit-target hybrid or a smaller model",
                   std::move(facts));
}

}  // namespace

std::string_view HfFit::examples() const {
  return "batuta hf fit acme/otter-gguf\n"
         "batuta hf fit acme/otter-gguf --context 32768 --cache-type q8_0  for long texts\n"
         "batuta hf fit acme/otter-gguf --memory 64GiB --vram 24GiB,24GiB  on another machine\n"
         "batuta hf pull model acme/otter-gguf --auto-quantize  pulls what this chooses\n";
}

void HfFit::DefineFlags(Flags& flags) {
  flags.Required(&repo_.id, "REPO", "the id of a model: [NAMESPACE/]NAME");
  repo_.DefineRevision(flags);
  fit_.Define(flags);
  flags.Switch(&allow_unknown_, "--allow-unknown",
               "also variants of which it is not known that the usual programs can load them");
  flags.Switch(&offline_, "--offline", "make no request: answer from what is cached and remembered");
  patience_.Define(flags);
}

absl::Status HfFit::Run(Context& context) {
  v1::FitRequest request;
  ASSIGN_OR_RETURN(*request.mutable_repo(), repo_.Parse());
  request.set_revision(repo_.revision);
  ASSIGN_OR_RETURN(*request.mutable_spec(), fit_.MakeSpec(context.environment));
  request.mutable_spec()->set_allow_unknown(allow_unknown_);
  request.set_offline(offline_ || IsOffline(context.environment));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const v1::FitResponse response,
                   patience_.Await(context, [&] { return connection.client->Fit(request); }));
  const std::string revision = repo_.revision_or_main();
  PrintFit(context.output,
           {.repo = request.repo(), .revision = revision, .cache_type = request.spec().cache_type()},
           response.fit());
  if (response.fit().chosen().empty()) return NothingFits(request.repo(), response.fit());
  return absl::OkStatus();
}

}  // namespace batuta::client
