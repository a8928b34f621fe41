#include "daemon/push/ignore_rules.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::push {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kNeverTaken = "the hub never takes it";

}  // namespace

void IgnoreRules::Enter(std::string_view path) {
  Level level{.path = std::string(path), .rules = rules_.size(), .files = file_names_.size()};
  if (!level.path.empty()) level.path += '/';
  levels_.push_back(std::move(level));
}

void IgnoreRules::Add(std::string_view file_name, std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const auto file = static_cast<uint32_t>(file_names_.size());
  file_names_.push_back(fmt::format("{}{}", levels_.back().path, file_name));
  for (uint32_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::optional<IgnorePattern> pattern = IgnorePattern::Parse(line)) {
      rules_.push_back({.pattern = *std::move(pattern), .file = file, .line = number});
    }
  }
}

void IgnoreRules::Leave() {
  rules_.erase(rules_.begin() + static_cast<std::ptrdiff_t>(levels_.back().rules), rules_.end());
  file_names_.resize(levels_.back().files);
  levels_.pop_back();
}

std::optional<std::string> IgnoreRules::WhyIgnored(std::string_view name, bool is_folder) const {
  const std::string& folder = levels_.back().path;
  if (name == ".git") return std::string(kNeverTaken);
  if (name == "huggingface" && (folder == ".cache/" || folder.ends_with("/.cache/"))) {
    return std::string(kNeverTaken);
  }
  if (rules_.empty()) return std::nullopt;
  const std::string path = fmt::format("{}{}", folder, name);
  size_t end = rules_.size();
  for (auto level = levels_.rbegin(); level != levels_.rend(); end = level->rules, ++level) {
    const std::string_view below = std::string_view(path).substr(level->path.size());
    for (size_t i = end; i-- > level->rules;) {
      const Rule& rule = rules_[i];
      if (!rule.pattern.Matches(below, name, is_folder)) continue;
      if (rule.pattern.is_negated()) return std::nullopt;
      return fmt::format("`{}` in {}, line {}", Printable(rule.pattern.text()),
                         Printable(file_names_[rule.file]), rule.line);
    }
  }
  return std::nullopt;
}

}  // namespace batuta::push
