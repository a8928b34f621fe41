#pragma once

#include "batuta/v1/job_service.pb.h"

namespace batuta::client {

// JobReport hears what becomes of the files of one job, for the time when it has ended.
class JobReport {
 public:
  virtual ~JobReport() = default;

  // In their order; the newest news of a file replaces older ones.
  virtual void Take(const v1::WatchJobResponse& update) = 0;

  // Every file will be told again from the start.
  virtual void ForgetFiles() = 0;
};

}  // namespace batuta::client
