#include "daemon/inventory/selections.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

namespace batuta::inventory {
namespace {

constexpr std::string_view kEnding = ".gguf";

// `-00001-of-00002` at the end of `name`.
size_t PartSuffixLength(std::string_view name) {
  constexpr std::string_view kPattern = "-#####-of-#####";
  if (name.size() <= kPattern.size()) return 0;
  const std::string_view suffix = name.substr(name.size() - kPattern.size());
  for (size_t i = 0; i < kPattern.size(); ++i) {
    const bool fits = kPattern[i] == '#' ? suffix[i] >= '0' && suffix[i] <= '9' : suffix[i] == kPattern[i];
    if (!fits) return 0;
  }
  return kPattern.size();
}

std::string_view NameOf(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

void Add(const cache::SurveyedFile& file, Selection* selection) {
  selection->files.push_back({file.path, {file.device, file.inode}, file.size_bytes, BlobMark(file.blob)});
  selection->accessed = std::max(selection->accessed, file.accessed);
}

}  // namespace

uint64_t BlobMark(std::string_view name) {
  constexpr size_t kDigits = 16;
  uint64_t mark = 0;
  if (name.size() < kDigits) return 0;
  const char* const end = name.data() + kDigits;
  const auto parsed = std::from_chars(name.data(), end, mark, 16);
  return parsed.ptr == end && parsed.ec == std::errc() ? mark : 0;
}

std::string SelectionId(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::string joined;
  for (const std::string& path : paths) joined.append(path).push_back('\0');
  return fmt::format("{:016x}", XXH3_64bits(joined.data(), joined.size()));
}

std::string GgufStem(std::string_view path) {
  if (!path.ends_with(kEnding)) return {};
  path.remove_suffix(kEnding.size());
  path.remove_suffix(PartSuffixLength(path));
  return std::string(path);
}

std::vector<Selection> SelectionsOf(const cache::SurveyedSnapshot& snapshot,
                                    const std::vector<PulledSelection>& pulled) {
  std::map<std::string_view, const cache::SurveyedFile*> by_path;
  for (const cache::SurveyedFile& file : snapshot.files) by_path.emplace(file.path, &file);
  std::vector<Selection> selections;
  std::set<std::string_view> covered;
  for (const PulledSelection& asked : pulled) {
    Selection selection{asked.id, asked.label, {}, WallTime()};
    for (const std::string& path : asked.paths) {
      const auto found = by_path.find(path);
      if (found == by_path.end()) continue;
      Add(*found->second, &selection);
      covered.insert(found->first);
    }
    if (!selection.files.empty()) selections.push_back(std::move(selection));
  }

  std::map<std::string, Selection> rest;  // by stem; the empty one is everything else
  for (const cache::SurveyedFile& file : snapshot.files) {
    if (covered.count(file.path) == 0) Add(file, &rest[GgufStem(file.path)]);
  }
  // One variant is no choice: it belongs to what lies around it.
  if (rest.size() == 2 && rest.count("") == 1) {
    Selection& variant = rest.rbegin()->second;
    Selection& others = rest.at("");
    others.files.insert(others.files.end(), variant.files.begin(), variant.files.end());
    others.accessed = std::max(others.accessed, variant.accessed);
    rest.erase(std::prev(rest.end()));
  }
  for (auto& [stem, selection] : rest) {
    std::vector<std::string> paths;
    for (const File& file : selection.files) paths.push_back(file.path);
    selection.id = SelectionId(std::move(paths));
    selection.label = stem.empty() ? "files" : std::string(NameOf(stem));
    selections.push_back(std::move(selection));
  }
  return selections;
}

}  // namespace batuta::inventory
