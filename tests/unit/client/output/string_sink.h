#pragma once

#include <string>
#include <string_view>

#include "client/output/output.h"

namespace batuta::client {

// Keeps what is written, or fails as told.
class TestSink final : public ByteSink {
 public:
  absl::Status Write(std::string_view bytes) override {
    if (!failure.ok()) return failure;
    text += bytes;
    return absl::OkStatus();
  }

  std::string text;
  absl::Status failure;
};

// An output of one format with both sinks at hand; a terminal of `size` when `options` say so.
struct TestOutput {
  explicit TestOutput(OutputOptions options, TerminalSize terminal = {80, 24})
      : size(terminal), output(options, data, talk, [this] { return size; }) {}

  TerminalSize size;
  TestSink data;
  TestSink talk;
  Output output;
};

}  // namespace batuta::client
