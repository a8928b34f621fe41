#include "daemon/secrets/archive_walk.h"

#include <algorithm>
#include <array>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "common/status/status.h"

namespace batuta::secrets {
namespace {

constexpr uint64_t kMostExpansion = 200;
constexpr uint64_t kFreeBytes = 16 << 20;  // before the expansion counts

struct FreeArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

struct Input {
  Stream& stream;
  SourceStream* seekable;
  absl::Status status;  // of reading; what the library makes of it tells less
  std::array<char, 64 << 10> buffer{};
};

la_ssize_t OnRead(archive*, void* data, const void** buffer) {
  auto& input = *static_cast<Input*>(data);
  const absl::StatusOr<size_t> count = input.stream.Read(input.buffer);
  if (!count.ok()) {
    input.status = count.status();
    return ARCHIVE_FATAL;
  }
  *buffer = input.buffer.data();
  return static_cast<la_ssize_t>(*count);
}

la_int64_t OnSkip(archive*, void* data, la_int64_t count) {
  SourceStream* const source = static_cast<Input*>(data)->seekable;
  if (source == nullptr) return 0;
  const uint64_t left = source->size_bytes() - source->offset();
  const uint64_t skipped = std::min(left, static_cast<uint64_t>(count));
  source->Seek(source->offset() + skipped);
  return static_cast<la_int64_t>(skipped);
}

la_int64_t OnSeek(archive*, void* data, la_int64_t offset, int whence) {
  SourceStream& source = *static_cast<Input*>(data)->seekable;
  const auto size = static_cast<la_int64_t>(source.size_bytes());
  la_int64_t target = offset;
  if (whence == SEEK_CUR) target += static_cast<la_int64_t>(source.offset());
  if (whence == SEEK_END) target += size;
  if (target < 0 || target > size) return ARCHIVE_FATAL;
  source.Seek(static_cast<uint64_t>(target));
  return target;
}

// The content of the member that the handle stands at.
class MemberStream final : public Stream {
 public:
  MemberStream(archive* handle, ArchiveBudget& budget, uint64_t& expanded_bytes, std::string& problem)
      : handle_(handle), budget_(budget), expanded_bytes_(expanded_bytes), problem_(problem) {}

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    if (ended_) return 0;
    const la_ssize_t count = archive_read_data(handle_, out.data(), out.size());
    if (count < 0) {
      const char* const why = archive_error_string(handle_);
      return End(why != nullptr ? why : "a member is damaged");
    }
    const auto bytes = static_cast<uint64_t>(count);
    expanded_bytes_ += bytes;
    const auto packed = static_cast<uint64_t>(std::max<la_int64_t>(archive_filter_bytes(handle_, -1), 1));
    if (bytes > budget_.expanded_bytes ||
        (expanded_bytes_ > kFreeBytes && expanded_bytes_ / packed > kMostExpansion)) {
      is_over_ = true;
      return End("it expands to too much");
    }
    budget_.expanded_bytes -= bytes;
    return static_cast<size_t>(count);
  }

  bool is_over() const { return is_over_; }

 private:
  size_t End(std::string_view why) {
    ended_ = true;
    if (problem_.empty()) problem_ = why;
    return 0;
  }

  archive* handle_;
  ArchiveBudget& budget_;
  uint64_t& expanded_bytes_;
  std::string& problem_;
  bool ended_ = false;
  bool is_over_ = false;
};

std::string NameOf(archive_entry* entry) {
  if (const char* name = archive_entry_pathname(entry); name != nullptr) return name;
  const char* const name = archive_entry_pathname_utf8(entry);
  return name != nullptr ? name : "member";
}

// No filter that would run another program. What is only compressed may look like an archive without a
// member: nothing but zeros is an empty tar.
bool Prepare(archive* handle, bool is_only_compressed) {
  const bool has_filters = archive_read_support_filter_gzip(handle) == ARCHIVE_OK &&
                           archive_read_support_filter_bzip2(handle) == ARCHIVE_OK &&
                           archive_read_support_filter_xz(handle) == ARCHIVE_OK &&
                           archive_read_support_filter_zstd(handle) == ARCHIVE_OK &&
                           archive_read_support_filter_lz4(handle) == ARCHIVE_OK;
  if (!has_filters || archive_read_support_format_raw(handle) != ARCHIVE_OK) return false;
  if (is_only_compressed) return true;
  return archive_read_support_format_tar(handle) == ARCHIVE_OK &&
         archive_read_support_format_zip(handle) == ARCHIVE_OK &&
         archive_read_support_format_7zip(handle) == ARCHIVE_OK;
}

absl::Status WalkMembers(archive* handle, Input& input, bool is_only_compressed, ArchiveBudget& budget,
                         absl::FunctionRef<absl::Status(std::string_view name, Stream& content)> use,
                         std::string& problem) {
  uint64_t expanded_bytes = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(handle, &entry);
    if (result == ARCHIVE_EOF) return absl::OkStatus();
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      const char* const why = archive_error_string(handle);
      if (problem.empty()) problem = why != nullptr ? why : "it is damaged";
      return input.status;
    }
    if (budget.members == 0) {
      problem = "it has too many members";
      return absl::OkStatus();
    }
    --budget.members;
    // What is neither compressed nor an archive is no business of this.
    const bool is_raw = archive_format(handle) == ARCHIVE_FORMAT_RAW;
    if (is_raw && archive_filter_count(handle) <= 1) {
      if (!is_only_compressed) problem = "it is no archive";
      return absl::OkStatus();
    }
    if (archive_entry_filetype(entry) != AE_IFREG && !is_raw) continue;
    if (archive_entry_is_encrypted(entry) != 0) {
      problem = "a member is encrypted";
      continue;
    }
    MemberStream content(handle, budget, expanded_bytes, problem);
    RETURN_IF_ERROR(use(is_raw ? "" : NameOf(entry), content));
    RETURN_IF_ERROR(input.status);
    if (content.is_over()) return absl::OkStatus();
  }
}

using Use = absl::FunctionRef<absl::Status(std::string_view name, Stream& content)>;

absl::Status Walk(Stream& packed, SourceStream* seekable, bool is_only_compressed, ArchiveBudget& budget,
                  Use use, std::string& problem) {
  const std::unique_ptr<archive, FreeArchive> handle(archive_read_new());
  const auto input = std::make_unique<Input>(Input{packed, seekable, absl::OkStatus()});
  if (handle == nullptr || !Prepare(handle.get(), is_only_compressed)) {
    problem = "there is no memory to read it";
    return absl::OkStatus();
  }
  archive_read_set_read_callback(handle.get(), OnRead);
  archive_read_set_callback_data(handle.get(), input.get());
  if (seekable != nullptr) {
    archive_read_set_skip_callback(handle.get(), OnSkip);
    archive_read_set_seek_callback(handle.get(), OnSeek);
  }
  if (archive_read_open1(handle.get()) != ARCHIVE_OK) {
    const char* const why = archive_error_string(handle.get());
    problem = why != nullptr ? why : "it is damaged";
    return input->status;
  }
  return WalkMembers(handle.get(), *input, is_only_compressed, budget, use, problem);
}

// The one member of what is only compressed.
class CompressedStream final : public Stream {
 public:
  explicit CompressedStream(Stream& packed) : input_(Input{packed, nullptr, absl::OkStatus()}) {}

  bool Open() {
    if (handle_ == nullptr || !Prepare(handle_.get(), /*is_only_compressed=*/true)) return false;
    archive_read_set_read_callback(handle_.get(), OnRead);
    archive_read_set_callback_data(handle_.get(), &input_);
    archive_entry* entry = nullptr;
    return archive_read_open1(handle_.get()) == ARCHIVE_OK &&
           archive_read_next_header(handle_.get(), &entry) == ARCHIVE_OK &&
           archive_filter_count(handle_.get()) > 1;
  }

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    const la_ssize_t count = archive_read_data(handle_.get(), out.data(), out.size());
    RETURN_IF_ERROR(input_.status);
    return count < 0 ? 0 : static_cast<size_t>(count);
  }

 private:
  Input input_;
  std::unique_ptr<archive, FreeArchive> handle_{archive_read_new()};
};

}  // namespace

bool IsArchive(std::string_view head) {
  constexpr std::array<std::string_view, 8> kMagics = {"PK\x03\x04",
                                                       "PK\x05\x06",
                                                       "\x1F\x8B\x08",
                                                       "BZh",
                                                       "\xFD"
                                                       "7zXZ",
                                                       "\x28\xB5\x2F\xFD",
                                                       "\x04\x22\x4D\x18",
                                                       "7z\xBC\xAF\x27\x1C"};
  if (std::ranges::any_of(kMagics, [&](std::string_view magic) { return head.starts_with(magic); }))
    return true;
  return head.size() > 262 && head.substr(257, 5) == "ustar";
}

std::unique_ptr<Stream> OpenCompressed(Stream& packed) {
  auto stream = std::make_unique<CompressedStream>(packed);
  if (!stream->Open()) return nullptr;
  return stream;
}

absl::Status WalkArchive(Stream& packed, SourceStream* seekable, ArchiveBudget& budget, Use use,
                         std::string& problem) {
  const uint64_t members = budget.members;
  RETURN_IF_ERROR(Walk(packed, seekable, /*is_only_compressed=*/false, budget, use, problem));
  if (budget.members < members || !problem.empty() || seekable == nullptr) return absl::OkStatus();
  seekable->Seek(0);
  return Walk(packed, seekable, /*is_only_compressed=*/true, budget, use, problem);
}

}  // namespace batuta::secrets
