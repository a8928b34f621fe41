#include "daemon/safety/bundle/zip_facts.h"

#include <algorithm>

namespace batuta::safety {
namespace {

// Is `name` FOLDER/`rest`, with a single folder? Then that folder, with its slash.
std::string_view RootBefore(std::string_view name, std::string_view rest) {
  const size_t slash = name.find('/');
  if (slash == name.npos || name.substr(slash + 1) != rest) return {};
  return name.substr(0, slash + 1);
}

// In any letter case.
bool HasSuffix(std::string_view name, std::string_view suffix) {
  if (name.size() < suffix.size()) return false;
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::equal(suffix.begin(), suffix.end(), name.end() - suffix.size(),
                    [&](char wanted, char is) { return same(is, wanted); });
}

bool Has(std::span<const ZipEntry> entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(),
                     [name](const ZipEntry& entry) { return entry.name == name; });
}

bool HasBelow(std::span<const ZipEntry> entries, std::string_view folder) {
  return std::any_of(entries.begin(), entries.end(),
                     [folder](const ZipEntry& entry) { return entry.name.starts_with(folder); });
}

bool IsOfProgram(std::string_view name) {
  if (name == "META-INF/MANIFEST.MF" || name == "EGG-INFO/PKG-INFO" || name.ends_with(".class")) return true;
  const size_t slash = name.find('/');
  return slash != name.npos && name.substr(0, slash).ends_with(".dist-info");
}

bool IsNamedProgram(std::string_view file_name) {
  return HasSuffix(file_name, ".whl") || HasSuffix(file_name, ".egg") || HasSuffix(file_name, ".jar");
}

void FindTorch(std::span<const ZipEntry> entries, ZipFacts& facts) {
  for (const ZipEntry& entry : entries) {
    if (facts.root.empty()) facts.root = RootBefore(entry.name, "data.pkl");
  }
  facts.is_torch = !facts.root.empty();
  if (facts.is_torch) {
    facts.is_script = HasBelow(entries, facts.root + "code/") || Has(entries, facts.root + "constants.pkl");
    return;
  }
  for (const ZipEntry& entry : entries) {
    // The first version of TorchScript had its pickles elsewhere.
    facts.is_script = facts.is_script || !RootBefore(entry.name, "model.json").empty() ||
                      !RootBefore(entry.name, "constants.pkl").empty();
  }
  facts.is_script = facts.is_script && std::any_of(entries.begin(), entries.end(), [](const ZipEntry& entry) {
                      return entry.name.find("/code/") != std::string::npos;
                    });
}

void FindPt2(std::span<const ZipEntry> entries, ZipFacts& facts) {
  for (const ZipEntry& entry : entries) {
    const std::string_view root = RootBefore(entry.name, "archive_format");
    if (root.empty() && entry.name != "archive_format" && entry.name != "serialized_exported_program.json") {
      continue;
    }
    facts.is_pt2 = true;
    if (facts.root.empty()) facts.root = root;
  }
}

std::string_view FormatOf(std::string_view file_name, std::span<const ZipEntry> entries,
                          const ZipFacts& facts) {
  if (facts.is_script) return "torchscript";
  if (facts.is_torch) return "torch zip";
  if (facts.is_pt2) return "pt2";
  if (facts.is_keras) return "keras";
  if (facts.is_program) return "program archive";
  if (facts.is_dduf) return "dduf";
  if (Has(entries, "MAR-INF/MANIFEST.json")) return "torchserve archive";
  if (facts.is_skops) return "skops";
  const bool is_numpy = std::all_of(entries.begin(), entries.end(),
                                    [](const ZipEntry& entry) { return entry.name.ends_with(".npy"); });
  return HasSuffix(file_name, ".npz") || (is_numpy && !entries.empty()) ? "numpy archive" : "zip";
}

}  // namespace

bool ConsumePrefix(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

std::string_view LastComponent(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

ZipFacts FactsOf(std::string_view file_name, std::span<const ZipEntry> entries) {
  ZipFacts facts;
  FindTorch(entries, facts);
  FindPt2(entries, facts);
  facts.is_keras =
      HasSuffix(file_name, ".keras") ||
      (Has(entries, "config.json") && (Has(entries, "metadata.json") || HasBelow(entries, "model.weights.")));
  facts.is_dduf = HasSuffix(file_name, ".dduf");
  facts.is_skops = Has(entries, "schema.json");
  facts.is_program =
      IsNamedProgram(file_name) || std::any_of(entries.begin(), entries.end(),
                                               [](const ZipEntry& entry) { return IsOfProgram(entry.name); });
  facts.format = FormatOf(file_name, entries, facts);
  return facts;
}

}  // namespace batuta::safety
