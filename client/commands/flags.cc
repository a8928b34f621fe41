#include "client/commands/flags.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/commands/near_miss.h"
#include "client/commands/usage_error.h"
#include "common/machine/machine.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The longest name without its dashes' list: "-o,--output" → "--output".
std::string LongName(const std::string& names) {
  return names.substr(names.rfind(',') + 1);
}

absl::Status CheckChoice(std::string_view what, const std::string& value,
                         const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end())
    return absl::OkStatus();
  const std::string near = NearMiss(value, choices);
  return UsageError(fmt::format("{}: {} is none of {}", what, Quoted(value), Joined(choices)),
                    near.empty() ? "" : fmt::format("did you mean {}?", near));
}

// Takes the text of the flag `name` as `parse` understands it.
template <typename Target, typename Value>
std::function<absl::Status(const std::string&)> ParsedInto(Target* target,
                                                           absl::StatusOr<Value> (*parse)(std::string_view),
                                                           std::string name) {
  return [target, parse, name = std::move(name)](const std::string& text) {
    const absl::StatusOr<Value> value = parse(text);
    if (value.ok()) *target = *value;
    return value.ok() ? absl::OkStatus() : Annotate(value.status(), name);
  };
}

}  // namespace

Flags::Flag& Flags::Declare(std::string names, std::string value_name, std::string help, Kind kind,
                            Setter setter) {
  flags_.push_back({std::move(names), std::move(value_name), std::move(help), {}, kind, in_globals_});
  setters_.push_back(std::move(setter));
  return flags_.back();
}

void Flags::Required(std::string* target, std::string name, std::string help,
                     std::vector<std::string> choices) {
  arguments_.push_back({std::move(name), std::move(help), true, false, std::move(choices)});
  singles_.push_back(target);
}

void Flags::Optional(std::string* target, std::string name, std::string help,
                     std::vector<std::string> choices) {
  arguments_.push_back({std::move(name), std::move(help), false, false, std::move(choices)});
  singles_.push_back(target);
}

void Flags::Rest(std::vector<std::string>* target, std::string name, std::string help, bool is_required) {
  arguments_.push_back({std::move(name), std::move(help), is_required, true, {}});
  list_ = target;
}

void Flags::Switch(bool* target, std::string names, std::string help) {
  Declare(std::move(names), "", std::move(help), Kind::kSwitch, [target](const std::string&) {
    *target = true;
    return absl::OkStatus();
  });
}

void Flags::Value(std::string* target, std::string names, std::string value_name, std::string help,
                  std::vector<std::string> choices) {
  const auto set = [target, name = LongName(names), choices](const std::string& value) {
    *target = value;
    return CheckChoice(name, value, choices);
  };
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set).choices =
      std::move(choices);
}

void Flags::Path(std::string* target, std::string names, std::string value_name, std::string help) {
  const auto set = [target, name = LongName(names)](const std::string& value) {
    if (value.empty()) return UsageError(fmt::format("{} needs a name, and this one is empty", name), "");
    *target = value;
    return absl::OkStatus();
  };
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Values(std::vector<std::string>* target, std::string names, std::string value_name,
                   std::string help, std::vector<std::string> choices) {
  const auto add = [target, name = LongName(names), choices](const std::string& value) {
    target->push_back(value);
    return CheckChoice(name, value, choices);
  };
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, add).choices =
      std::move(choices);
}

void Flags::Number(uint32_t* target, std::string names, std::string value_name, std::string help,
                   uint32_t low, uint32_t high) {
  const auto set = [target, name = LongName(names), low, high](const std::string& text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value >= low && value <= high) {
      *target = value;
      return absl::OkStatus();
    }
    return UsageError(fmt::format("{}: {} is no whole number from {} to {}", name, Quoted(text), low, high),
                      "");
  };
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Rate(uint64_t* target, std::string names, std::string value_name, std::string help) {
  const Setter set = ParsedInto(target, &ParseRate, LongName(names));
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Size(uint64_t* target, std::string names, std::string value_name, std::string help) {
  const Setter set = ParsedInto(target, &ParseBytes, LongName(names));
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Size(std::optional<uint64_t>* target, std::string names, std::string value_name,
                 std::string help) {
  const Setter set = ParsedInto(target, &ParseBytes, LongName(names));
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Sizes(std::optional<std::vector<uint64_t>>* target, std::string names, std::string value_name,
                  std::string help) {
  const Setter set = ParsedInto(target, &ParseVram, LongName(names));
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::Time(std::optional<std::chrono::milliseconds>* target, std::string names, std::string value_name,
                 std::string help) {
  const Setter set = ParsedInto(target, &ParseDuration, LongName(names));
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue, set);
}

void Flags::OptionalValue(std::vector<std::string>* target, std::string name, std::string value_name,
                          std::string fallback, std::string help) {
  const auto add = [target, fallback = std::move(fallback)](const std::string& value) {
    target->push_back(value.empty() ? fallback : value);
    return absl::OkStatus();
  };
  Declare(std::move(name), std::move(value_name), std::move(help), Kind::kOptionalValue, add);
}

absl::Status Flags::Parse(const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  bool is_over = false;
  for (size_t at = 0; at < words.size(); ++at) {
    if (is_over || words[at].size() < 2 || words[at].front() != '-') {
      plain.push_back(words[at]);
    } else if (words[at] == "--") {
      is_over = true;
    } else if (absl::Status status = ParseFlag(words, at); !status.ok()) {
      return status;
    }
  }
  return Assign(plain);
}

// Takes the flag at `at`, and moves `at` on when its value is the next word.
absl::Status Flags::ParseFlag(const std::vector<std::string>& words, size_t& at) {
  const std::string& word = words[at];
  const bool is_long = word.starts_with("--");
  const size_t name_end = is_long ? std::min(word.find('='), word.size()) : 2;
  const std::string name = word.substr(0, name_end);
  const Flag* const flag = Find(name);
  if (flag == nullptr) return Unknown(is_long ? name : word);
  const Setter& set = setters_[static_cast<size_t>(flag - flags_.data())];
  if (name_end < word.size()) {
    if (flag->kind == Kind::kSwitch) return UsageError(fmt::format("{} takes no value", name), "");
    return set(word.substr(is_long ? name_end + 1 : name_end));
  }
  if (flag->kind != Kind::kValue) return set("");
  const bool has_next = at + 1 < words.size();
  if (!has_next || Find(words[at + 1]) != nullptr) {
    return UsageError(fmt::format("{} needs a value: {}", name, flag->value_name),
                      has_next ? fmt::format("write {}={} if that is the value", LongName(flag->names),
                                             Printable(words[at + 1]))
                               : "");
  }
  return set(words[++at]);
}

absl::Status Flags::Unknown(std::string_view name) const {
  std::vector<std::string> known;
  for (const Flag& flag : flags_) known.push_back(LongName(flag.names));
  const std::string near = NearMiss(name, known);
  return UsageError(fmt::format("unknown flag {}", Quoted(name)),
                    near.empty() ? "" : fmt::format("did you mean {}?", near));
}

absl::Status Flags::Assign(const std::vector<std::string>& words) {
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (argument.is_required && i >= words.size()) {
      return UsageError(fmt::format("missing {}: {}", argument.name, argument.help), "");
    }
    if (argument.is_list || i >= words.size()) break;
    if (absl::Status status = CheckChoice(argument.name, words[i], argument.choices); !status.ok())
      return status;
    *singles_[i] = words[i];
  }
  if (words.size() <= singles_.size()) return absl::OkStatus();
  if (list_ == nullptr)
    return UsageError(fmt::format("unexpected argument {}", Quoted(words[singles_.size()])), "");
  list_->assign(words.begin() + static_cast<std::ptrdiff_t>(singles_.size()), words.end());
  return absl::OkStatus();
}

const Flags::Flag* Flags::Find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    for (std::string_view names = flag.names; !names.empty();) {
      const size_t end = std::min(names.find(','), names.size());
      if (names.substr(0, end) == name) return &flag;
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
  return nullptr;
}

std::string Flags::Shown(const Flag& flag) {
  std::string text = flag.names;
  if (const size_t comma = text.find(','); comma != std::string::npos) text.replace(comma, 1, ", ");
  if (flag.kind == Kind::kValue) text += " " + flag.value_name;
  if (flag.kind == Kind::kOptionalValue) text += "[=" + flag.value_name + "]";
  return text;
}

std::string Flags::Meaning(const Flag& flag) {
  return flag.choices.empty() ? flag.help : flag.help + ": " + Joined(flag.choices);
}

std::string Flags::Usage() const {
  std::string text;
  for (const Argument& argument : arguments_) {
    const std::string name = argument.name + (argument.is_list ? "…" : "");
    text += argument.is_required ? name + " " : "[" + name + "] ";
  }
  return text + "[flags]";
}

std::string Flags::Describe() const {
  constexpr size_t kHelpColumn = 30;
  std::string out;
  const auto add = [&out](std::string left, std::string_view help) {
    const size_t width = DisplayWidth(left);
    left += width + 2 > kHelpColumn ? "\n" + std::string(kHelpColumn, ' ')
                                    : std::string(kHelpColumn - width, ' ');
    out += fmt::format("{}{}\n", left, help);
  };
  const auto add_flags = [&](bool globals) {
    for (const Flag& flag : flags_) {
      if (flag.is_global != globals) continue;
      add((flag.names.starts_with("--") ? "      " : "  ") + Shown(flag), Meaning(flag));
    }
  };
  if (!arguments_.empty()) out += "Arguments:\n";
  for (const Argument& argument : arguments_)
    add("  " + argument.name + (argument.is_list ? "…" : ""), argument.help);
  if (std::any_of(flags_.begin(), flags_.end(), [](const Flag& flag) { return !flag.is_global; })) {
    out += out.empty() ? "Flags:\n" : "\nFlags:\n";
    add_flags(false);
  }
  if (std::any_of(flags_.begin(), flags_.end(), [](const Flag& flag) { return flag.is_global; })) {
    out += "\nFlags of every command:\n";
    add_flags(true);
  }
  return out;
}

}  // namespace batuta::client
