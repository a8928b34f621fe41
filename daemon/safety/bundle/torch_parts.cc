#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/bundle/rules.h"
#include "daemon/safety/bundle/zip_parts.h"
#include "daemon/safety/pickle/pickle.h"

namespace batuta::safety {
namespace {

constexpr std::string_view kPickleSuffix = ".pkl";
constexpr uint64_t kMostTextBytes = 64;

// Members that say in a word or number how the archive was written.
constexpr std::string_view kTexts[] = {"version",        "byteorder",          ".format_version",
                                       "archive_format", ".storage_alignment", ".data/serialization_id",
                                       "archive_version"};

bool IsTextName(std::string_view name) {
  return std::find(std::begin(kTexts), std::end(kTexts), name) != std::end(kTexts);
}

bool IsKeyByte(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         byte == '_' || byte == '.' || byte == '-';
}

bool IsKey(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsKeyByte);
}

// Such a member's content is one word or number. What it is otherwise is found by its content.
absl::Status ExplainText(ZipParts& parts, size_t index) {
  if (parts.entry(index).size_bytes > kMostTextBytes) return absl::OkStatus();
  return parts.zip.Open(index, ZipArchive::Digest::kVerified, [&](ByteSource& content) -> absl::Status {
    std::string text(static_cast<size_t>(content.size_bytes()), '\0');
    RETURN_IF_ERROR(content.Read(0, text));
    if (text.ends_with('\n')) text.pop_back();
    parts.explained[index] = IsKey(text);
    return absl::OkStatus();
  });
}

// A tensor of an exported program is raw numbers, or else something that is known by its content.
absl::Status ExplainRaw(ZipParts& parts, size_t index) {
  return parts.zip.Open(index, ZipArchive::Digest::kIgnored, [&](ByteSource& content) -> absl::Status {
    std::string first(static_cast<size_t>(std::min<uint64_t>(content.size_bytes(), 4)), '\0');
    RETURN_IF_ERROR(content.Read(0, first));
    ASSIGN_OR_RETURN(const bool is_pickle, IsPickle(content));
    parts.explained[index] = !is_pickle && first != "PK\3\4";
    return absl::OkStatus();
  });
}

// The storages of one pickle: those in the folder of its name.
TorchStorages StoragesIn(const ZipParts& parts, std::string_view folder) {
  TorchStorages storages;
  for (const ZipEntry& entry : parts.zip.entries()) {
    std::string_view key = entry.name;
    if (ConsumePrefix(key, folder) && IsKey(key)) {
      storages[std::string(key)] = {.size_bytes = entry.size_bytes};
    }
  }
  return storages;
}

absl::Status WalkPickle(ZipParts& parts, size_t index) {
  const std::string_view name = parts.entry(index).name;
  TorchStorages storages =
      StoragesIn(parts, std::string(name.substr(0, name.size() - kPickleSuffix.size())) + "/");
  parts.explained[index] = true;
  const auto walk = [&](ByteSource& content) {
    return parts.subject.InspectAs(name, content,
                                   [&](Subject& pickle) { return InspectTorchPickle(pickle, storages); });
  };
  RETURN_IF_ERROR(parts.zip.Open(index, ZipArchive::Digest::kVerified, walk));
  if (parts.facts.is_script) return absl::OkStatus();
  uint64_t unused = 0;
  std::string_view first;
  for (const auto& [key, storage] : storages) {
    if (!storage.is_referenced && unused++ == 0) first = key;
  }
  if (unused > 0) {
    parts.subject.Add(rules::kTorchStrayStorage, 0,
                      fmt::format("{} storages are of no tensor, one of them {}", unused, Quoted(first)));
  }
  return absl::OkStatus();
}

// What a member of a torch archive is for, by its name below the root.
enum class TorchRole : uint8_t { kPickle, kStorage, kText, kProgram, kNone };

TorchRole RoleOf(std::string_view name, bool is_script) {
  if (name == "data.pkl" || (is_script && name == "constants.pkl")) return TorchRole::kPickle;
  if (IsTextName(name)) return TorchRole::kText;
  if (is_script && (name.starts_with("code/") || name == "model.json")) return TorchRole::kProgram;
  const bool is_storage =
      ConsumePrefix(name, "data/") ||
      (is_script && (ConsumePrefix(name, "constants/") || ConsumePrefix(name, "tensors/")));
  return is_storage && IsKey(name) ? TorchRole::kStorage : TorchRole::kNone;
}

}  // namespace

absl::Status InspectTorchParts(ZipParts& parts) {
  const std::span<const ZipEntry> entries = parts.zip.entries();
  std::vector<TorchRole> roles(entries.size(), TorchRole::kNone);
  for (size_t i = 0; i < entries.size(); ++i) {
    std::string_view name = entries[i].name;
    if (ConsumePrefix(name, parts.facts.root)) roles[i] = RoleOf(name, parts.facts.is_script);
  }
  // The pickles first: they decide, and where only some bytes are here, they may be among them.
  for (size_t i = 0; i < entries.size(); ++i) {
    if (roles[i] == TorchRole::kPickle) RETURN_IF_ERROR(WalkPickle(parts, i));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (roles[i] == TorchRole::kText) RETURN_IF_ERROR(ExplainText(parts, i));
    if (roles[i] == TorchRole::kStorage || roles[i] == TorchRole::kProgram) parts.explained[i] = true;
    if (!parts.explained[i] && !entries[i].is_folder() && !parts.facts.is_script) {
      parts.subject.Add(rules::kTorchMember, entries[i].header_offset,
                        fmt::format("torch does not write a member {}", Quoted(entries[i].name)));
    }
    if (!entries[i].is_stored() && !parts.facts.is_script) {
      parts.subject.Add(rules::kTorchCompressed, entries[i].header_offset,
                        fmt::format("{} is compressed", Quoted(entries[i].name)));
    }
  }
  return absl::OkStatus();
}

absl::Status InspectPt2Parts(ZipParts& parts) {
  const std::span<const ZipEntry> entries = parts.zip.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    std::string_view name = entries[i].name;
    ConsumePrefix(name, parts.facts.root);
    const std::string_view last = LastComponent(name);
    if (name.find("aotinductor/") != name.npos || last.starts_with("custom_obj_") || last.ends_with(".so") ||
        last.ends_with(".cpp") || last.ends_with(".cubin") || last.ends_with(".o")) {
      parts.subject.Add(rules::kPt2Code, entries[i].header_offset,
                        fmt::format("{} is code", Quoted(entries[i].name)));
    } else if (IsTextName(name)) {
      RETURN_IF_ERROR(ExplainText(parts, i));
    } else if ((name.starts_with("data/weights/") && last.starts_with("weight_")) ||
               (name.starts_with("data/constants/") && last.starts_with("tensor_"))) {
      RETURN_IF_ERROR(ExplainRaw(parts, i));
    }
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
