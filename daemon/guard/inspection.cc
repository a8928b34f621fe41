#include "daemon/guard/inspection.h"

#include <utility>

#include "daemon/safety/inspector.h"
#include "daemon/safety/name_class.h"

namespace batuta::guard {
namespace {

class InProcess final : public Inspection {
 public:
  Outcome Inspect(std::string_view path, safety::ByteSource& bytes) override {
    safety::Outcome outcome = safety::Inspect(path, bytes);
    return {.verdict = std::move(outcome.verdict), .status = std::move(outcome.status)};
  }

  std::string NameClass(std::string_view path) override { return std::string(safety::NameClass(path)); }
};

}  // namespace

std::unique_ptr<Inspection> MakeInspection() {
  return std::make_unique<InProcess>();
}

}  // namespace batuta::guard
