#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta::transport {

// HttpBody is what a request sends, piece by piece, so that it need not be in memory as a whole. Used by one
// request at a time; one that is sent again (a cut connection, a 429) begins at the front with Rewind().
class HttpBody {
 public:
  virtual ~HttpBody() = default;

  // Known before the first byte goes out, and never another.
  virtual uint64_t size_bytes() const = 0;

  // Copies the bytes that come next into `out` and says how many; 0: none is at hand, and `on_ready` of
  // Rewind is called when there is, or when there will never be. Never called after the last byte. Called on
  // the transport's thread; must not block.   Any error ends the request with it.
  virtual absl::StatusOr<size_t> Read(std::span<std::byte> out) = 0;

  // Back to the first byte, before the first Read() too. `on_ready` may be called from any thread, also when
  // nobody waits. Once Rewind() has returned, nobody calls the one given before: an empty one ends the use.
  virtual void Rewind(std::function<void()> on_ready) = 0;
};

// Bytes in memory.
class MemoryBody final : public HttpBody {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override;

  void Rewind(std::function<void()>) override { next_ = 0; }

 private:
  const std::string bytes_;
  size_t next_ = 0;
};

}  // namespace batuta::transport
