#include "tests/hubsim/store/content.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/sample_file/sample_file.h"

namespace batuta::hubsim {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kTableBytes = 65536;
constexpr std::size_t kDigestPiece = 1U << 20U;

std::uint64_t SplitMix(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t value = state;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31U);
}

bool IsInside(std::uint64_t size, std::uint64_t offset, std::size_t length) {
  return offset <= size && length <= size - offset;
}

class InMemory final : public Content {
 public:
  explicit InMemory(std::string bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const override { return bytes_.size(); }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!IsInside(size(), offset, out.size())) return false;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return true;
  }

 private:
  const std::string bytes_;
};

// A table of pseudo-random bytes repeated for ever, with the first eight bytes of each page stamped with a
// number that belongs to that page alone. Copying a table keeps it as fast as memory.
class Generated final : public Content {
 public:
  Generated(std::uint64_t size, std::uint64_t seed) : size_(size), seed_(seed), table_(kTableBytes, '\0') {
    std::uint64_t state = seed;
    for (std::size_t at = 0; at < table_.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = SplitMix(state);
      std::memcpy(table_.data() + at, &word, sizeof(word));
    }
  }

  std::uint64_t size() const override { return size_; }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!IsInside(size_, offset, out.size())) return false;
    while (!out.empty()) {
      const std::uint64_t in_page = offset % kPageBytes;
      const std::size_t take = std::min<std::size_t>(out.size(), kPageBytes - in_page);
      std::memcpy(out.data(), table_.data() + offset % kTableBytes, take);
      Stamp(offset / kPageBytes, in_page, out.first(take));
      out = out.subspan(take);
      offset += take;
    }
    return true;
  }

 private:
  void Stamp(std::uint64_t page, std::uint64_t in_page, std::span<char> piece) const {
    std::uint64_t state = seed_ ^ (page * 0xD1B54A32D192ED03ULL);
    const std::uint64_t word = SplitMix(state);
    std::array<char, sizeof(word)> stamp{};
    std::memcpy(stamp.data(), &word, sizeof(word));
    for (std::uint64_t at = in_page; at < stamp.size() && at - in_page < piece.size(); ++at) {
      piece[at - in_page] = stamp[at];
    }
  }

  const std::uint64_t size_;
  const std::uint64_t seed_;
  std::string table_;
};

class OnDisk final : public Content {
 public:
  OnDisk(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  OnDisk(const OnDisk&) = delete;
  OnDisk& operator=(const OnDisk&) = delete;

  ~OnDisk() override { ::close(fd_); }

  std::uint64_t size() const override { return size_; }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!IsInside(size_, offset, out.size())) return false;
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return true;
  }

 private:
  const int fd_;
  const std::uint64_t size_;
};

// A path that is opened for each read: a folder of thousands of files must not hold thousands of descriptors.
class OnDiskByPath final : public Content {
 public:
  OnDiskByPath(std::filesystem::path path, std::uint64_t size) : path_(std::move(path)), size_(size) {}

  std::uint64_t size() const override { return size_; }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    return OnDisk(fd, size_).Read(offset, out);
  }

 private:
  const std::filesystem::path path_;
  const std::uint64_t size_;
};

class OwnedFile final : public Content {
 public:
  OwnedFile(const std::filesystem::path& path, std::uint64_t size) : path_(path), file_(path, size) {}

  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;

  ~OwnedFile() override { ::unlink(path_.c_str()); }

  std::uint64_t size() const override { return file_.size(); }

  bool Read(std::uint64_t offset, std::span<char> out) const override { return file_.Read(offset, out); }

 private:
  const std::filesystem::path path_;
  const OnDiskByPath file_;
};

class Joined final : public Content {
 public:
  explicit Joined(std::vector<ContentPtr> parts) : parts_(std::move(parts)) {
    for (const ContentPtr& part : parts_) size_ += part->size();
  }

  std::uint64_t size() const override { return size_; }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!IsInside(size_, offset, out.size())) return false;
    for (const ContentPtr& part : parts_) {
      if (out.empty()) break;
      if (offset >= part->size()) {
        offset -= part->size();
        continue;
      }
      const std::size_t take = std::min<std::size_t>(out.size(), part->size() - offset);
      if (!part->Read(offset, out.first(take))) return false;
      out = out.subspan(take);
      offset = 0;
    }
    return true;
  }

 private:
  const std::vector<ContentPtr> parts_;
  std::uint64_t size_ = 0;
};

class Letters final : public Content {
 public:
  explicit Letters(ContentPtr original) : original_(std::move(original)) {}

  std::uint64_t size() const override { return original_->size(); }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!original_->Read(offset, out)) return false;
    std::ranges::transform(out, out.begin(), LetterFor);
    return true;
  }

 private:
  const ContentPtr original_;
};

class Altered final : public Content {
 public:
  explicit Altered(ContentPtr original) : original_(std::move(original)) {}

  std::uint64_t size() const override { return original_->size(); }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!original_->Read(offset, out)) return false;
    for (char& byte : out) byte = static_cast<char>(~byte);
    return true;
  }

 private:
  const ContentPtr original_;
};

class Flipped final : public Content {
 public:
  Flipped(ContentPtr original, std::uint64_t at) : original_(std::move(original)), at_(at) {}

  std::uint64_t size() const override { return original_->size(); }

  bool Read(std::uint64_t offset, std::span<char> out) const override {
    if (!original_->Read(offset, out)) return false;
    if (at_ >= offset && at_ - offset < out.size()) {
      char& byte = out[at_ - offset];
      byte = static_cast<char>(~byte);
    }
    return true;
  }

 private:
  const ContentPtr original_;
  const std::uint64_t at_;
};

void ForEachPiece(const Content& content, const std::function<void(std::string_view)>& visit) {
  std::string piece;
  for (std::uint64_t at = 0; at < content.size(); at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(kDigestPiece, content.size() - at));
    if (!content.Read(at, piece)) return;
    visit(piece);
  }
}

}  // namespace

ContentPtr MemoryContent(std::string bytes) {
  return std::make_shared<InMemory>(std::move(bytes));
}

ContentPtr GeneratedContent(std::uint64_t size, std::uint64_t seed) {
  return std::make_shared<Generated>(size, seed);
}

absl::StatusOr<ContentPtr> DiskContent(const std::filesystem::path& path) {
  struct stat facts {};

  if (::stat(path.c_str(), &facts) != 0) {
    return absl::NotFoundError(path.string() + ": " + std::strerror(errno));
  }
  if (!S_ISREG(facts.st_mode)) return absl::InvalidArgumentError(path.string() + ": not a regular file");
  return std::make_shared<OnDiskByPath>(path, static_cast<std::uint64_t>(facts.st_size));
}

ContentPtr OwnedFileContent(const std::filesystem::path& path, std::uint64_t size) {
  return std::make_shared<OwnedFile>(path, size);
}

ContentPtr JoinedContent(std::vector<ContentPtr> parts) {
  return std::make_shared<Joined>(std::move(parts));
}

absl::StatusOr<ContentPtr> SampleContent(std::string_view path, std::uint64_t size, std::uint64_t seed) {
  absl::StatusOr<SampleShell> shell = SampleShellFor(path, size);
  if (!shell.ok()) return shell.status();
  ContentPtr middle = GeneratedContent(size - shell->head.size() - shell->tail.size(), seed);
  if (shell->is_text) middle = std::make_shared<Letters>(std::move(middle));
  return JoinedContent(
      {MemoryContent(std::move(shell->head)), std::move(middle), MemoryContent(std::move(shell->tail))});
}

ContentPtr AlteredContent(ContentPtr original) {
  return std::make_shared<Altered>(std::move(original));
}

ContentPtr FlippedContent(ContentPtr original, std::uint64_t offset) {
  return std::make_shared<Flipped>(std::move(original), offset);
}

std::string ReadAll(const Content& content) {
  return ReadPrefix(content, content.size());
}

std::string ReadPrefix(const Content& content, std::uint64_t limit) {
  std::string bytes(std::min(content.size(), limit), '\0');
  if (!content.Read(0, bytes)) bytes.clear();
  return bytes;
}

ContentDigests DigestsOf(const Content& content) {
  Hasher sha256(Hasher::Algorithm::kSha256);
  Hasher blob(Hasher::Algorithm::kSha1);
  std::string head = "blob " + std::to_string(content.size());
  head += '\0';
  blob.Update(head);
  ForEachPiece(content, [&](std::string_view piece) {
    sha256.Update(piece);
    blob.Update(piece);
  });
  return {.sha256 = sha256.FinishSha256(), .git_blob = blob.FinishSha1()};
}

Sha256Digest Sha256Of(const Content& content) {
  Hasher sha256(Hasher::Algorithm::kSha256);
  ForEachPiece(content, [&sha256](std::string_view piece) { sha256.Update(piece); });
  return sha256.FinishSha256();
}

}  // namespace batuta::hubsim
