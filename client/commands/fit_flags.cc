#include "client/commands/fit_flags.h"

#include <utility>

#include "common/machine/machine.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

constexpr uint32_t kMaxContext = 100'000'000;

v1::FitTarget WireTarget(std::string_view word) {
  if (word == "gpu") return v1::FIT_TARGET_GPU;
  if (word == "hybrid") return v1::FIT_TARGET_HYBRID;
  if (word == "cpu") return v1::FIT_TARGET_CPU;
  return v1::FIT_TARGET_UNSPECIFIED;
}

v1::Machine WireMachine(const Machine& machine) {
  v1::Machine wire;
  wire.mutable_memory()->set_total_bytes(machine.memory.total_bytes);
  wire.mutable_memory()->set_available_bytes(machine.memory.available_bytes);
  wire.mutable_memory()->set_limited_by(machine.memory.limited_by);
  for (const Device& device : machine.devices) {
    v1::Machine::Device& to = *wire.add_devices();
    to.set_name(device.name);
    to.set_id(device.id);
    to.set_kind(device.kind);
    to.set_total_bytes(device.total_bytes);
    to.set_free_bytes(device.free_bytes);
    to.set_shares_memory(device.shares_memory);
  }
  for (const std::string& note : machine.notes) wire.add_notes(note);
  return wire;
}

}  // namespace

void FitFlags::Define(Flags& flags) {
  flags.Number(&context_, "--context", "N",
               "tokens of context; default 8192, or what the model was trained for when that is less", 1,
               kMaxContext);
  flags.Size(&memory_, "--memory", "SIZE", "as if the machine had so much memory available, e.g. 32GiB");
  flags.Sizes(&vram_, "--vram", "SIZE",
              "as if it had such GPUs: the free memory of each, e.g. 24GiB,24GiB; 0 = none");
  flags.Value(
      &target_, "--fit-target", "WHERE",
      "where it may run (auto: wholly on the GPUs from Q4_K_M on, else also in memory, else there alone)",
      {"auto", "gpu", "hybrid", "cpu"});
  flags.Value(&cache_type_, "--cache-type", "T", "type of the attention cache; default f16",
              {"f16", "q8_0", "q4_0"});
}

std::string_view FitFlags::given() const {
  if (context_ > 0) return "--context";
  if (memory_) return "--memory";
  if (vram_) return "--vram";
  if (!target_.empty()) return "--fit-target";
  return cache_type_.empty() ? "" : "--cache-type";
}

absl::StatusOr<v1::FitSpec> FitFlags::MakeSpec(const Environment& environment) const {
  ASSIGN_OR_RETURN(const MachineSources sources,
                   ProcessMachineSources(environment, {.memory_bytes = memory_, .vram_bytes = vram_}));
  v1::FitSpec spec;
  spec.set_context(context_);
  spec.set_cache_type(cache_type_);
  spec.set_target(WireTarget(target_));
  *spec.mutable_machine() = WireMachine(DetectMachine(sources));
  return spec;
}

}  // namespace batuta::client
