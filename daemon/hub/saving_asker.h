#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/hub/answer_memory.h"
#include "daemon/hub/asker.h"
#include "daemon/hub/freshness.h"

namespace batuta::hub {

struct SavingOptions {
  Lifetimes lifetimes;
  std::string salt;             // of the names under which answers are remembered: see AnswerKey()
  size_t max_refusals = 1'000;  // remembered in memory, until the daemon ends
};

// Asks the hub only what has to be asked (freshness.h decides): answers are remembered per token, an answer
// that may have changed is asked for with its etag, "no such repo" and "no such revision" are remembered for
// a short while, and one request serves all who ask the same at the same time (sharing.h decides). What the
// hub refuses for want of permission (HTTP 401 and 403) is never remembered.
//
// Answers are handed over on the disk pool. All that is borrowed outlives the asker and what it was asked.
std::unique_ptr<Asker> MakeSavingAsker(SavingOptions options, Asker& hub, AnswerMemory& memory,
                                       WorkerPool& disk, const Clock& clock);

}  // namespace batuta::hub
