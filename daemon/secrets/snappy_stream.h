#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/secrets/stream.h"

namespace batuta::secrets {

// What was packed as one Snappy block. Memory is a few times 64 KiB: no packer reaches back further.
class SnappyStream final : public Stream {
 public:
  // Borrowed.
  explicit SnappyStream(Stream& packed) : packed_(packed) {}

  // Ends where the block does, or where it makes no sense.
  absl::StatusOr<size_t> Read(std::span<char> out) override;

 private:
  absl::Status Unpack();
  absl::Status UnpackElement();
  absl::Status CopyLiteral();
  void CopyBack(size_t length, size_t distance);
  absl::StatusOr<uint32_t> Number(int bytes);  // lowest byte first
  absl::StatusOr<bool> Fill();

  Stream& packed_;
  std::string in_;
  size_t in_at_ = 0;
  std::string out_;     // unpacked; its end is what may be reached back to
  size_t given_ = 0;    // of it, to the reader
  size_t literal_ = 0;  // bytes that are still to be taken as they are
  bool has_begun_ = false;
  bool at_end_ = false;
};

}  // namespace batuta::secrets
