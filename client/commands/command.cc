#include "client/commands/command.h"

#include <fmt/format.h>

#include "client/commands/near_miss.h"
#include "common/text/human.h"

namespace batuta::client {

absl::Status Command::TakeFormat(const std::string& word) {
  const std::string near = NearMiss(word, {"human", "json", "quiet"});
  return UsageError(fmt::format("--format: {} is none of human, json, quiet", Quoted(word)),
                    near.empty() ? "" : fmt::format("did you mean {}?", near));
}

}  // namespace batuta::client
