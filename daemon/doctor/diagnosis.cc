#include "daemon/doctor/diagnosis.h"

#include <utility>

#include "daemon/doctor/folder_probe.h"
#include "daemon/doctor/judge.h"
#include "daemon/metrics/process.h"

namespace batuta::doctor {

Facts LookAt(const Subject& subject, transport::HttpTransport& http, const Clock& clock,
             bool without_network) {
  const metrics::ProcessReading process = metrics::ReadProcess();
  Facts facts{.uid = subject.uid,
              .is_system = subject.is_system,
              .state = ProbeFolder(subject.state_dir, subject.state_dir),
              // Below `.locks`, where no scanner of any tool looks.
              .cache = ProbeFolder(subject.cache_dir, subject.cache_dir / ".locks"),
              .cache_quota_bytes = subject.cache_quota_bytes,
              .cache_min_free_bytes = subject.cache_min_free_bytes,
              .cache_used_bytes = {},
              .network = ProbeNetwork(subject.network, http, clock, without_network),
              .process = {.open_files = process.open_files, .open_files_limit = process.open_files_limit}};
  if (subject.cache_used_bytes) facts.cache_used_bytes = subject.cache_used_bytes();
  return facts;
}

Diagnosis::Diagnosis(Subject subject, transport::HttpTransport& http, const Clock& clock)
    : subject_(std::move(subject)), http_(http), clock_(clock), thread_(WorkerPool::Start("doctor", 1)) {}

Diagnosis::~Diagnosis() {
  thread_->Stop();
}

void Diagnosis::Run(bool without_network, Done done) {
  bool is_first = false;
  {
    const MutexLock lock(mutex_);
    std::vector<Done>& waiting = waiting_[without_network];
    is_first = waiting.empty();
    waiting.push_back(std::move(done));
  }
  if (is_first) thread_->Post([this, without_network] { Look(without_network); });
}

void Diagnosis::Look(bool without_network) {
  const std::vector<Check> checks = Judge(LookAt(subject_, http_, clock_, without_network));
  std::vector<Done> waiting;
  {
    const MutexLock lock(mutex_);
    waiting.swap(waiting_[without_network]);
  }
  for (Done& done : waiting) done(checks);
}

}  // namespace batuta::doctor
