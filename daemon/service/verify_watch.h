#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "batuta/v1/cache_service.pb.h"

#include "daemon/jobs/job.h"
#include "daemon/service/call.h"
#include "daemon/service/streams.h"
#include "daemon/verify/verification.h"

namespace batuta::service {

// One CacheService.Verify call. The work runs on the disk pool; messages are made from what it has found when
// the reader can take one. The last message names the jobs that repair, all started.
class VerifyWatch final : public WatchStream<v1::VerifyResponse> {
 public:
  VerifyWatch(const ServiceContext& services, Caller caller, v1::VerifyRequest request)
      : WatchStream(services), caller_(std::move(caller)), request_(std::move(request)) {}

 protected:
  absl::Status Subscribe() override;

  void Unsubscribe() override {
    run_.reset();
    is_over_ = true;
  }

  absl::StatusOr<Read> ReadNext(v1::VerifyResponse* response) override;

 private:
  // Before kVerifying nothing has been read; at kLast one more message goes out.
  enum class Stage { kVerifying, kStartingRepairs, kLast, kOver };

  static absl::StatusOr<verify::VerifyRequest> Decode(const ServiceContext& services,
                                                      const v1::VerifyRequest& request);
  void StartRun(absl::StatusOr<verify::VerifyRequest> decoded);
  void StartRepairs();
  void OnRepairStarted(const absl::StatusOr<jobs::JobView>& job);
  void Fail(const absl::Status& status);

  const Caller caller_;
  const v1::VerifyRequest request_;
  std::unique_ptr<verify::Verification> run_;
  absl::Status failure_;
  Stage stage_ = Stage::kVerifying;
  bool has_news_ = false;
  bool is_over_ = false;  // whoever asked is gone
  size_t repairs_to_start_ = 0;
  std::vector<std::string> job_ids_;
};

}  // namespace batuta::service
