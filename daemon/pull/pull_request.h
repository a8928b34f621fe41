#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/machine/machine.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/fit/choice.h"
#include "daemon/pull/selection.h"
#include "daemon/transport/http_transport.h"

namespace batuta::pull {

// What becomes of a pull from a namespace that this cache has not seen.
enum class NameReviewMode {
  kRefuseConfusable,  // it goes on unless the name may be mistaken for a known one
  kAsk,               // it is refused unless the namespace is well known: the caller asks somebody
  kAccepted,          // somebody agreed
};

// The variant that fits is asked for.
struct FitWish {
  fit::Wish wish;
  std::optional<Machine> machine = {};  // that it has to fit; nothing = the one that the daemon sees
};

// The variant that was chosen, and why.
struct VariantChoice {
  std::string label;
  std::string quantization;  // see SelectionRequest; "" = the default choice
  std::string why;           // a sentence for a person

  friend bool operator==(const VariantChoice&, const VariantChoice&) = default;
};

// What one pull was asked to do.
struct PullRequest {
  RepoId repo;
  Revision revision = Revision::Main();
  SelectionRequest selection;
  Priority priority = Priority::kNormal;
  uint64_t limit_bytes_per_second = 0;  // 0 = none
  bool offline = false;                 // answer from the cache, or OFFLINE_MISS
  bool refresh = false;                 // ask where the revision stands, whatever is remembered
  NameReviewMode name_review = NameReviewMode::kRefuseConfusable;
  bool accept_replaced = false;     // another repo may have the name than the one that was met before
  std::optional<FitWish> fit = {};  // choose the variant that fits
  std::optional<VariantChoice> choice = {};  // made by an earlier run of the same job: it stands
  bool may_wait = true;                      // else a transient error is final
};

}  // namespace batuta::pull
