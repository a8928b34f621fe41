#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "common/text/utf8.h"
#include "daemon/card/card.h"
#include "daemon/card/completion.h"
#include "tests/support/card/memory_folder.h"

namespace batuta::card {
namespace {

constexpr std::array<std::string_view, 16> kNames = {
    "config.json",        "adapter_config.json", "model_index.json",   "modules.json",
    "trainer_state.json", "training_args.json",  "training_args.yaml", "all_results.json",
    "aprender.json",      "aprender.toml",       "certeza.yaml",       "aprender_log.jsonl",
    "Cargo.lock",         "model.safetensors",   "model.gguf",         ".git/packed-refs"};

RepoId Repo() {
  return *RepoId::Parse(RepoType::kModel, "acme/otter");
}

// The metadata must be YAML whatever the files said, and the text must be text.
void CheckGenerated(const Card& card) {
  if (card.kind != CardKind::kGenerated || !IsValidUtf8(card.readme)) std::abort();
  if (!card.readme.starts_with("---\n")) return;
  const size_t end = card.readme.find("\n---\n");
  if (end == std::string::npos || !YAML::Load(card.readme.substr(4, end - 3)).IsMap()) std::abort();
}

// Nothing of the author's is lost, moved or changed.
void CheckCompleted(std::string_view readme, const Completion& completion) {
  const std::string& text = completion.text;
  if (completion.added.empty() != (text == readme) || text.size() < readme.size()) std::abort();
  size_t head = 0;
  while (head < readme.size() && text[head] == readme[head]) ++head;
  const size_t grown = text.size() - readme.size();
  for (size_t at = 0; at <= head; ++at) {
    if (std::string_view(text).substr(at + grown) == readme.substr(at)) return;
  }
  std::abort();
}

}  // namespace
}  // namespace batuta::card

// The first byte says which file the others are of; beyond the names, they are a README.md.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace batuta::card;
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t which = static_cast<size_t>(data[0]) - 'A';
  if (which < kNames.size()) {
    MemoryFolder folder;
    folder.Put(std::string(kNames[which]), bytes);
    folder.Put(".git/HEAD", "ref: refs/heads/main\n");
    const auto card = MakeCard(folder, Repo());
    if (!card.ok()) std::abort();
    CheckGenerated(*card);
    return 0;
  }
  const std::vector<Field> fields = {{"license", {"license: mit"}}, {"tags", {"tags:", "- 'no'"}}};
  const auto completion = CompleteCard(bytes, fields);
  if (completion.ok()) CheckCompleted(bytes, *completion);
  return 0;
}
