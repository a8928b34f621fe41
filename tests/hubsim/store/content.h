// Content is an immutable run of bytes with random access: text in memory, a file on disk, or generated from
// a seed.
//
// Nothing here holds a large file in memory: generated content is computed on demand and disk content is read
// by range. Thread safety: Read() may be called from any number of threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/hubsim/store/hashing.h"

namespace batuta::hubsim {

class Content {
 public:
  virtual ~Content() = default;

  virtual std::uint64_t size() const = 0;

  // Fills `out` whole with the bytes from `offset` on. False when the range is outside, or the disk refuses
  // (a file that shrank since it was opened): the caller then cuts its answer short.
  virtual bool Read(std::uint64_t offset, std::span<char> out) const = 0;
};

using ContentPtr = std::shared_ptr<const Content>;

ContentPtr MemoryContent(std::string bytes);

// `size` bytes that depend on nothing but `seed` and the position; every 4 KiB page differs from every other.
ContentPtr GeneratedContent(std::uint64_t size, std::uint64_t seed);

// The file as it is at this moment: size is taken now, bytes are read on demand.
//   kNotFound           it cannot be opened.
//   kInvalidArgument    it is not a regular file.
absl::StatusOr<ContentPtr> DiskContent(const std::filesystem::path& path);

// The file of so many bytes at `path`, which is removed when nobody needs the content any more.
ContentPtr OwnedFileContent(const std::filesystem::path& path, std::uint64_t size);

// The parts one after another, as a multipart upload leaves them.
ContentPtr JoinedContent(std::vector<ContentPtr> parts);

// Made-up bytes that depend on nothing but the arguments, and are a valid file of the kind that the name of
// `path` promises.
//   kInvalidArgument    such a file cannot be of that size, or no content is known for its kind.
absl::StatusOr<ContentPtr> SampleContent(std::string_view path, std::uint64_t size, std::uint64_t seed);

// Every byte of `original` changed, same size: what a client sees when a file was replaced behind its back.
ContentPtr AlteredContent(ContentPtr original);

// One byte of `original` changed.
ContentPtr FlippedContent(ContentPtr original, std::uint64_t offset);

// The whole content as a string; for content known to be small.
std::string ReadAll(const Content& content);

// The first `limit` bytes or fewer.
std::string ReadPrefix(const Content& content, std::uint64_t limit);

struct ContentDigests {
  Sha256Digest sha256{};
  Sha1Digest git_blob{};  // git's id of the content as a blob
};

// Reads the content once, in 1 MiB pieces.
ContentDigests DigestsOf(const Content& content);

// One of the two, for large content: the other costs as much again.
Sha256Digest Sha256Of(const Content& content);

}  // namespace batuta::hubsim
