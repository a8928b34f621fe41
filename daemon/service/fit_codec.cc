#include "daemon/service/fit_codec.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/service/codec.h"

namespace batuta::service {
namespace {

constexpr int kMostDevices = 128;
constexpr int kMostNotes = 64;
constexpr size_t kMostText = 400;
constexpr uint64_t kMostBytes = uint64_t{1} << 60;  // so that sums of such sizes are no nonsense

absl::Status Invalid(std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, what);
}

std::string TextOf(const std::string& text) {
  return Printable(std::string_view(text).substr(0, kMostText));
}

absl::Status CheckSize(uint64_t bytes) {
  return bytes <= kMostBytes ? absl::OkStatus()
                             : Invalid(fmt::format("no machine has {} bytes of memory", bytes));
}

absl::StatusOr<Machine> DecodeMachine(const v1::Machine& message) {
  if (message.devices_size() > kMostDevices) {
    return Invalid(fmt::format("a machine has at most {} devices", kMostDevices));
  }
  Machine machine;
  machine.memory = {.total_bytes = message.memory().total_bytes(),
                    .available_bytes = message.memory().available_bytes(),
                    .limited_by = TextOf(message.memory().limited_by())};
  RETURN_IF_ERROR(CheckSize(machine.memory.total_bytes));
  RETURN_IF_ERROR(CheckSize(machine.memory.available_bytes));
  for (const v1::Machine::Device& device : message.devices()) {
    RETURN_IF_ERROR(CheckSize(device.total_bytes()));
    RETURN_IF_ERROR(CheckSize(device.free_bytes()));
    machine.devices.push_back({.name = TextOf(device.name()),
                               .id = TextOf(device.id()),
                               .kind = TextOf(device.kind()),
                               .total_bytes = device.total_bytes(),
                               .free_bytes = device.free_bytes(),
                               .shares_memory = device.shares_memory()});
  }
  for (int i = 0; i < std::min(message.notes_size(), kMostNotes); ++i) {
    machine.notes.push_back(TextOf(message.notes(i)));
  }
  return machine;
}

absl::StatusOr<fit::Target> DecodeTarget(v1::FitTarget target) {
  switch (target) {
    case v1::FIT_TARGET_UNSPECIFIED:
      return fit::Target::kBest;
    case v1::FIT_TARGET_GPU:
      return fit::Target::kGpu;
    case v1::FIT_TARGET_HYBRID:
      return fit::Target::kHybrid;
    case v1::FIT_TARGET_CPU:
      return fit::Target::kCpu;
    default:
      return Invalid("target is none of those that this daemon knows");
  }
}

void Encode(const pull::ModelVariant& variant, const fit::Judgement& judgement, v1::FitCandidate* out) {
  out->set_label(Sendable(variant.label));
  for (const Entry& entry : variant.weights) out->add_files(entry.path.text());
  for (const Entry& entry : variant.side_cars) out->add_files(entry.path.text());
  out->set_file_bytes(variant.weights_bytes + variant.side_car_bytes);
  out->set_weights_bytes(judgement.weights_bytes);
  out->set_cache_bytes(judgement.cache_bytes);
  out->set_compute_bytes(judgement.compute_bytes);
  out->set_total_bytes(judgement.total_bytes);
  out->set_bits_per_weight(judgement.bits_per_weight);
  out->set_fits(judgement.fits);
  const fit::Placement& placement = judgement.placement;
  out->set_placement(std::string(fit::NameOf(placement.mode)));
  out->set_reason(Sendable(judgement.reason));
  out->set_memory_bytes(placement.memory_bytes);
  for (const uint64_t bytes : placement.device_bytes) out->add_device_bytes(bytes);
  out->set_short_bytes(placement.short_bytes);
  out->set_device_layers(placement.device_layers);
  out->set_layers(placement.layers);
  out->set_is_exact(judgement.is_exact);
}

}  // namespace

absl::StatusOr<pull::FitWish> DecodeFit(const v1::FitSpec& spec) {
  pull::FitWish wish;
  wish.wish.context = spec.context();
  const auto cache_type = fit::ParseCacheType(spec.cache_type());
  if (!cache_type) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     fmt::format("unknown type of the attention cache: {}", Quoted(spec.cache_type(), 40)),
                     "types are f16, q8_0 and q4_0");
  }
  wish.wish.cache_type = *cache_type;
  ASSIGN_OR_RETURN(wish.wish.target, DecodeTarget(spec.target()));
  wish.wish.allow_unknown = spec.allow_unknown();
  if (spec.has_machine()) {
    ASSIGN_OR_RETURN(wish.machine, DecodeMachine(spec.machine()));
  }
  return wish;
}

void Encode(const Machine& machine, v1::Machine* out) {
  v1::Machine::Memory* const memory = out->mutable_memory();
  memory->set_total_bytes(machine.memory.total_bytes);
  memory->set_available_bytes(machine.memory.available_bytes);
  memory->set_limited_by(Sendable(machine.memory.limited_by));
  for (const Device& device : machine.devices) {
    v1::Machine::Device* const one = out->add_devices();
    one->set_name(Sendable(device.name));
    one->set_id(Sendable(device.id));
    one->set_kind(Sendable(device.kind));
    one->set_total_bytes(device.total_bytes);
    one->set_free_bytes(device.free_bytes);
    one->set_shares_memory(device.shares_memory);
  }
  for (const std::string& note : machine.notes) out->add_notes(Sendable(note));
}

void Encode(const pull::FitReport& report, v1::Fit* out) {
  const fit::Choice& choice = report.choice;
  out->set_commit(report.commit.hex());
  Encode(report.machine, out->mutable_machine());
  out->set_architecture(Sendable(choice.architecture));
  out->set_parameters(choice.parameters);
  out->set_context(static_cast<uint32_t>(std::min<uint64_t>(choice.context, UINT32_MAX)));
  out->set_trained_context(static_cast<uint32_t>(std::min<uint64_t>(choice.trained_context, UINT32_MAX)));
  for (const size_t candidate : choice.ranking) {
    Encode(report.variants[candidate], choice.judgements[candidate], out->add_candidates());
  }
  if (choice.chosen) out->set_chosen(Sendable(report.variants[*choice.chosen].label));
  out->set_explanation(Sendable(choice.explanation));
  for (const std::string& note : choice.notes) out->add_notes(Sendable(note));
  for (const std::string& note : report.notes) out->add_notes(Sendable(note));
  for (const std::string& repo : report.suggestions) out->add_suggestions(Sendable(repo));
  out->set_requests(report.requests);
  out->set_read_bytes(report.read_bytes);
}

}  // namespace batuta::service
