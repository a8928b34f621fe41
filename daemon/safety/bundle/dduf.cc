#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/bundle/rules.h"
#include "daemon/safety/bundle/zip_parts.h"
#include "daemon/safety/text/json.h"

namespace batuta::safety {
namespace {

constexpr std::string_view kIndex = "model_index.json";
constexpr std::string_view kKinds[] = {".json", ".model", ".safetensors", ".txt"};
constexpr std::string_view kConfigs[] = {"config.json", "tokenizer_config.json", "preprocessor_config.json",
                                         "scheduler_config.json"};

bool MayBeIn(std::string_view name) {
  return std::any_of(std::begin(kKinds), std::end(kKinds),
                     [name](std::string_view kind) { return name.ends_with(kind); });
}

bool IsConfig(std::string_view name) {
  return std::find(std::begin(kConfigs), std::end(kConfigs), name) != std::end(kConfigs);
}

using Names = std::set<std::string, std::less<>>;

// The keys of the index. Whether it is JSON is found out with its content.
absl::Status ReadComponents(ByteSource& index, Names& components) {
  JsonReader reader(index);
  if (reader.Next() != JsonToken::kBeginObject) return reader.status();
  while (reader.Next() == JsonToken::kKey) {
    components.emplace(reader.text());
    if (!reader.SkipRest()) break;
  }
  return reader.status();
}

}  // namespace

absl::Status CheckDduf(ZipParts& parts) {
  Names components;
  Names folders;
  Names configured;
  bool has_index = false;
  for (size_t i = 0; i < parts.zip.entries().size(); ++i) {
    const ZipEntry& entry = parts.entry(i);
    const std::string_view name = entry.name;
    if (!MayBeIn(name) || !entry.is_stored() || (entry.flags & zip::kHasDescriptor) != 0) {
      parts.subject.Add(rules::kDdufMember, entry.header_offset,
                        fmt::format("{} is compressed or of no kind a DDUF has", Quoted(name)));
    }
    const size_t slash = name.find('/');
    if (slash != name.npos) {
      folders.emplace(name.substr(0, slash));
      if (IsConfig(name.substr(slash + 1))) configured.emplace(name.substr(0, slash));
      if (name.find('/', slash + 1) != name.npos) {
        parts.subject.Add(rules::kDdufFolder, entry.header_offset,
                          fmt::format("{} is in a folder of a folder", Quoted(name)));
      }
    }
    if (name != kIndex) continue;
    has_index = true;
    RETURN_IF_ERROR(parts.zip.Open(i, ZipArchive::Digest::kIgnored,
                                   [&](ByteSource& content) { return ReadComponents(content, components); }));
  }
  if (!has_index) parts.subject.Add(rules::kDdufIndex, 0, "there is no model_index.json");
  for (const std::string& folder : folders) {
    if (!components.contains(folder) || !configured.contains(folder)) {
      parts.subject.Add(rules::kDdufFolder, 0,
                        fmt::format("{} is not in the index or has no configuration", Quoted(folder)));
    }
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
