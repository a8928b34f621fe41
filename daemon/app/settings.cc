#include "daemon/app/settings.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "common/io/file_system.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::app {

namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

// Longer ones would not fit into the nanoseconds of a clock.
constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24) * 365;

absl::Status Invalid(std::string_view message, std::string_view hint = {}) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid, message, hint);
}

std::string Where(const std::string& path, const toml::node& node) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

// The text of a value; nullopt for what no setting can be.
std::optional<std::string> ValueText(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return std::nullopt;
}

bool IsSection(const std::vector<Setting>& settings, const std::string& prefix) {
  return std::ranges::any_of(settings,
                             [&prefix](const Setting& setting) { return setting.key.starts_with(prefix); });
}

absl::Status Unknown(std::string_view where, std::string_view key) {
  return Invalid(fmt::format("{}: there is no setting {}", where, Quoted(key)),
                 "batutad --print-config lists all settings");
}

// Flattens `table` into `file`.
absl::Status ReadTable(const toml::table& table, const std::string& prefix,
                       const std::vector<Setting>& settings, ConfigFile& file) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = Where(file.path, node);
    if (const auto* inner = node.as_table(); inner != nullptr && IsSection(settings, key + ".")) {
      RETURN_IF_ERROR(ReadTable(*inner, key + ".", settings, file));
      continue;
    }
    if (std::ranges::find(settings, key, &Setting::key) == settings.end()) return Unknown(where, key);
    std::optional<std::string> text = ValueText(node);
    if (!text) return Invalid(fmt::format("{}: {} must be a text, a whole number or a boolean", where, key));
    const auto [first, is_new] = file.values.emplace(key, Sourced{*std::move(text), where});
    if (!is_new) return Invalid(fmt::format("{}: {} stands at {} already", where, key, first->second.origin));
  }
  return absl::OkStatus();
}

// A value of the environment by the rules of the Hugging Face tools: booleans as they spell them.
std::string Spelled(const std::string& value, const std::string& default_value) {
  const bool is_boolean = default_value == "true" || default_value == "false";
  if (!is_boolean) return value;
  return IsTrue(std::string_view(value)) ? "true" : "false";
}

Sourced Choose(const Setting& setting, const FlagValues& flags, const Environment& environment,
               const std::vector<ConfigFile>& files) {
  if (const auto flag = flags.find(setting.flag); !setting.flag.empty() && flag != flags.end()) {
    return {flag->second, fmt::format("flag {}", setting.flag)};
  }
  for (const std::string_view variable : setting.variables) {
    const std::optional<std::string> value = environment(variable);
    if (value && !value->empty()) {
      return {Spelled(*value, setting.default_value), fmt::format("environment {}", variable)};
    }
  }
  for (const ConfigFile& file : files) {
    if (const auto found = file.values.find(setting.key); found != file.values.end()) return found->second;
  }
  return {setting.default_value, std::string(kDefaultOrigin)};
}

}  // namespace

absl::StatusOr<std::optional<ConfigFile>> ReadConfigFile(const std::string& path,
                                                         const std::vector<Setting>& settings) {
  const absl::StatusOr<std::string> text = ReadSmallFile(*MakePosixFileSystem(), path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok())
    return Invalid(MessageOf(text.status()), "make it a readable file, or name another --config");
  ConfigFile file{.path = path, .values = {}};
  try {
    RETURN_IF_ERROR(ReadTable(toml::parse(*text, path), "", settings, file));
  } catch (const toml::parse_error& error) {
    return Invalid(fmt::format("{}:{}: {}", path, error.source().begin.line, Printable(error.description())));
  }
  return file;
}

Settings::Settings(const std::vector<Setting>& declared, const FlagValues& flags,
                   const Environment& environment, const std::vector<ConfigFile>& files)
    : declared_(declared) {
  for (const Setting& setting : declared_)
    values_.emplace(setting.key, Choose(setting, flags, environment, files));
}

const Sourced& Settings::Get(std::string_view key) const {
  return values_.at(key);
}

absl::Status Settings::Bad(std::string_view key, std::string_view expected) const {
  const Sourced& sourced = Get(key);
  return Invalid(
      fmt::format("{} = {} ({}): expected {}", key, Quoted(sourced.value), sourced.origin, expected));
}

absl::StatusOr<int> Settings::Count(std::string_view key, int min, int max) const {
  const std::string& text = Get(key).value;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Bad(key, fmt::format("a whole number from {} to {}", min, max));
  }
  return value;
}

absl::StatusOr<uint64_t> Settings::Bytes(std::string_view key) const {
  absl::StatusOr<uint64_t> bytes = ParseBytes(Get(key).value);
  if (!bytes.ok()) return Bad(key, "a size such as 512MB or 2GiB");
  return bytes;
}

absl::StatusOr<uint64_t> Settings::Rate(std::string_view key) const {
  absl::StatusOr<uint64_t> rate = ParseRate(Get(key).value);
  if (!rate.ok()) return Bad(key, "bytes per second such as 500K or 10M, or 0");
  return rate;
}

absl::StatusOr<std::chrono::milliseconds> Settings::Duration(std::string_view key,
                                                             std::chrono::milliseconds min) const {
  absl::StatusOr<std::chrono::milliseconds> duration = ParseDuration(Get(key).value);
  if (!duration.ok() || *duration < min || *duration > kLongestDuration) {
    return Bad(key, fmt::format("a duration such as 30s or 5m, from {} to {}", FormatDuration(min),
                                FormatDuration(kLongestDuration)));
  }
  return duration;
}

absl::StatusOr<bool> Settings::Flag(std::string_view key) const {
  const std::string& text = Get(key).value;
  if (text == "true") return true;
  if (text == "false") return false;
  return Bad(key, "true or false");
}

std::vector<service::ConfigEntry> Settings::Entries() const {
  std::vector<service::ConfigEntry> entries;
  for (const Setting& setting : declared_) {
    const Sourced& sourced = Get(setting.key);
    entries.push_back({std::string(setting.key), sourced.value, sourced.origin, std::string(setting.help),
                       setting.applies_at_once});
  }
  return entries;
}

}  // namespace batuta::app
