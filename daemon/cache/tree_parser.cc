#include "daemon/cache/tree_parser.h"

#include <array>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::cache {
namespace {

// The bytes of a file as an input iterator. A read error ends the input and is kept.
class FileBytes {
 public:
  explicit FileBytes(File& file) : file_(file) { Fill(); }

  bool at_end() const { return next_ == filled_; }

  char current() const { return buffer_[next_]; }

  void Advance() {
    if (++next_ == filled_) Fill();
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fill() {
    next_ = filled_ = 0;
    const auto count = file_.ReadAt(offset_, std::as_writable_bytes(std::span(buffer_)));
    if (!count.ok()) {
      status_ = count.status();
      return;
    }
    filled_ = *count;
    offset_ += *count;
  }

  File& file_;
  std::array<char, 64 << 10> buffer_{};
  size_t next_ = 0;
  size_t filled_ = 0;
  uint64_t offset_ = 0;
  absl::Status status_;
};

class ByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  explicit ByteIterator(FileBytes* bytes = nullptr) : bytes_(bytes) {}

  char operator*() const { return bytes_->current(); }

  ByteIterator& operator++() {
    bytes_->Advance();
    return *this;
  }

  ByteIterator operator++(int) {
    ByteIterator before = *this;
    ++*this;
    return before;
  }

  bool operator==(const ByteIterator& other) const { return is_end() == other.is_end(); }

  bool operator!=(const ByteIterator& other) const { return !(*this == other); }

 private:
  bool is_end() const { return bytes_ == nullptr || bytes_->at_end(); }

  FileBytes* bytes_;
};

// {"format_version": 1, "files": {"<path>": {"size": n, "blob_id": "…", "lfs_sha256": "…"}}}: three levels of
// objects. Every callback answers false to stop the parse.
class TreeHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Scalar(); }

  bool boolean(bool) override { return Scalar(); }

  bool number_integer(number_integer_t) override { return Scalar(); }

  bool number_float(number_float_t, const string_t&) override { return Scalar(); }

  bool binary(binary_t&) override { return false; }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (level_ == 1 && keys_[0] == "format_version") version_ = number;
    if (InFile() && keys_[2] == "size") size_bytes_ = number;
    return Scalar();
  }

  bool string(string_t& text) override {
    if (InFile() && keys_[2] == "blob_id") {
      git_oid_ = std::move(text);
    } else if (InFile() && keys_[2] == "lfs_sha256") {
      sha256_ = std::move(text);
    }
    return Scalar();
  }

  bool key(string_t& text) override {
    if (level_ >= 1 && level_ <= keys_.size()) keys_[level_ - 1] = std::move(text);
    return true;
  }

  bool start_object(std::size_t) override {
    ++level_;
    if (InFile()) ResetFile();
    return true;
  }

  bool end_object() override {
    const bool ends_file = InFile();
    --level_;
    return !ends_file || AddFile();
  }

  // An array where an object belongs makes its content a level deeper, where nothing is read.
  bool start_array(std::size_t) override {
    level_ += kArrayDepth;
    return true;
  }

  bool end_array() override {
    level_ -= kArrayDepth;
    return Scalar();
  }

  bool is_tree() const { return version_ == 1; }

  std::vector<Entry> TakeEntries() { return std::move(entries_); }

 private:
  static constexpr size_t kArrayDepth = 1000;

  bool InFile() const { return level_ == 3 && keys_[0] == "files"; }

  // False where an object belongs.
  bool Scalar() const {
    return !(level_ == 2 && keys_[0] == "files") && !(level_ == 1 && keys_[0] == "files") && level_ > 0;
  }

  void ResetFile() {
    size_bytes_.reset();
    git_oid_.clear();
    sha256_.clear();
  }

  bool AddFile() {
    const bool is_lfs = !sha256_.empty();
    auto path = RepoPath::Parse(keys_[1]);
    auto blob = BlobId::Parse(is_lfs ? sha256_ : git_oid_);
    if (!path.ok() || !blob.ok() || !size_bytes_.has_value()) return false;
    if (blob->kind() != (is_lfs ? BlobId::Kind::kSha256 : BlobId::Kind::kGitSha1)) return false;
    // Empty: who wrote it did not know either.
    const bool has_git_oid = git_oid_.empty() || IsGitOid(git_oid_);
    if (!has_git_oid) return false;
    entries_.push_back({*std::move(path), *size_bytes_, *std::move(blob), git_oid_});
    return true;
  }

  static bool IsGitOid(const std::string& text) {
    const auto oid = BlobId::Parse(text);
    return oid.ok() && oid->kind() == BlobId::Kind::kGitSha1 && oid->hex() == text;
  }

  size_t level_ = 0;                 // of the object that is open
  std::array<std::string, 3> keys_;  // the latest key of each level
  std::optional<uint64_t> version_;
  std::optional<uint64_t> size_bytes_;
  std::string git_oid_;
  std::string sha256_;
  std::vector<Entry> entries_;
};

}  // namespace

absl::StatusOr<std::optional<std::vector<Entry>>> ParseTree(File& file) {
  const auto bytes = std::make_unique<FileBytes>(file);
  TreeHandler handler;
  const bool is_json = nlohmann::json::sax_parse(ByteIterator(bytes.get()), ByteIterator(), &handler);
  if (!bytes->status().ok()) return bytes->status();
  if (!is_json || !handler.is_tree()) return std::nullopt;
  return handler.TakeEntries();
}

std::optional<std::vector<Entry>> ParseTree(std::string_view text) {
  TreeHandler handler;
  if (!nlohmann::json::sax_parse(text, &handler) || !handler.is_tree()) return std::nullopt;
  return handler.TakeEntries();
}

}  // namespace batuta::cache
