#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/config/locations.h"
#include "daemon/service/service_context.h"

namespace batuta::app {

// A setting is declared once: where its value may come from, what it means, what it is when nobody says.
struct Setting {
  std::string_view key;                     // in config.toml, e.g. "transfer.connections"
  std::string_view flag;                    // "--cache-dir"; empty = none
  std::vector<std::string_view> variables;  // of the environment, strongest first
  std::string default_value;
  std::string_view help;         // one sentence with the unit
  bool applies_at_once = false;  // see ConfigEntry
};

inline constexpr std::string_view kDefaultOrigin = "default";

// A text and where it came from: "flag --x", "environment X", "/path/config.toml:12", or kDefaultOrigin.
struct Sourced {
  std::string value;
  std::string origin;
};

using FlagValues = std::map<std::string, std::string, std::less<>>;  // by flag name; only those given

// One config file that was read.
struct ConfigFile {
  std::string path;
  std::map<std::string, Sourced, std::less<>> values;  // by dotted key
};

// Reads a TOML file (≤ 1 MiB, absolute path). Tables become dotted keys; only text, whole numbers and
// booleans are values.
//   kInvalidArgument (CONFIG_INVALID)  syntax, a key that is no setting or comes twice: names the file and
//   the line; or a file that cannot be read.
// nullopt when there is no such file.
absl::StatusOr<std::optional<ConfigFile>> ReadConfigFile(const std::string& path,
                                                         const std::vector<Setting>& settings);

// The effective settings: flag, environment, then `files` in their order, then the default. `declared`
// outlives the object.
class Settings {
 public:
  Settings(const std::vector<Setting>& declared, const FlagValues& flags, const Environment& environment,
           const std::vector<ConfigFile>& files);

  const Sourced& Get(std::string_view key) const;

  // Typed access.   kInvalidArgument (CONFIG_INVALID)  names key, value and origin.
  absl::StatusOr<int> Count(std::string_view key, int min, int max) const;
  absl::StatusOr<uint64_t> Bytes(std::string_view key) const;
  absl::StatusOr<uint64_t> Rate(std::string_view key) const;
  absl::StatusOr<std::chrono::milliseconds> Duration(
      std::string_view key,
      std::chrono::milliseconds min = std::chrono::milliseconds(0)) const;  // ≤ 365 days
  absl::StatusOr<bool> Flag(std::string_view key) const;

  // For --print-config and the API, in the order of declaration.
  std::vector<service::ConfigEntry> Entries() const;

 private:
  absl::Status Bad(std::string_view key, std::string_view expected) const;

  const std::vector<Setting>& declared_;
  std::map<std::string_view, Sourced> values_;
};

}  // namespace batuta::app
