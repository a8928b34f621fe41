// Whatever somebody calls a repo: no crash, and what is said of it hangs together.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/text/utf8.h"
#include "daemon/review/look_alikes.h"
#include "daemon/review/name_review.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace batuta::review;
  static const KnownNames known = [] {
    KnownNames names;
    names.Trust("river-people");
    return names;
  }();
  const std::string_view id(reinterpret_cast<const char*>(data), size);
  const NameReview review = ReviewName(id, known);
  if (review.why.empty() != review.confusable_with.empty()) std::abort();
  if (review.is_known && !review.why.empty()) std::abort();
  if (!review.why.empty() && !known.Contains(review.confusable_with)) std::abort();
  // What looks alike in one piece looks alike in any spelling.
  if (batuta::IsValidUtf8(id) && Skeleton(PlainForm(id)) != Skeleton(id)) std::abort();
  return 0;
}
