#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/sync/task_runner.h"
#include "common/types/entry.h"
#include "daemon/transport/range_source.h"

// Files of GGUF models as large as real ones, of which only what is before the weights exists.
namespace batuta::formats {

// One file: its header, and how long it is with its weights, which are zeros.
struct GgufModel {
  std::string header;
  uint64_t size_bytes = 0;
};

// A model of the shape of Llama-3.1-8B with its vocabulary and every tensor of `type` (an id, see
// tensor_type.h) but those that are always F32. `note` lengthens what stands before the tensors.
// With the large vocabulary the header is as long as that of gpt-oss, 13 MB.
GgufModel LlamaModel(uint32_t type, const std::string& note = {}, bool has_large_vocabulary = false);

// A file at the hub: what is there of it, then zeros. Tells of each fetch, and answers on `thread`.
class HeaderSource final : public transport::RangeSource {
 public:
  using OnFetch = std::function<absl::Status(transport::ByteRange range)>;

  HeaderSource(TaskRunner& thread, GgufModel model, OnFetch on_fetch)
      : thread_(thread), model_(std::move(model)), on_fetch_(std::move(on_fetch)) {}

  transport::CallId Fetch(transport::ByteRange range,
                          std::shared_ptr<transport::RangeHandler> handler) override;

  void Cancel(transport::CallId) override {}

  void Resume(transport::CallId) override {}

 private:
  TaskRunner& thread_;
  const GgufModel model_;
  const OnFetch on_fetch_;
};

}  // namespace batuta::formats
