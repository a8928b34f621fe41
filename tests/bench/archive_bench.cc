// What the inspection of a torch checkpoint takes: its directory, the headers of its members and its pickle
// are read, the tensors are not. The files are as large as they say; only their records exist.
//   build/bench/tests/bench/archive_bench
// `read` is the bytes that were read of the file, `file` those that it has.
#include <cstdint>

#include <benchmark/benchmark.h>

#include "daemon/safety/base/subject.h"
#include "daemon/safety/bundle/bundle.h"
#include "tests/support/archives/large_torch_zip.h"

namespace batuta::safety {
namespace {

void TorchZip(benchmark::State& state) {
  test::SparseFile file =
      test::LargeTorchZip(static_cast<uint64_t>(state.range(0)), static_cast<uint32_t>(state.range(1)) << 20);
  for (auto _ : state) {
    Report report;
    Subject subject("pytorch_model.bin", file, report, nullptr);
    if (!InspectZip(subject).ok()) state.SkipWithError("not read");
    if (PickleJudgement(std::move(report).Take()) != "clean") state.SkipWithError("not clean");
  }
  state.counters["read"] = static_cast<double>(file.read_bytes()) / static_cast<double>(state.iterations());
  state.counters["file"] = static_cast<double>(file.size_bytes());
}

// 2 GB and 10 GB as models are, and 90 GB in very many tensors.
BENCHMARK(TorchZip)->Args({200, 10})->Args({300, 32})->Args({90'000, 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace batuta::safety

BENCHMARK_MAIN();
