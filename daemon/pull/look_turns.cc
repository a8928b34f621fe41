#include "daemon/pull/look_turns.h"

namespace batuta::pull {

LookTurns::Turn::~Turn() {
  auto node = turns_.waiting_.extract(blob_);
  for (absl::AnyInvocable<void()>& go_on : node.mapped()) turns_.core_.Post(std::move(go_on));
}

std::unique_ptr<LookTurns::Turn> LookTurns::Take(const BlobId& blob) {
  waiting_.try_emplace(blob);
  return std::make_unique<Turn>(*this, blob);
}

}  // namespace batuta::pull
