#pragma once

#include <string>

#include "daemon/jobs/job_queue.h"

namespace batuta::app {

// What the daemon is doing, as `systemctl status` shows it: "jobs: 2 running, 1 waiting (rate limit, until
// 2026-11-28T12:00:00.000Z)". Pure.
std::string StatusLine(const jobs::Activity& activity);

}  // namespace batuta::app
