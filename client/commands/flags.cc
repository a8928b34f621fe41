#include "client/commands/flags.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "client/commands/near_miss.h"
#include "client/commands/usage_error.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The longest name without its dashes' list: "-o,--output" → "--output".
std::string LongName(const std::string& names) { return names.substr(names.rfind(',') + 1); }

absl::Status CheckChoice(std::string_view what, const std::string& value, const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  const std::string near = NearMiss(value, choices);
  return UsageError(fmt::format("{}: {} is none of {}", what, Quoted(value), Joined(choices)),
                    near.empty() ? "" : fmt::format("did you mean {}?", near));
}

}  // namespace

struct Flags::Parser {
  CLI::App app;
  std::vector<std::string> words;                      // arguments without a name
  std::vector<std::function<absl::Status()>> finish;   // checks and conversions after the parse
};

Flags::Flags() : parser_(std::make_unique<Parser>()) {
  parser_->app.set_help_flag();
  parser_->app.allow_extras();
  parser_->app.add_option("words", parser_->words);
}

Flags::~Flags() = default;

void Flags::Required(std::string* target, std::string name, std::string help, std::vector<std::string> choices) {
  arguments_.push_back({std::move(name), std::move(help), true, false, std::move(choices)});
  singles_.push_back(target);
}

void Flags::Optional(std::string* target, std::string name, std::string help, std::vector<std::string> choices) {
  arguments_.push_back({std::move(name), std::move(help), false, false, std::move(choices)});
  singles_.push_back(target);
}

void Flags::Rest(std::vector<std::string>* target, std::string name, std::string help, bool is_required) {
  arguments_.push_back({std::move(name), std::move(help), is_required, true, {}});
  list_ = target;
}

Flags::Flag& Flags::Declare(std::string names, std::string value_name, std::string help, Kind kind) {
  flags_.push_back({std::move(names), std::move(value_name), std::move(help), {}, kind, in_globals_});
  return flags_.back();
}

void Flags::Switch(bool* target, std::string names, std::string help) {
  parser_->app.add_flag(names, *target);
  Declare(std::move(names), "", std::move(help), Kind::kSwitch);
}

void Flags::Value(std::string* target, std::string names, std::string value_name, std::string help,
                  std::vector<std::string> choices) {
  parser_->app.add_option(names, *target)->take_last();
  const std::string before = *target;
  Flag& flag = Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue);
  flag.choices = std::move(choices);
  parser_->finish.push_back([target, before, name = LongName(flag.names), allowed = flag.choices] {
    return *target == before ? absl::OkStatus() : CheckChoice(name, *target, allowed);
  });
}

void Flags::Values(std::vector<std::string>* target, std::string names, std::string value_name, std::string help,
                   std::vector<std::string> choices) {
  parser_->app.add_option(names, *target)->allow_extra_args(false)->take_all();
  Flag& flag = Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue);
  flag.choices = std::move(choices);
  parser_->finish.push_back([target, name = LongName(flag.names), allowed = flag.choices]() -> absl::Status {
    for (const std::string& value : *target) {
      if (absl::Status status = CheckChoice(name, value, allowed); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

void Flags::Number(uint32_t* target, std::string names, std::string value_name, std::string help, uint32_t low,
                   uint32_t high) {
  auto text = std::make_shared<std::string>();
  parser_->app.add_option(names, *text)->take_last();
  parser_->finish.push_back([target, text, name = LongName(names), low, high]() -> absl::Status {
    if (text->empty()) return absl::OkStatus();
    uint64_t value = 0;
    for (const char digit : *text) {
      if (digit < '0' || digit > '9' || value > high) return UsageError(fmt::format(
          "{}: {} is no whole number from {} to {}", name, Quoted(*text), low, high), "");
      value = value * 10 + static_cast<uint64_t>(digit - '0');
    }
    if (value < low || value > high) {
      return UsageError(fmt::format("{}: {} is not between {} and {}", name, *text, low, high), "");
    }
    *target = static_cast<uint32_t>(value);
    return absl::OkStatus();
  });
  Declare(std::move(names), std::move(value_name), std::move(help), Kind::kValue);
}

void Flags::OptionalValue(std::vector<std::string>* target, std::string name, std::string value_name,
                          std::string fallback, std::string help) {
  parser_->app.add_option(name, *target)->expected(0, 1)->allow_extra_args(false)->take_all();
  // A bare flag is completed before the parse, so that it never swallows the next word.
  optional_fallbacks_.emplace_back(name, std::move(fallback));
  Declare(std::move(name), std::move(value_name), std::move(help), Kind::kOptionalValue);
}

absl::Status Flags::Parse(const std::vector<std::string>& words) {
  std::vector<std::string> reversed;
  bool is_over = false;
  for (const std::string& word : words) {
    is_over = is_over || word == "--";
    const auto bare = std::find_if(optional_fallbacks_.begin(), optional_fallbacks_.end(),
                                   [&](const auto& entry) { return entry.first == word; });
    reversed.push_back(is_over || bare == optional_fallbacks_.end() ? word : word + "=" + bare->second);
  }
  std::reverse(reversed.begin(), reversed.end());
  try {
    parser_->app.parse(std::move(reversed));
  } catch (const CLI::Error& error) {
    return UsageError(Printable(error.what()), "");
  }
  if (absl::Status status = CheckUnknown(parser_->app.remaining()); !status.ok()) return status;
  if (absl::Status status = AssignArguments(parser_->words); !status.ok()) return status;
  for (const auto& finish : parser_->finish) {
    if (absl::Status status = finish(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Flags::CheckUnknown(const std::vector<std::string>& words) const {
  if (words.empty()) return absl::OkStatus();
  const std::string name = words.front().substr(0, words.front().find('='));
  std::vector<std::string> known;
  for (const Flag& flag : flags_) known.push_back(LongName(flag.names));
  const std::string near = NearMiss(name, known);
  return UsageError(fmt::format("unknown flag {}", Quoted(name)), near.empty() ? "" : fmt::format("did you mean {}?", near));
}

absl::Status Flags::AssignArguments(const std::vector<std::string>& words) {
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (argument.is_required && i >= words.size()) {
      return UsageError(fmt::format("missing {}: {}", argument.name, argument.help), "");
    }
    if (argument.is_list || i >= words.size()) break;
    if (absl::Status status = CheckChoice(argument.name, words[i], argument.choices); !status.ok()) return status;
    *singles_[i] = words[i];
  }
  if (words.size() <= singles_.size()) return absl::OkStatus();
  if (list_ == nullptr) return UsageError(fmt::format("unexpected argument {}", Quoted(words[singles_.size()])), "");
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
    left += width + 2 > kHelpColumn ? "\n" + std::string(kHelpColumn, ' ') : std::string(kHelpColumn - width, ' ');
    out += fmt::format("{}{}\n", left, help);
  };
  const auto add_flags = [&](bool globals) {
    for (const Flag& flag : flags_) {
      if (flag.is_global != globals) continue;
      std::string left = "  " + (flag.names.starts_with("--") ? "    " + flag.names : flag.names);
      if (const size_t comma = left.find(','); comma != std::string::npos) left.replace(comma, 1, ", ");
      if (flag.kind == Kind::kValue) left += " " + flag.value_name;
      if (flag.kind == Kind::kOptionalValue) left += "[=" + flag.value_name + "]";
      add(left, flag.choices.empty() ? flag.help : flag.help + ": " + Joined(flag.choices));
    }
  };
  if (!arguments_.empty()) out += "Arguments:\n";
  for (const Argument& argument : arguments_) add("  " + argument.name + (argument.is_list ? "…" : ""), argument.help);
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
