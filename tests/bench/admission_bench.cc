// What one request costs on its way through the budget, with as many others waiting as the argument says. It
// is all that the core sequence does for it: into the queue, out of it when the window has room, and the
// lesson of its answer.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "daemon/budget/admission.h"

namespace batuta::budget {
namespace {

using std::chrono::seconds;

const WindowKey kWindow{"anonymous", WindowKind::kResolvers};

// So large that nobody comes to the end of his share while it is measured.
constexpr uint64_t kQuota = 1'000'000;
constexpr int kIterations = 200'000;

Answer Answered(uint64_t remaining) {
  Answer answer;
  answer.status = 200;
  answer.limit = RateLimitHeaders{.bucket = "resolvers",
                                  .remaining = remaining,
                                  .reset_in = seconds(100),
                                  .quota = kQuota,
                                  .length = seconds(300)};
  return answer;
}

// A window with room for one request at a time, so that whatever else was asked stays in the queue.
class Crowd {
 public:
  explicit Crowd(int64_t waiting) {
    Enqueue();
    under_way_ = admission_.Admit(now_).send.front().stamp;
    Settle();
    for (int64_t i = 0; i <= waiting; ++i) Enqueue();
    under_way_ = admission_.Admit(now_).send.front().stamp;
  }

  // One request comes; another's answer makes room for one; that one goes.
  void PassOne() {
    Enqueue();
    Settle();
    under_way_ = admission_.Admit(now_).send.front().stamp;
    benchmark::DoNotOptimize(admission_.NextWake());
  }

  size_t waiting() const { return admission_.waiting(); }

 private:
  void Enqueue() {
    const uint32_t number = static_cast<uint32_t>(next_);
    admission_.Enqueue({.id = next_++,
                        .cost = {kWindow, std::nullopt},
                        .principal = {1000 + number % 10, "tool"},
                        .job = jobs_[number % jobs_.size()],
                        .priority = Priority::kInteractive});
  }

  // The one that is under way is answered: one more may go.
  void Settle() { admission_.Settle({kWindow, std::nullopt}, under_way_, Answered(1), now_); }

  const std::vector<std::string> jobs_{"a", "b", "c", "d", "e", "f", "g"};
  SteadyTime now_{std::chrono::hours(5)};
  Admission admission_{
      {.first_quota = [](const WindowKey&) { return kQuota; }, .random = [] { return 0.5; }}};
  TicketId next_ = 1;
  Stamp under_way_ = 0;
};

void PassRequest(benchmark::State& state) {
  Crowd crowd(state.range(0));
  for (auto _ : state) crowd.PassOne();
  state.counters["waiting"] = static_cast<double>(crowd.waiting());
}

BENCHMARK(PassRequest)->Arg(0)->Arg(100)->Arg(10'000)->Arg(99'000)->Iterations(kIterations);

}  // namespace
}  // namespace batuta::budget

BENCHMARK_MAIN();
