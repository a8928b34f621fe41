#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "batuta/v1/fit.pb.h"

#include "client/commands/flags.h"
#include "common/config/locations.h"

namespace batuta::client {

// The flags that say what a model is to fit: which machine, how it shall run there, with what context.
class FitFlags {
 public:
  void Define(Flags& flags);

  // One of them that was given; "" = none was.
  std::string_view given() const;

  bool has_target() const { return !target_.empty(); }

  // The machine is this one, as far as no flag and no variable says otherwise; looking at it may take a
  // second.
  //   kInvalidArgument (CONFIG_INVALID)  a variable is malformed.
  absl::StatusOr<v1::FitSpec> MakeSpec(const Environment& environment) const;

 private:
  uint32_t context_ = 0;            // tokens; 0 = not given
  std::optional<uint64_t> memory_;  // bytes
  std::optional<std::vector<uint64_t>> vram_;
  std::string target_;
  std::string cache_type_;
};

}  // namespace batuta::client
