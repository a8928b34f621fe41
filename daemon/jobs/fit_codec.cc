#include "daemon/jobs/fit_codec.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::jobs {

using nlohmann::json;

namespace {

absl::Status Damaged(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged,
                   std::string("job record: ") + std::string(what));
}

json EncodeMachine(const std::optional<Machine>& machine) {
  if (!machine) return nullptr;
  json devices = json::array();
  for (const Device& device : machine->devices) {
    devices.push_back({{"name", device.name},
                       {"id", device.id},
                       {"kind", device.kind},
                       {"total_bytes", device.total_bytes},
                       {"free_bytes", device.free_bytes},
                       {"shares_memory", device.shares_memory}});
  }
  return {{"total_bytes", machine->memory.total_bytes},
          {"available_bytes", machine->memory.available_bytes},
          {"limited_by", machine->memory.limited_by},
          {"devices", std::move(devices)},
          {"notes", machine->notes}};
}

std::optional<Machine> DecodeMachine(const json& value) {
  if (value.is_null()) return std::nullopt;
  Machine machine;
  machine.memory = {.total_bytes = value.at("total_bytes").get<uint64_t>(),
                    .available_bytes = value.at("available_bytes").get<uint64_t>(),
                    .limited_by = value.at("limited_by").get<std::string>()};
  for (const json& device : value.at("devices")) {
    machine.devices.push_back({.name = device.at("name").get<std::string>(),
                               .id = device.at("id").get<std::string>(),
                               .kind = device.at("kind").get<std::string>(),
                               .total_bytes = device.at("total_bytes").get<uint64_t>(),
                               .free_bytes = device.at("free_bytes").get<uint64_t>(),
                               .shares_memory = device.at("shares_memory").get<bool>()});
  }
  machine.notes = value.at("notes").get<std::vector<std::string>>();
  return machine;
}

}  // namespace

json EncodeFitWish(const std::optional<pull::FitWish>& wish) {
  if (!wish) return nullptr;
  return {{"context", wish->wish.context},
          {"cache_type", fit::NameOf(wish->wish.cache_type)},
          {"target", static_cast<int>(wish->wish.target)},
          {"allow_unknown", wish->wish.allow_unknown},
          {"machine", EncodeMachine(wish->machine)}};
}

json EncodeChoice(const std::optional<pull::VariantChoice>& choice) {
  if (!choice) return nullptr;
  return {{"label", choice->label}, {"quantization", choice->quantization}, {"why", choice->why}};
}

absl::StatusOr<std::optional<pull::FitWish>> DecodeFitWish(const json& value) {
  if (value.is_null()) return std::nullopt;
  pull::FitWish wish;
  wish.wish.context = value.at("context").get<uint64_t>();
  const auto cache_type = fit::ParseCacheType(value.at("cache_type").get<std::string>());
  if (!cache_type) return Damaged("unknown cache type");
  wish.wish.cache_type = *cache_type;
  const int target = value.at("target").get<int>();
  if (target < 0 || target > static_cast<int>(fit::Target::kCpu)) return Damaged("unknown fit target");
  wish.wish.target = static_cast<fit::Target>(target);
  wish.wish.allow_unknown = value.at("allow_unknown").get<bool>();
  wish.machine = DecodeMachine(value.at("machine"));
  return wish;
}

std::optional<pull::VariantChoice> DecodeChoice(const json& value) {
  if (value.is_null()) return std::nullopt;
  return pull::VariantChoice{.label = value.at("label").get<std::string>(),
                             .quantization = value.at("quantization").get<std::string>(),
                             .why = value.at("why").get<std::string>()};
}

}  // namespace batuta::jobs
