#include "daemon/safety/text/text_names.h"

#include <algorithm>
#include <iterator>

namespace batuta::safety {
namespace {

struct Name {
  std::string_view name;  // of the whole file, or a suffix when it begins with a dot
  TextKind kind = TextKind::kPlain;
};

constexpr Name kNames[] = {
    // The whole name says which rules hold.
    {"adapter_config.json", TextKind::kConfig},
    {"modules.json", TextKind::kConfig},
    {"model_index.json", TextKind::kConfig},
    {"tokenizer.json", TextKind::kData},
    {"vocab.json", TextKind::kData},
    {"added_tokens.json", TextKind::kData},
    {"makefile", TextKind::kCode},
    {"dockerfile", TextKind::kCode},
    {"cmakelists.txt", TextKind::kCode},
    {".safetensors.index.json", TextKind::kConfig},
    {".index.json", TextKind::kConfig},
    {".json", TextKind::kConfig},
    {".jsonl", TextKind::kJsonLines},
    {".ndjson", TextKind::kJsonLines},
    {".yaml", TextKind::kYaml},
    {".yml", TextKind::kYaml},
    {".jinja", TextKind::kTemplate},
    {".jinja2", TextKind::kTemplate},
    {".j2", TextKind::kTemplate},
    {".html", TextKind::kMarkup},
    {".htm", TextKind::kMarkup},
    {".xhtml", TextKind::kMarkup},
    {".svg", TextKind::kMarkup},
    {".xml", TextKind::kMarkup},
    {".tiktoken", TextKind::kTiktoken},
    {".ipynb", TextKind::kNotebook},
    // Source code.
    {".py", TextKind::kCode},
    {".pyi", TextKind::kCode},
    {".pyx", TextKind::kCode},
    {".pyw", TextKind::kCode},
    {".sh", TextKind::kCode},
    {".bash", TextKind::kCode},
    {".zsh", TextKind::kCode},
    {".fish", TextKind::kCode},
    {".csh", TextKind::kCode},
    {".bat", TextKind::kCode},
    {".cmd", TextKind::kCode},
    {".ps1", TextKind::kCode},
    {".psm1", TextKind::kCode},
    {".vbs", TextKind::kCode},
    {".js", TextKind::kCode},
    {".mjs", TextKind::kCode},
    {".cjs", TextKind::kCode},
    {".ts", TextKind::kCode},
    {".tsx", TextKind::kCode},
    {".jsx", TextKind::kCode},
    {".rb", TextKind::kCode},
    {".pl", TextKind::kCode},
    {".lua", TextKind::kCode},
    {".php", TextKind::kCode},
    {".r", TextKind::kCode},
    {".jl", TextKind::kCode},
    {".java", TextKind::kCode},
    {".scala", TextKind::kCode},
    {".kt", TextKind::kCode},
    {".go", TextKind::kCode},
    {".rs", TextKind::kCode},
    {".c", TextKind::kCode},
    {".cc", TextKind::kCode},
    {".cpp", TextKind::kCode},
    {".cxx", TextKind::kCode},
    {".cu", TextKind::kCode},
    {".cuh", TextKind::kCode},
    {".h", TextKind::kCode},
    {".hpp", TextKind::kCode},
    {".swift", TextKind::kCode},
    {".m", TextKind::kCode},
    {".mm", TextKind::kCode},
    {".tcl", TextKind::kCode},
    {".awk", TextKind::kCode},
    {".cmake", TextKind::kCode},
    {".nix", TextKind::kCode},
    // Read by people, or as lines of data.
    {".md", TextKind::kPlain},
    {".markdown", TextKind::kPlain},
    {".rst", TextKind::kPlain},
    {".txt", TextKind::kPlain},
    {".csv", TextKind::kPlain},
    {".tsv", TextKind::kPlain},
    {".srt", TextKind::kPlain},
    {".vtt", TextKind::kPlain},
    {".log", TextKind::kPlain},
    {".cfg", TextKind::kPlain},
    {".ini", TextKind::kPlain},
    {".toml", TextKind::kPlain},
    {".bib", TextKind::kPlain},
    {".tex", TextKind::kPlain},
    {".css", TextKind::kPlain},
    {".gitattributes", TextKind::kPlain},
    {".gitignore", TextKind::kPlain},
};

}  // namespace

std::string TextNameClass(std::string_view name) {
  const Name* best = nullptr;
  for (const Name& entry : kNames) {
    if (!entry.name.starts_with('.')) {
      if (name == entry.name) return std::string(name);
    } else if (name.ends_with(entry.name) && (best == nullptr || entry.name.size() > best->name.size())) {
      best = &entry;
    }
  }
  return best == nullptr ? "" : "*" + std::string(best->name);
}

TextKind TextKindOf(std::string_view name_class) {
  if (name_class.starts_with('*')) name_class.remove_prefix(1);
  const auto entry = std::find_if(std::begin(kNames), std::end(kNames),
                                  [&](const Name& candidate) { return candidate.name == name_class; });
  return entry == std::end(kNames) ? TextKind::kPlain : entry->kind;
}

}  // namespace batuta::safety
