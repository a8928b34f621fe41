#include "daemon/guard/inspection.h"

#include <utility>

#include "daemon/safety/among_others.h"
#include "daemon/safety/inspector.h"
#include "daemon/safety/name_class.h"

namespace batuta::guard {
namespace {

class InProcess final : public Inspection {
 public:
  Outcome Inspect(std::string_view path, safety::ByteSource& bytes) override {
    return From(safety::Inspect(path, bytes));
  }

  Outcome InspectAmongOthers(std::string_view path, safety::Snapshot& files) override {
    return From(safety::InspectAmongOthers(path, files));
  }

  std::string NameClass(std::string_view path) override { return std::string(safety::NameClass(path)); }

 private:
  static Outcome From(safety::Outcome outcome) {
    return {.verdict = std::move(outcome.verdict), .status = std::move(outcome.status)};
  }
};

}  // namespace

std::unique_ptr<Inspection> MakeInspection() {
  return std::make_unique<InProcess>();
}

}  // namespace batuta::guard
