// What the inspection of files takes that are judged by their headers, whatever their size. The files are as
// large as they say; only what is read of them exists.
//   build/bench/tests/bench/header_bench
// `read` is the bytes that were read of the file, `file` those that it has.
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "daemon/safety/base/subject.h"
#include "daemon/safety/tensor/gguf.h"
#include "daemon/safety/tensor/safetensors.h"
#include "tests/support/formats/gguf.h"
#include "tests/support/formats/safetensors.h"

namespace batuta::safety {
namespace {

// A header, zeros behind it, and a count of what was asked for.
class Sparse final : public ByteSource {
 public:
  Sparse(std::string header, uint64_t size_bytes) : header_(std::move(header)), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    read_bytes_ += out.size();
    const size_t copied = offset < header_.size() ? header_.copy(out.data(), out.size(), offset) : 0;
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(copied), out.end(), '\0');
    return absl::OkStatus();
  }

  uint64_t read_bytes() const { return read_bytes_; }

 private:
  std::string header_;
  uint64_t size_bytes_;
  uint64_t read_bytes_ = 0;
};

void Run(benchmark::State& state, Subject::Inspector parser, Sparse file) {
  for (auto _ : state) {
    Report report;
    Subject subject("model", file, report, parser);
    if (!parser(subject).ok()) state.SkipWithError("not read");
    const Verdict verdict = std::move(report).Take();
    if (!verdict.findings.empty()) state.SkipWithError(verdict.findings[0].text.c_str());
  }
  state.counters["read"] = static_cast<double>(file.read_bytes()) / static_cast<double>(state.iterations());
  state.counters["file"] = static_cast<double>(file.size_bytes());
}

// So many tensors of so many bytes, with names as transformers writes them.
Sparse Weights(uint64_t count, uint64_t tensor_bytes) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  for (uint64_t i = 0; i < count; ++i) {
    header += ",\"model.layers." + std::to_string(i / 10) + ".self_attn.q_proj." + std::to_string(i) +
              R"(.weight":{"dtype":"BF16","shape":[)" + std::to_string(tensor_bytes / 2) +
              R"(],"data_offsets":[)" + std::to_string(i * tensor_bytes) + "," +
              std::to_string((i + 1) * tensor_bytes) + "]}";
  }
  std::string bytes = formats::Safetensors(header + "}", 0);
  const uint64_t size = bytes.size() + count * tensor_bytes;
  return {std::move(bytes), size};
}

// As above with the shortest entries that there can be, in an order that must be sorted.
Sparse LargestHeader() {
  std::string header = "{";
  constexpr uint64_t kTensors = 1'470'000;
  for (uint64_t i = 0; i < kTensors; ++i) {
    const uint64_t place = i * 7'919 % kTensors;
    header += (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
              std::to_string(place) + "," + std::to_string(place + 1) + "]}";
  }
  std::string bytes = formats::Safetensors(header + "}", 0);
  const uint64_t size = bytes.size() + kTensors;
  return {std::move(bytes), size};
}

void SafetensorsShard(benchmark::State& state) {
  Run(state, InspectSafetensors, Weights(static_cast<uint64_t>(state.range(0)), 64 << 20));
}

// 19 GB and 1.3 TB in one file.
BENCHMARK(SafetensorsShard)->Arg(290)->Arg(20'000)->Unit(benchmark::kMillisecond);

void SafetensorsLargestHeader(benchmark::State& state) {
  Run(state, InspectSafetensors, LargestHeader());
}

BENCHMARK(SafetensorsLargestHeader)->Unit(benchmark::kMillisecond);

// A vocabulary of so many thousand words and merges, and 1,000 tensors of 64 MiB.
void Gguf(benchmark::State& state) {
  formats::GgufFile file;
  const auto words = static_cast<uint64_t>(state.range(0)) * 1'000;
  std::string tokens;
  std::string merges;
  for (uint64_t i = 0; i < words; ++i) {
    tokens += formats::GgufString("token" + std::to_string(i));
    merges += formats::GgufString("tok en" + std::to_string(i));
  }
  file.pairs = {formats::GgufText("general.architecture", "llama"),
                formats::GgufArray("tokenizer.ggml.tokens", gguf::ValueType::kString, words, tokens),
                formats::GgufArray("tokenizer.ggml.merges", gguf::ValueType::kString, words, merges),
                formats::GgufArray("tokenizer.ggml.token_type", gguf::ValueType::kI32, words,
                                   std::string(words * 4, '\0'))};
  constexpr uint64_t kTensorBytes = 64 << 20;
  for (uint64_t i = 0; i < 1'000; ++i) {
    file.tensors.push_back({"blk." + std::to_string(i) + ".ffn_down.weight", {kTensorBytes}, 24});
  }
  const std::string header = file.Header();
  const uint64_t size = (header.size() + 31) / 32 * 32 + file.tensors.size() * kTensorBytes;
  Run(state, InspectGguf, {header, size});
}

BENCHMARK(Gguf)->Arg(32)->Arg(262)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace batuta::safety

BENCHMARK_MAIN();
