#include "daemon/app/manual.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "common/text/man_page.h"
#include "daemon/app/version.h"

namespace batuta::app {

namespace {

constexpr std::string_view kHome = "/~";
constexpr std::string_view kRuntimeDir = "/$XDG_RUNTIME_DIR";

// A default as people know it: the folders of AnybodysEnvironment() by their names.
std::string Named(std::string_view value) {
  for (const std::string_view folder : {kHome, kRuntimeDir}) {
    if (value.starts_with(folder)) return std::string(value.substr(1));
  }
  return std::string(value);
}

std::string Joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

// A default as TOML writes it.
std::string TomlValue(const std::string& value) {
  const bool is_number =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (is_number || value == "true" || value == "false") return value;
  std::string out = "\"";
  for (const char c : value) out += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return out + '"';
}

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void AddExample(std::string_view line, ManPage& page) {
  const size_t gap = line.find("  ");
  if (gap == std::string_view::npos) {
    page.CommandLine(line);
  } else {
    page.Tagged(line.substr(0, gap), line.substr(line.find_first_not_of(' ', gap)));
  }
}

}  // namespace

std::string ManualPage(std::string_view purpose, const std::vector<FlagHelp>& flags,
                       const std::vector<Setting>& user, const std::vector<Setting>& system) {
  ManPage page({.name = "batutad",
                .section = 8,
                .summary = "one Hugging Face cache, queue and rate budget for a machine",
                .date = BATUTA_RELEASE_DATE,
                .release = fmt::format("batuta {}", kVersion)});
  page.Section("SYNOPSIS").CommandLine("batutad [OPTIONS]").Section("DESCRIPTION");
  std::vector<std::string_view> examples;
  while (!purpose.empty()) {
    const std::string_view line = TakeLine(purpose);
    if (line.starts_with("  ")) {
      examples.push_back(line.substr(2));
    } else if (!line.empty() && line != "Examples:") {
      page.Paragraph(line);
    }
  }
  page.Section("OPTIONS");
  for (const FlagHelp& flag : flags) page.Tagged(flag.names, flag.help);
  page.Section("EXAMPLES");
  for (const std::string_view example : examples) AddExample(example, page);
  page.Section("CONFIGURATION")
      .Paragraph(
          "Stronger first: option, environment, the user's config.toml, the system's, default. A "
          "daemon with --system reads no user's file. These are the keys:");
  for (size_t i = 0; i < user.size(); ++i) {
    std::string text = fmt::format("{} Default: {}", user[i].help,
                                   user[i].default_value.empty() ? "none" : Named(user[i].default_value));
    if (system[i].default_value != user[i].default_value)
      text += fmt::format("; with --system: {}", system[i].default_value);
    if (!user[i].variables.empty()) text += fmt::format(". Variables: {}", Joined(user[i].variables));
    page.Tagged(user[i].key, text + ".");
  }
  page.Section("FILES")
      .Tagged("/etc/batuta/config.toml", "The configuration of the machine.")
      .Tagged("~/.config/batuta/config.toml", "That of a user.")
      .Tagged("/run/batuta/batutad.sock", "Where a daemon with --system listens, for the group batuta.")
      .Tagged("/var/lib/batuta", "Its state: queue, rate limits, index, pins.")
      .Tagged("/var/cache/batuta/hub", "Its cache.");
  page.Section("SIGNALS")
      .Tagged("SIGTERM, SIGINT", "Stop; jobs are kept and go on at the next start.")
      .Tagged("SIGHUP", "Read the configuration again.");
  page.Section("EXIT STATUS")
      .Tagged("0", "stopped when asked to")
      .Tagged("1", "failed for another reason")
      .Tagged("2", "a flag or the configuration cannot be used")
      .Tagged("3", "another daemon holds the state folder");
  page.Section("SEE ALSO").Paragraph("batuta(1)");
  return page.Take();
}

std::string ConfigTemplate(const std::vector<Setting>& settings) {
  std::string out =
      "# The configuration of batutad. Each line shows a default; take its `#` away to set another value.\n"
      "# Flags and variables of the environment win over this file. `batutad --print-config` shows what "
      "holds.\n";
  for (const Setting& setting : settings) {
    out += fmt::format("\n# {}\n", setting.help);
    if (!setting.variables.empty()) out += fmt::format("# Environment: {}\n", Joined(setting.variables));
    out += fmt::format("#{} = {}\n", setting.key, TomlValue(Named(setting.default_value)));
  }
  return out;
}

Environment AnybodysEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return std::string(kHome);
    if (name == "XDG_RUNTIME_DIR") return std::string(kRuntimeDir);
    return std::nullopt;
  };
}

}  // namespace batuta::app
