#include "daemon/safety/text/config_rules.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/text/rules.h"
#include "daemon/safety/text/template.h"

namespace batuta::safety {
namespace {

constexpr size_t kLongestKey = 64;      // no key that matters is longer
constexpr size_t kLongestName = 1'024;  // of a class: a longer one is none

template <size_t kCount>
bool IsOneOf(const std::string_view (&words)[kCount], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Where a diffusers pipeline finds its components: libraries, and modules of diffusers' own pipelines.
constexpr std::string_view kComponentLibraries[] = {"diffusers",
                                                    "transformers",
                                                    "onnxruntime",
                                                    "optimum",
                                                    "stable_diffusion",
                                                    "latent_diffusion",
                                                    "deepfloyd_if",
                                                    "kandinsky",
                                                    "kandinsky2_2",
                                                    "paint_by_example",
                                                    "unclip",
                                                    "unidiffuser",
                                                    "versatile_diffusion",
                                                    "wuerstchen",
                                                    "stable_cascade",
                                                    "audioldm2",
                                                    "stable_audio",
                                                    "musicldm",
                                                    "shap_e",
                                                    "spectrogram_diffusion",
                                                    "blip_diffusion",
                                                    "semantic_stable_diffusion",
                                                    "stable_diffusion_safe",
                                                    "alt_diffusion",
                                                    "amused",
                                                    "stable_diffusion_xl",
                                                    "controlnet"};

// Libraries whose classes hold weights and layers.
constexpr std::string_view kModelLibraries[] = {"nemo.",         "torch.nn.",  "torch.optim.",
                                                "omegaconf.",    "lightning.", "pytorch_lightning.",
                                                "transformers.", "megatron."};

// Modules that those libraries import themselves, and so can be reached through them.
constexpr std::string_view kForeignModules[] = {
    "os",        "sys",      "subprocess", "builtins", "importlib", "pickle",
    "shutil",    "runpy",    "ctypes",     "socket",   "pathlib",   "tempfile",
    "urllib",    "requests", "http",       "code",     "io",        "multiprocessing",
    "threading", "asyncio",  "zipfile",    "tarfile",  "glob",      "logging",
    "inspect",   "types",    "functools",  "operator", "dill",      "cloudpickle",
    "joblib",    "yaml",     "hydra",      "posix",    "nt",        "pty",
    "signal",    "platform"};

bool IsIdentifier(std::string_view word) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !word.empty() && is_letter(word.front()) && std::all_of(word.begin(), word.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

// A class of a library that only holds weights and layers: dotted, known from its first names on, ending in a
// class, and not by way of a module of another kind.
bool IsModelClass(std::string_view name) {
  const bool is_known = std::any_of(std::begin(kModelLibraries), std::end(kModelLibraries),
                                    [&](std::string_view library) { return name.starts_with(library); });
  if (!is_known) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    if (!IsIdentifier(part) || part.starts_with("__") || IsOneOf(kForeignModules, part)) return false;
    if (dot == name.npos) return part.front() >= 'A' && part.front() <= 'Z';
    name.remove_prefix(dot + 1);
  }
}

bool LeavesItsFolder(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\\') != path.npos || path.find(':') != path.npos)
    return true;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

ConfigRules::ConfigRules(Subject& subject) : subject_(subject) {
  const std::string_view name = subject.name();
  is_adapter_ = name == "adapter_config.json";
  is_modules_ = name == "modules.json";
  is_pipeline_ = name == "model_index.json";
  is_index_ = name.ends_with(".index.json");
  is_safetensors_index_ = name.ends_with(".safetensors.index.json");
}

void ConfigRules::BeginObject() {
  Begin(true);
}

void ConfigRules::BeginArray() {
  Begin(false);
}

void ConfigRules::Begin(bool is_object) {
  const Role role = NextRole();
  if (role == Role::kPipelineClass && !is_object) {
    subject_.Add(rules::kCustomCode, 0, "a pipeline class of the repo's own is asked for (_class_name)");
  }
  Level& level = levels_.emplace_back();
  level.is_object = is_object;
  level.role = role;
}

void ConfigRules::End() {
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  if (level.class_path.is_set && level.has_init_args)
    CheckCall(level.class_path.name, level.class_path.offset);
  if (level.ldm_target.is_set && level.has_params) CheckCall(level.ldm_target.name, level.ldm_target.offset);
  AfterValue();
}

void ConfigRules::Key(std::string_view key) {
  Level& level = levels_.back();
  level.key = key.substr(0, kLongestKey);
  level.has_init_args |= key == "init_args";
  level.has_params |= key == "params";
}

ConfigRules::Role ConfigRules::NextRole() const {
  if (levels_.empty()) return Role::kNone;
  const Level& level = levels_.back();
  if (level.is_object) return RoleOfKey(level);
  return level.role == Role::kComponent && level.index > 0 ? Role::kNone : level.role;
}

ConfigRules::Role ConfigRules::RoleOfKey(const Level& level) const {
  const std::string_view key = level.key;
  if (level.role == Role::kTemplate) return key == "name" ? Role::kTemplateName : Role::kTemplate;
  // What stands below these is theirs, whatever it is called.
  if (level.role != Role::kNone && level.role != Role::kComponent) return level.role;
  if (key == "auto_map") return Role::kAutoMap;
  if (key == "custom_pipelines" || key == "custom_generate") return Role::kCustomCode;
  if (key == "_attn_implementation_internal" || key == "_experts_implementation_internal")
    return Role::kKernel;
  if (key == "attn_implementation" || key == "_attn_implementation" || key == "experts_implementation" ||
      key == "_experts_implementation") {
    return Role::kAttention;
  }
  if (key == "chat_template") return Role::kTemplate;
  if (key == "_target_") return Role::kTarget;
  if (key == "class_path") return Role::kClassPath;
  if (key == "target") return Role::kLdmTarget;
  if (key == "trust_remote_code") return Role::kTrust;
  if (is_adapter_ && key == "parent_library") return Role::kParentLibrary;
  if (is_adapter_ && key == "base_model_name_or_path") return Role::kBaseModel;
  if (is_modules_ && key == "type") return Role::kModuleType;
  if (is_pipeline_ && levels_.size() == 1)
    return key == "_class_name" ? Role::kPipelineClass : Role::kComponent;
  if (is_index_ && key == "weight_map") return Role::kShard;
  return Role::kNone;
}

void ConfigRules::AfterValue() {
  if (!levels_.empty()) ++levels_.back().index;
}

void ConfigRules::String(std::string_view text, uint64_t size_bytes, uint64_t offset) {
  const Role role = NextRole();
  const bool is_whole = text.size() == size_bytes;
  const auto call = [&] {
    return Call{.name = std::string(text.substr(0, kLongestName)), .offset = offset, .is_set = true};
  };
  switch (role) {
    case Role::kAutoMap:
      AutoMap(text, offset);
      break;
    case Role::kCustomCode:
      subject_.Add(rules::kCustomCode, offset,
                   fmt::format("code that comes with the repo is asked for ({}: {})", levels_.back().key,
                               Quoted(text, 100)));
      break;
    case Role::kKernel:
      subject_.Add(rules::kKernel, offset,
                   fmt::format("a kernel is fetched and imported: {}", Quoted(text, 100)));
      break;
    case Role::kAttention:
      Attention(text, offset);
      break;
    case Role::kTemplate:
      if (is_whole) {
        InspectTemplate(subject_, text, offset);
      } else {
        subject_.Add(rules::kTemplateTooLarge, offset,
                     fmt::format("the chat template has {} bytes", size_bytes));
      }
      break;
    case Role::kTarget:
      CheckCall(text, offset);
      break;
    case Role::kClassPath:
      if (!levels_.empty()) levels_.back().class_path = call();
      break;
    case Role::kLdmTarget:
      if (!levels_.empty()) levels_.back().ldm_target = call();
      break;
    case Role::kParentLibrary:
      if (text.starts_with("transformers_modules")) {
        subject_.Add(rules::kRemoteModule, offset,
                     fmt::format("a module of another repo is imported: {}", Quoted(text, 100)));
      }
      break;
    case Role::kBaseModel:
      if (LeavesItsFolder(text)) {
        subject_.report().AddNote(
            fmt::format("its base model is a path on the author's machine: {}", Quoted(text, 100)));
      }
      break;
    case Role::kModuleType:
      if (!text.starts_with("sentence_transformers.")) {
        subject_.Add(rules::kForeignClass, offset,
                     fmt::format("{} is imported by its name", Quoted(text, 100)));
      }
      break;
    case Role::kComponent:
      Component(text, offset);
      break;
    case Role::kShard:
      Shard(text, offset);
      break;
    case Role::kNone:
    case Role::kTemplateName:
    case Role::kPipelineClass:
    case Role::kTrust:
      break;
  }
  AfterValue();
}

void ConfigRules::Boolean(bool value, uint64_t offset) {
  const Role role = NextRole();
  if (value && role == Role::kTrust) {
    subject_.report().AddNote(
        "it asks whoever loads it to trust code that comes with it (trust_remote_code)");
  }
  if (value && role == Role::kCustomCode) {
    subject_.Add(rules::kCustomCode, offset,
                 fmt::format("code that comes with the repo is asked for ({})", levels_.back().key));
  }
  AfterValue();
}

void ConfigRules::Other() {
  AfterValue();
}

// "modeling_x.Class", "other/repo--module.Class".
void ConfigRules::AutoMap(std::string_view text, uint64_t offset) {
  const size_t foreign = text.find("--");
  const std::string_view module = foreign == text.npos ? text : text.substr(foreign + 2);
  const std::string file = fmt::format("{}.py", module.substr(0, module.rfind('.')));
  if (foreign == text.npos) {
    subject_.Add(rules::kAutoMap, offset, fmt::format("asks for {} through auto_map", Quoted(file, 100)));
  } else {
    subject_.Add(rules::kRemoteModule, offset,
                 fmt::format("asks for {} of the repo {} through auto_map", Quoted(file, 100),
                             Quoted(text.substr(0, foreign), 100)));
  }
}

// Plain words name what the library brings; others a repo with a kernel.
void ConfigRules::Attention(std::string_view text, uint64_t offset) {
  if (text.find('/') == text.npos && text.find(':') == text.npos) return;
  subject_.Add(rules::kKernel, offset,
               fmt::format("a kernel is fetched and imported: {}", Quoted(text, 100)));
}

void ConfigRules::Component(std::string_view text, uint64_t offset) {
  if (levels_.back().is_object) return;  // a setting of the pipeline, no component
  const std::string_view library = text.substr(0, text.find('.'));
  if (!IsOneOf(kComponentLibraries, library)) {
    subject_.Add(rules::kForeignClass, offset,
                 fmt::format("a component is imported from {}", Quoted(text, 100)));
  }
}

void ConfigRules::Shard(std::string_view text, uint64_t offset) {
  if (LeavesItsFolder(text)) {
    subject_.Add(rules::kShardPath, offset, fmt::format("the index names {}", Quoted(text, 100)));
    return;
  }
  const size_t dot = text.rfind('.');
  const std::string_view extension = dot == text.npos ? std::string_view() : text.substr(dot);
  if (shard_extension_.empty())
    shard_extension_ = is_safetensors_index_ ? ".safetensors" : std::string(extension);
  if (extension != shard_extension_) {
    subject_.Add(
        rules::kShardFormat, offset,
        fmt::format("the index names {} among {} files", Quoted(text, 100), Quoted(shard_extension_, 40)));
  }
}

void ConfigRules::CheckCall(std::string_view name, uint64_t offset) {
  // Without a dot it names nothing that could be imported.
  if (name.find('.') == name.npos || IsModelClass(name)) return;
  subject_.Add(rules::kTarget, offset, fmt::format("{} is called by its name", Quoted(name, 100)));
}

}  // namespace batuta::safety
