#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/hub/repo_writer.h"
#include "daemon/transport/http_body.h"

namespace batuta::hub {

// CommitBody is what a commit sends: newline-delimited JSON, the header and then each change on a line of its
// own. The bytes of a file become base64 as they go out: a commit is in memory once, and not once more as
// text.
class CommitBody final : public transport::HttpBody {
 public:
  explicit CommitBody(std::shared_ptr<const CommitRequest> commit);

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override;
  void Rewind(std::function<void()> on_ready) override;

 private:
  struct Line {
    std::string before;
    std::string_view content;  // of the commit, not yet base64
    std::string behind;
  };

  Line LineOf(size_t number) const;  // 0: the header
  bool NextPiece();                  // false: that was the last

  const std::shared_ptr<const CommitRequest> commit_;
  uint64_t size_bytes_ = 0;
  size_t next_line_ = 0;
  Line line_;  // what is left of it
  std::string piece_;
  size_t used_ = 0;  // of the piece
};

}  // namespace batuta::hub
