#include "daemon/safety/graph/keras_config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/keras_names.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/text/json.h"

namespace batuta::safety {
namespace {

// Of a string; no name is as long.
constexpr uint64_t kStringBytes = 4 << 10;

// The keys that decide what is loaded.
enum class Name : uint8_t { kOther, kClassName, kModule, kRegisteredName, kConfig, kVocabulary };

Name NameOf(std::string_view text) {
  if (text == "class_name") return Name::kClassName;
  if (text == "module") return Name::kModule;
  if (text == "registered_name") return Name::kRegisteredName;
  if (text == "config") return Name::kConfig;
  if (text == "vocabulary") return Name::kVocabulary;
  return Name::kOther;
}

// An object or array that is open. Names that are null are as if they were not there.
struct Level {
  uint64_t offset = 0;
  Name key = Name::kOther;  // whose value comes next
  std::optional<std::string> class_name = {};
  std::optional<std::string> module = {};
  std::optional<std::string> registered_name = {};
  std::optional<std::string> config = {};
};

class Walk {
 public:
  explicit Walk(Subject& subject)
      : subject_(subject),
        json_(subject.bytes(), {.string_bytes = kStringBytes, .non_finite = true, .repeated_keys = true}) {}

  absl::Status Run() {
    JsonToken token = json_.Next();
    if (token != JsonToken::kBeginObject && token != JsonToken::kFault) {
      subject_.Add(rules::kKerasInvalid, json_.token_offset(), "the model is no object");
    }
    for (;; token = json_.Next()) {
      switch (token) {
        case JsonToken::kBeginObject:
        case JsonToken::kBeginArray:
          NotAString();
          levels_.push_back({.offset = json_.token_offset()});
          break;
        case JsonToken::kEndObject:
          Judge(levels_.back());
          levels_.pop_back();
          break;
        case JsonToken::kEndArray:
          levels_.pop_back();
          break;
        case JsonToken::kKey:
          Key(json_.text());
          break;
        case JsonToken::kString:
          String();
          break;
        case JsonToken::kNumber:
        case JsonToken::kTrue:
        case JsonToken::kFalse:
          NotAString();
          break;
        case JsonToken::kNull:
          break;
        case JsonToken::kEnd:
          return absl::OkStatus();
        case JsonToken::kFault:
          return Fault();
      }
    }
  }

 private:
  void Key(std::string_view text) {
    Level& level = levels_.back();
    level.key = NameOf(text);
    if (!json_.is_repeated()) return;
    subject_.Add(rules::kKerasDuplicateKey, json_.token_offset(),
                 fmt::format("the key {} stands twice", Quoted(text)));
    // Loaders take the one or the other, so both count.
    Judge(level);
  }

  void String() {
    if (levels_.empty()) return;
    // In an array the key is none of those.
    Level& level = levels_.back();
    switch (level.key) {
      case Name::kClassName:
        level.class_name = json_.text();
        break;
      case Name::kModule:
        level.module = json_.text();
        break;
      case Name::kRegisteredName:
        level.registered_name = json_.text();
        break;
      case Name::kConfig:
        level.config = json_.text();
        break;
      case Name::kVocabulary:
        subject_.Add(rules::kKerasVocabulary, json_.token_offset(),
                     fmt::format("reads its vocabulary from {}", Quoted(json_.text())));
        break;
      case Name::kOther:
        break;
    }
  }

  // A name that is no string is read in one way by one version and in another by the next.
  void NotAString() {
    if (levels_.empty()) return;
    const Name key = levels_.back().key;
    if (key == Name::kClassName || key == Name::kModule || key == Name::kRegisteredName) {
      subject_.Add(rules::kKerasInvalid, json_.token_offset(),
                   "a class, module or registered name is no string");
    }
  }

  void Judge(const Level& level) {
    if (!level.class_name) return;
    const std::string& name = *level.class_name;
    const std::string from = level.module ? fmt::format(" from {}", *level.module) : "";
    if (keras::IsProgram(name)) {
      subject_.Add(rules::kKerasLambda, level.offset,
                   fmt::format("holds a {} layer, which runs code when it is loaded or called", name));
    } else if (name == "function") {
      JudgeFunction(level);
    } else if (level.registered_name && *level.registered_name != name) {
      subject_.Add(rules::kKerasRegistered, level.offset,
                   fmt::format("needs the registered class {}", *level.registered_name));
    } else if (keras::IsRegistered(name)) {
      if (level.module && !keras::IsClassModule(*level.module)) Module(level, from);
    } else if (name.find('>') != std::string::npos) {
      subject_.Add(rules::kKerasRegistered, level.offset, fmt::format("needs the registered class {}", name));
    } else if (level.module && !keras::IsClassModule(*level.module)) {
      Module(level, from);
    } else if (level.module && keras::IsOperationModule(*level.module) ? !keras::IsOperation(name)
                                                                       : !keras::IsClass(name)) {
      subject_.Add(rules::kKerasClass, level.offset,
                   fmt::format("needs class {}{}; it cannot be verified", name, from));
    }
  }

  void JudgeFunction(const Level& level) {
    const std::string name = level.config.value_or("?");
    const bool names_agree =
        !level.registered_name || *level.registered_name == name || *level.registered_name == "function";
    if (level.module && keras::IsFunctionModule(*level.module) && keras::IsFunction(name) && names_agree)
      return;
    subject_.Add(rules::kKerasFunction, level.offset,
                 fmt::format("names the function {}.{}", level.module.value_or("?"), name));
  }

  void Module(const Level& level, std::string_view from) {
    subject_.Add(rules::kKerasModule, level.offset, fmt::format("needs class {}{}", *level.class_name, from));
  }

  absl::Status Fault() {
    if (!json_.status().ok()) return json_.status();
    // What was open when the text broke off was named all the same.
    while (!levels_.empty()) {
      Judge(levels_.back());
      levels_.pop_back();
    }
    const JsonFault& fault = json_.fault();
    switch (fault.kind) {
      case JsonFault::Kind::kTooDeep:
      case JsonFault::Kind::kTooMuch:
        subject_.Add(rules::kTooComplex, fault.offset, fault.text);
        break;
      default:
        subject_.Add(rules::kKerasInvalid, fault.offset, fault.text);
    }
    return absl::OkStatus();
  }

  Subject& subject_;
  JsonReader json_;
  std::vector<Level> levels_;
};

}  // namespace

absl::Status InspectKerasConfig(Subject& subject) {
  subject.SetFormat("keras config");
  return Walk(subject).Run();
}

}  // namespace batuta::safety
