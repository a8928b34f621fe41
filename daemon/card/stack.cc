#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/types/repo_path.h"
#include "daemon/card/carried_text.h"
#include "daemon/card/known_ids.h"
#include "daemon/card/readers.h"

namespace batuta::card {
namespace {

constexpr size_t kMostGitBytes = 1 << 20;
constexpr size_t kMostLicenseBytes = 4 << 10;

// Crates that bear on a model, by the beginning of their names.
constexpr std::array<std::string_view, 21> kCrates = {
    "aprender", "arrow",       "burn",      "candle-", "certeza",     "entrenar", "hf-hub",
    "linfa",    "llama-cpp-",  "mistralrs", "ndarray", "onnxruntime", "ort",      "polars",
    "realizar", "safetensors", "smartcore", "tch",     "tokenizers",  "tract-",   "trueno"};

// `candle-core` for `candle-`; `ort` for `ort`, and not `ortho`.
bool IsStackCrate(std::string_view name) {
  return std::any_of(kCrates.begin(), kCrates.end(), [name](std::string_view crate) {
    if (!name.starts_with(crate)) return false;
    return crate.ends_with('-') || name.size() == crate.size() || name[crate.size()] == '-';
  });
}

void ReadCargoLock(FolderView& folder, Facts* facts) {
  constexpr std::string_view kPath = "Cargo.lock";
  const absl::StatusOr<std::string> text = ReadWhole(folder, kPath, 2 << 20);
  if (!text.ok()) {
    if (!absl::IsNotFound(text.status())) facts->Warn(kPath, MessageOf(text.status()));
    return;
  }
  const absl::StatusOr<Value> lock = ParseToml(*text);
  if (!lock.ok()) {
    facts->Warn(kPath, fmt::format("left out: {}", MessageOf(lock.status())));
    return;
  }
  const Value* packages = lock->Find("package");
  if (packages == nullptr) return;
  for (const Value& package : packages->items) {
    const std::string name = CarriedText(package.Text("name"), 60);
    if (!IsStackCrate(name)) continue;
    facts->Add(&facts->versions, name, CarriedText(package.Text("version"), 60), kPath, "versions");
  }
}

std::string FirstLine(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return std::string(line);
}

// `<commit> <name>`, a line each.
std::string PackedCommit(std::string_view packed, std::string_view name) {
  while (!packed.empty()) {
    const std::string line = FirstLine(packed);
    packed.remove_prefix(std::min(packed.find('\n'), packed.size() - 1) + 1);
    const size_t blank = line.find(' ');
    if (blank != std::string::npos && std::string_view(line).substr(blank + 1) == name) {
      return CommitOf(std::string_view(line).substr(0, blank));
    }
  }
  return {};
}

void ReadGit(FolderView& folder, Facts* facts) {
  constexpr std::string_view kReference = "ref: ";
  const absl::StatusOr<std::string> head = ReadWhole(folder, ".git/HEAD", 4 << 10);
  if (!head.ok()) return;
  const std::string line = FirstLine(*head);
  if (!line.starts_with(kReference)) {
    facts->Say(&facts->commit, CommitOf(line), ".git", "commit");
    return;
  }
  const std::string name = line.substr(kReference.size());
  if (!name.starts_with("refs/") || !RepoPath::Parse(name).ok()) return;
  const absl::StatusOr<std::string> loose = ReadWhole(folder, ".git/" + name, 4 << 10);
  if (loose.ok()) {
    facts->Say(&facts->commit, CommitOf(FirstLine(*loose)), ".git", "commit");
    return;
  }
  const absl::StatusOr<std::string> packed = ReadWhole(folder, ".git/packed-refs", kMostGitBytes);
  if (packed.ok()) facts->Say(&facts->commit, PackedCommit(*packed, name), ".git", "commit");
}

void ReadLicense(FolderView& folder, Facts* facts) {
  for (const std::string_view path : {"LICENSE", "LICENSE.md", "LICENSE.txt", "COPYING"}) {
    const absl::StatusOr<std::unique_ptr<gguf::ByteSource>> file = folder.Open(path);
    if (!file.ok()) continue;
    const absl::StatusOr<std::string> text = ReadPart(**file, 0, kMostLicenseBytes);
    if (!text.ok()) continue;
    facts->license_file = path;
    const std::string id = LicenseOfText(*text);
    if (id.empty() && facts->license.empty()) {
      facts->Warn(path,
                  "not a licence that is recognised by its text: state `license` in a card of your own");
    }
    facts->Say(&facts->license, id, path, "license");
    return;
  }
}

}  // namespace

void ReadStack(FolderView& folder, Facts* facts) {
  ReadLicense(folder, facts);
  ReadCargoLock(folder, facts);
  ReadGit(folder, facts);
}

}  // namespace batuta::card
