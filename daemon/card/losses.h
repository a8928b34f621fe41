#pragma once

#include <string_view>

#include "daemon/card/facts.h"
#include "daemon/card/value.h"

namespace batuta::card {

// Reads a log of losses, unless one was read before: a list of entries with a `loss` (`train_loss`) or an
// `eval_loss` (`val_loss`, `validation_loss`) and a `step`, `iteration` or `epoch`, or a map of such lists.
// Entries without a position count from 1. Says whether it was one.
bool ReadLosses(const Value& log, std::string_view path, Facts* facts);

}  // namespace batuta::card
