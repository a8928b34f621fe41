// What the walk of a pickle takes, by what it is made of.
//   build/bench/tests/bench/pickle_bench
#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

#include "daemon/safety/pickle/pickle.h"
#include "tests/support/formats/pickle.h"

namespace batuta::safety {
namespace {

using namespace formats::pickle;  // NOLINT: the pickles below are written in it

constexpr size_t kBytes = 64 << 20;

// Calls of `part` with a number until the pickle is large.
template <typename Part>
std::string Repeated(std::string_view begin, std::string_view end, Part part) {
  std::string bytes(begin);
  for (int i = 0; bytes.size() < kBytes; ++i) bytes += part(i);
  return bytes += end;
}

// Lists and dicts are filled a thousand items at a time, as picklers do.
std::string Batched(std::string_view fill, int i, const std::string& item) {
  return i % 1000 == 0 ? (i == 0 ? "(" : std::string(fill) + "(") + item : item;
}

std::string Vocabulary() {
  return Repeated(Proto(4) + "}" + kMemoize, "u.",
                  [](int i) { return Batched("u", i, Str("word" + std::to_string(i)) + kMemoize + Int(i)); });
}

std::string Numbers() {
  return Repeated(Proto(4) + "]" + kMemoize, "e.", [](int i) { return Batched("e", i, Int(i)); });
}

std::string SmallNumbers() {
  return Repeated(Proto(4) + "]" + kMemoize, "e.", [](int i) { return Batched("e", i, "K\x07"); });
}

std::string Floats() {
  return Repeated(Proto(4) + "]" + kMemoize, "e.",
                  [](int i) { return Batched("e", i, "G" + Little(static_cast<uint64_t>(i), 8)); });
}

// A list of dicts, as a data set in JSON would be.
std::string Records() {
  return Repeated(Proto(4) + "]" + kMemoize, "e.", [](int i) {
    return Batched("e", i,
                   "}" + kMemoize + "(" + Str("text") + kMemoize + Str(std::string(150, 'x')) + kMemoize +
                       Str("label") + kMemoize + "K\x01u");
  });
}

std::string NumpyArrays() {
  return Repeated(Proto(4) + "]" + kMemoize, "e.", [](int i) {
    return Batched("e", i, NumpyArray(Int(256), Dtype("f4"), Bytes(std::string(1024, 'x'))));
  });
}

void Walk(benchmark::State& state, std::string (*make)()) {
  const std::string bytes = make();
  for (auto _ : state) {
    MemorySource source(bytes);
    Report report;
    Subject subject("model.pkl", source, report, nullptr);
    if (!InspectPickle(subject).ok()) state.SkipWithError("not read");
    const Verdict verdict = std::move(report).Take();
    if (PickleJudgement(verdict) != "clean") state.SkipWithError(verdict.findings.front().text.c_str());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) * static_cast<int64_t>(state.iterations()));
}

BENCHMARK_CAPTURE(Walk, vocabulary, Vocabulary)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Walk, numbers, Numbers)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Walk, small_numbers, SmallNumbers)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Walk, floats, Floats)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Walk, records, Records)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Walk, numpy_arrays, NumpyArrays)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace batuta::safety

BENCHMARK_MAIN();
