#include "daemon/transfer/for_other_thread.h"

#include <string>

#include "absl/strings/cord.h"

#include "common/status/status.h"

namespace batuta::transfer {

absl::Status ForOtherThread(const absl::Status& status) {
  if (status.ok()) return status;
  absl::Status copy(status.code(), std::string(MessageOf(status)));
  status.ForEachPayload([&copy](absl::string_view url, const absl::Cord& payload) {
    copy.SetPayload(url, absl::Cord(std::string(payload)));
  });
  return copy;
}

}  // namespace batuta::transfer
