#include "daemon/jobs/overall_limit.h"

#include <charconv>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::jobs {

using metadata::Durability;
using metadata::Table;

namespace {

constexpr std::string_view kKey = "overall_limit";

absl::StatusOr<uint64_t> Decode(std::string_view text) {
  uint64_t bytes_per_second = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes_per_second);
  if (error == std::errc() && end == text.data() + text.size()) return bytes_per_second;
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged,
                   "the catalog holds an unusable bandwidth limit",
                   "move the catalog folder aside and start again; the cache itself is not affected");
}

}  // namespace

absl::StatusOr<std::unique_ptr<OverallLimit>> OverallLimit::Load(uint64_t configured,
                                                                 metadata::MetadataStore& store,
                                                                 WorkerPool& disk) {
  ASSIGN_OR_RETURN(const std::optional<std::string> kept, store.Get(Table::kMeta, kKey));
  std::optional<uint64_t> set;
  if (kept) {
    ASSIGN_OR_RETURN(set, Decode(*kept));
  }
  return std::unique_ptr<OverallLimit>(new OverallLimit(configured, set, store, disk));
}

OverallLimit::OverallLimit(uint64_t configured, std::optional<uint64_t> set, metadata::MetadataStore& store,
                           WorkerPool& disk)
    : configured_(configured),
      set_(set),
      limit_(std::make_shared<transfer::BandwidthLimit>(set.value_or(configured))),
      store_(store),
      journal_(disk) {}

void OverallLimit::Configure(uint64_t bytes_per_second) {
  configured_ = bytes_per_second;
  if (!set_) limit_->Set(configured_);
}

void OverallLimit::Set(std::optional<uint64_t> bytes_per_second) {
  set_ = bytes_per_second;
  limit_->Set(set_.value_or(configured_));
  journal_.Post([&store = store_, bytes_per_second] {
    const absl::Status kept = bytes_per_second
                                  ? metadata::Put(store, Table::kMeta, kKey,
                                                  fmt::format("{}", *bytes_per_second), Durability::kPower)
                                  : metadata::Delete(store, Table::kMeta, kKey, Durability::kPower);
    if (!kept.ok()) LogError("bandwidth limit not kept", Field("error", std::string(MessageOf(kept))));
  });
}

}  // namespace batuta::jobs
