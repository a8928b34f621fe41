#include "daemon/guard/metered_inspection.h"

#include <utility>

#include "daemon/metrics/daemon_metrics.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::guard {
namespace {

class Metered final : public Inspection {
 public:
  Metered(std::unique_ptr<Inspection> inner, const metrics::DaemonMetrics& metrics)
      : inner_(std::move(inner)), metrics_(metrics) {}

  Outcome Inspect(std::string_view path, safety::ByteSource& bytes) override {
    return Counted(inner_->Inspect(path, bytes));
  }

  Outcome InspectAmongOthers(std::string_view path, safety::Snapshot& files) override {
    return Counted(inner_->InspectAmongOthers(path, files));
  }

  std::string NameClass(std::string_view path) override { return inner_->NameClass(path); }

 private:
  // One that stopped half-way said nothing yet.
  Outcome Counted(Outcome outcome) {
    if (outcome.status.ok()) metrics_.verdicts.Of({safety::Judgement(outcome.verdict)}).Add();
    return outcome;
  }

  const std::unique_ptr<Inspection> inner_;
  const metrics::DaemonMetrics& metrics_;
};

}  // namespace

std::unique_ptr<Inspection> MeterInspection(std::unique_ptr<Inspection> inner,
                                            const metrics::DaemonMetrics& metrics) {
  return std::make_unique<Metered>(std::move(inner), metrics);
}

}  // namespace batuta::guard
