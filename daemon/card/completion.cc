#include "daemon/card/completion.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/card/value.h"

namespace batuta::card {
namespace {

constexpr std::string_view kFence = "---";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMostMetadataBytes = 256 << 10;
constexpr size_t kContextLines = 3;

// The metadata of a card: where it lies in the text (hub-protocol 7.1).
struct Place {
  size_t begin = 0;  // of the YAML
  size_t end = 0;    // of the YAML, where the closing fence begins
  size_t first_line = 1;
  std::string_view line_end = "\n";
};

struct Line {
  std::string_view text;  // without its end
  size_t end = 0;         // where the next one begins
  std::string_view ending;
};

Line LineAt(std::string_view text, size_t at) {
  const size_t newline = text.find('\n', at);
  if (newline == std::string_view::npos) return {text.substr(at), text.size(), {}};
  const bool is_crlf = newline > at && text[newline - 1] == '\r';
  const size_t length = newline - at - (is_crlf ? 1 : 0);
  return {text.substr(at, length), newline + 1, is_crlf ? "\r\n" : "\n"};
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

bool IsClosingFence(std::string_view line) {
  return line.starts_with(kFence) && IsBlank(line.substr(kFence.size()));
}

absl::Status Wrong(size_t line, std::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidContent,
                   fmt::format("README.md, line {}: {}", line, why),
                   "Correct the metadata at the beginning of README.md, or push with --no-card");
}

// Does it look like the beginning of metadata, and not like a rule between paragraphs?
bool LooksLikeField(std::string_view line) {
  const size_t end = line.find_first_of(": \t");
  return end != std::string_view::npos && end > 0 && line[end] == ':';
}

// Nothing when the text begins with something else.
absl::StatusOr<std::optional<Place>> FindMetadata(std::string_view readme) {
  size_t at = readme.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  at = readme.find_first_not_of(" \t\r\n\f\v", at);
  if (at == std::string_view::npos) return std::nullopt;
  const Line opening = LineAt(readme, at);
  if (opening.text != kFence || opening.ending.empty()) return std::nullopt;
  Place place;
  place.begin = opening.end;
  place.line_end = opening.ending;
  place.first_line = 1 + static_cast<size_t>(std::count(
                             readme.begin(), readme.begin() + static_cast<long>(place.begin), '\n'));
  for (size_t line_at = place.begin; line_at < readme.size();) {
    const Line line = LineAt(readme, line_at);
    if (IsClosingFence(line.text)) {
      place.end = line_at;
      return place;
    }
    line_at = line.end;
  }
  if (LooksLikeField(LineAt(readme, place.begin).text)) {
    return Wrong(place.first_line - 1,
                 "metadata begins here and never ends: a line `---` is missing below it");
  }
  return std::nullopt;
}

// Keys of the map at the top, and how far they are indented.
struct Metadata {
  std::set<std::string, std::less<>> keys;
  std::vector<std::string> empty_keys;
  std::string indent;
  bool is_flow = false;
};

absl::StatusOr<Metadata> ReadMetadata(std::string_view yaml, size_t first_line) {
  Metadata metadata;
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    if (!root.IsDefined() || root.IsNull()) return metadata;
    if (!root.IsMap()) return Wrong(first_line, "the metadata is no list of fields (`key: value`)");
    metadata.is_flow = root.Style() == YAML::EmitterStyle::Flow;
    for (const auto& member : root) {
      if (!member.first.IsScalar()) continue;
      const std::string& key = member.first.Scalar();
      const size_t line = first_line + static_cast<size_t>(std::max(member.first.Mark().line, 0));
      if (metadata.keys.empty()) {
        metadata.indent = std::string(static_cast<size_t>(std::max(member.first.Mark().column, 0)), ' ');
      }
      if (!metadata.keys.insert(key).second)
        return Wrong(line, fmt::format("{} is there twice", Quoted(key, 60)));
      if (member.second.IsNull()) metadata.empty_keys.push_back(key);
    }
  } catch (const YAML::Exception& error) {
    const size_t line = error.mark.is_null() ? 0 : static_cast<size_t>(std::max(error.mark.line, 0));
    return Wrong(first_line + line, fmt::format("not YAML: {}", Printable(error.msg)));
  }
  return metadata;
}

// A field goes where its `first` goes, and is left out where the author has the one and not the other.
struct Companion {
  std::string_view key;
  std::string_view first;
};

constexpr std::array kCompanions = {
    Companion{"license_name", "license"},
    Companion{"license_link", "license"},
    Companion{"base_model_relation", "base_model"},
};

std::vector<Field> Missing(const std::vector<Field>& fields, const std::set<std::string, std::less<>>& keys) {
  std::vector<Field> missing;
  for (const Field& field : fields) {
    const auto companion =
        std::find_if(kCompanions.begin(), kCompanions.end(),
                     [&field](const Companion& candidate) { return candidate.key == field.key; });
    const bool stays_out = companion != kCompanions.end() && keys.contains(companion->first);
    if (!keys.contains(field.key) && !stays_out) missing.push_back(field);
  }
  return missing;
}

std::string LinesOf(const std::vector<Field>& fields, std::string_view indent, std::string_view line_end) {
  std::string text;
  for (const Field& field : fields) {
    for (const std::string& line : field.lines) text += fmt::format("{}{}{}", indent, line, line_end);
  }
  return text;
}

// Do both read the same, but for the fields that were added?
bool SameButFor(std::string_view before, std::string_view after, const std::vector<Field>& added) {
  const absl::StatusOr<Value> old_value = ParseYaml(before);
  const absl::StatusOr<Value> new_value = ParseYaml(after);
  if (!old_value.ok() || !new_value.ok() || new_value->kind != Value::Kind::kMap) return false;
  if (new_value->items.size() != old_value->items.size() + added.size()) return false;
  for (size_t i = 0; i < old_value->items.size(); ++i) {
    if (new_value->names[i] != old_value->names[i] || !(new_value->items[i] == old_value->items[i]))
      return false;
  }
  for (size_t i = 0; i < added.size(); ++i) {
    if (new_value->names[old_value->items.size() + i] != added[i].key) return false;
  }
  return true;
}

Completion Unchanged(std::string_view readme, std::string_view warning) {
  Completion completion;
  completion.text = readme;
  if (!warning.empty())
    completion.warnings.push_back(fmt::format("README.md: {}; nothing was added", warning));
  return completion;
}

std::vector<std::string> KeysOf(const std::vector<Field>& fields) {
  std::vector<std::string> keys;
  for (const Field& field : fields) keys.push_back(field.key);
  return keys;
}

Completion WithNewMetadata(std::string_view readme, const std::vector<Field>& fields) {
  if (fields.empty()) return Unchanged(readme, {});
  const size_t at = readme.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::string_view line_end = LineAt(readme, at).ending;
  if (line_end.empty()) line_end = "\n";
  Completion completion;
  completion.text = readme.substr(0, at);
  completion.text +=
      fmt::format("{}{}{}{}{}", kFence, line_end, LinesOf(fields, "", line_end), kFence, line_end);
  if (at < readme.size()) completion.text += line_end;
  completion.text += readme.substr(at);
  completion.added = KeysOf(fields);
  return completion;
}

}  // namespace

absl::StatusOr<Completion> CompleteCard(std::string_view readme, const std::vector<Field>& fields) {
  if (!IsValidUtf8(readme)) return Unchanged(readme, "it is not UTF-8");
  // Line ends of a lone carriage return: what would be added could not be told from what is there.
  if (readme.find('\n') == std::string_view::npos && readme.find('\r') != std::string_view::npos) {
    return Unchanged(readme, "its lines end in a way that is not understood");
  }
  ASSIGN_OR_RETURN(const std::optional<Place> place, FindMetadata(readme));
  if (!place) return WithNewMetadata(readme, fields);
  const std::string_view yaml = readme.substr(place->begin, place->end - place->begin);
  if (yaml.size() > kMostMetadataBytes) return Unchanged(readme, "its metadata is larger than is read");
  ASSIGN_OR_RETURN(const Metadata metadata, ReadMetadata(yaml, place->first_line));

  const std::vector<Field> missing = Missing(fields, metadata.keys);
  Completion completion = Unchanged(readme, {});
  for (const std::string& key : metadata.empty_keys) {
    const bool is_known =
        std::any_of(fields.begin(), fields.end(), [&key](const Field& field) { return field.key == key; });
    if (!is_known) continue;
    completion.warnings.push_back(fmt::format("README.md: {} is there and empty; it was left so", key));
  }
  if (missing.empty()) return completion;
  const std::string insertion = LinesOf(missing, metadata.indent, place->line_end);
  const std::string completed_yaml = std::string(yaml) + insertion;
  if (metadata.is_flow || !SameButFor(yaml, completed_yaml, missing)) {
    return Unchanged(readme, "its metadata is written in a way that cannot be added to");
  }
  completion.text.insert(place->end, insertion);
  completion.added = KeysOf(missing);
  return completion;
}

std::string InsertionDiff(std::string_view original, std::string_view changed, std::string_view path) {
  if (original == changed) return {};
  const auto lines_of = [](std::string_view text) {
    std::vector<std::string_view> lines;
    for (size_t at = 0; at < text.size();) {
      const size_t end = LineAt(text, at).end;
      lines.push_back(text.substr(at, end - at));
      at = end;
    }
    return lines;
  };
  const std::vector<std::string_view> before = lines_of(original);
  const std::vector<std::string_view> after = lines_of(changed);
  const size_t shorter = std::min(before.size(), after.size());
  size_t same_head = 0;
  while (same_head < shorter && before[same_head] == after[same_head]) ++same_head;
  size_t same_tail = 0;
  while (same_tail < shorter - same_head &&
         before[before.size() - 1 - same_tail] == after[after.size() - 1 - same_tail]) {
    ++same_tail;
  }
  const size_t begin = same_head - std::min(same_head, kContextLines);
  const size_t tail = std::min(same_tail, kContextLines);
  const size_t old_count = before.size() - same_tail + tail - begin;
  const size_t new_count = after.size() - same_tail + tail - begin;
  const auto position = [begin](size_t count) { return count == 0 ? begin : begin + 1; };
  std::string diff =
      fmt::format("--- {}\n+++ {}\n@@ -{},{} +{},{} @@\n", original.empty() ? "/dev/null" : path, path,
                  position(old_count), old_count, position(new_count), new_count);
  const auto add = [&diff](char sign, std::string_view line) {
    diff += sign;
    diff += line;
    if (!line.ends_with('\n')) diff += "\n\\ No newline at end of file\n";
  };
  for (size_t i = begin; i < same_head; ++i) add(' ', before[i]);
  for (size_t i = same_head; i < before.size() - same_tail; ++i) add('-', before[i]);
  for (size_t i = same_head; i < after.size() - same_tail; ++i) add('+', after[i]);
  for (size_t i = 0; i < tail; ++i) add(' ', before[before.size() - same_tail + i]);
  return diff;
}

}  // namespace batuta::card
