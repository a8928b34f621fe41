#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// What makes a loader import code, held against a configuration that is read value by value: JSON or YAML, of
// any depth. The order of keys makes no difference.
class ConfigRules {
 public:
  // Some rules go by the subject's name. `subject` must outlive it.
  explicit ConfigRules(Subject& subject);

  void BeginObject();
  void BeginArray();
  void End();
  void Key(std::string_view key);

  // `text` may be the beginning of a longer value of `size_bytes`.
  void String(std::string_view text, uint64_t size_bytes, uint64_t offset);
  void Boolean(bool value, uint64_t offset);

  // A number or null.
  void Other();

 private:
  // What a value is to the loader, by the keys above it.
  enum class Role : uint8_t {
    kNone,
    kAutoMap,
    kCustomCode,
    kKernel,
    kAttention,
    kTemplate,
    kTemplateName,
    kTarget,
    kClassPath,
    kLdmTarget,
    kParentLibrary,
    kBaseModel,
    kModuleType,
    kComponent,
    kPipelineClass,
    kShard,
    kTrust,
  };

  // A class that is only called when another key stands beside it.
  struct Call {
    std::string name;
    uint64_t offset = 0;
    bool is_set = false;
  };

  struct Level {
    bool is_object = false;
    Role role = Role::kNone;  // of its values, where their keys say nothing else
    uint64_t index = 0;       // of the next value of an array
    std::string key;
    Call class_path;
    Call ldm_target;
    bool has_init_args = false;
    bool has_params = false;
  };

  void Begin(bool is_object);
  // Of the value that comes next.
  Role NextRole() const;
  Role RoleOfKey(const Level& level) const;
  void AfterValue();

  void AutoMap(std::string_view text, uint64_t offset);
  void Attention(std::string_view text, uint64_t offset);
  void Component(std::string_view text, uint64_t offset);
  void Shard(std::string_view text, uint64_t offset);
  void CheckCall(std::string_view name, uint64_t offset);

  Subject& subject_;
  bool is_adapter_ = false;
  bool is_modules_ = false;
  bool is_pipeline_ = false;
  bool is_index_ = false;
  bool is_safetensors_index_ = false;
  std::string shard_extension_;
  std::vector<Level> levels_;
};

}  // namespace batuta::safety
