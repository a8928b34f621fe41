#include "common/machine/rooted_files.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace batuta {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxNames = 1024;
constexpr std::string_view kSpace = " \t\r\n\0";

// The number at the end of `name`, for an order that a person would give.
uint64_t NumberOf(const std::string& name) {
  const size_t last = name.find_last_not_of("0123456789");
  return ParseWhole(std::string_view(name).substr(last == std::string::npos ? 0 : last + 1)).value_or(0);
}

}  // namespace

RootedFiles::RootedFiles(std::filesystem::path root)
    : root_(std::move(root)), files_(MakePosixFileSystem()) {}

std::filesystem::path RootedFiles::At(const std::filesystem::path& path) const {
  return root_ / path.relative_path();
}

std::optional<std::string> RootedFiles::Text(const std::filesystem::path& path) const {
  absl::StatusOr<std::string> text = ReadSmallFile(*files_, At(path), kMaxFileBytes);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

std::optional<uint64_t> RootedFiles::Number(const std::filesystem::path& path) const {
  const std::optional<std::string> text = Text(path);
  return text ? ParseWhole(*text) : std::nullopt;
}

std::vector<std::string> RootedFiles::Names(const std::filesystem::path& folder) const {
  absl::StatusOr<std::vector<std::string>> listed = files_->List(At(folder));
  if (!listed.ok()) return {};
  std::vector<std::string> names = *std::move(listed);
  std::stable_sort(names.begin(), names.end(), [](const std::string& one, const std::string& other) {
    return NumberOf(one) < NumberOf(other);
  });
  if (names.size() > kMaxNames) names.resize(kMaxNames);
  return names;
}

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<uint64_t> ParseWhole(std::string_view text) {
  text = Trimmed(text);
  const bool is_hexadecimal = text.starts_with("0x");
  if (is_hexadecimal) text.remove_prefix(2);
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, is_hexadecimal ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::string_view taken = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

uint64_t Less(uint64_t from, uint64_t what) {
  return from > what ? from - what : 0;
}

uint64_t Times(uint64_t number, uint64_t factor) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return factor != 0 && number > kMost / factor ? kMost : number * factor;
}

uint64_t Plus(uint64_t one, uint64_t other) {
  return one > std::numeric_limits<uint64_t>::max() - other ? std::numeric_limits<uint64_t>::max()
                                                            : one + other;
}

}  // namespace batuta
