#include "client/commands/global_flags.h"

namespace batuta::client {
namespace {

constexpr std::string_view kFormatFlag = "--format";
constexpr std::string_view kSocketFlag = "--socket";

}  // namespace

void GlobalFlags::Define(Flags& flags, const std::vector<std::string>& own_formats) {
  std::vector<std::string> choices = {"human", "json", "quiet"};
  choices.insert(choices.end(), own_formats.begin(), own_formats.end());
  flags.BeginGlobals();
  flags.Values(&formats, "--format", "F",
               own_formats.empty() ? "output" : "output, or weights to take; may be given for each", choices);
  flags.Switch(&events, "--events", "print JSON Lines while the command runs");
  flags.Switch(&no_progress, "--no-progress", "show no progress");
  flags.Value(&socket, "--socket", "PATH", "the daemon's socket");
  flags.Switch(&help, "-h,--help", "show this help");
}

std::optional<OutputFormat> OutputFormatOf(std::string_view word) {
  if (word == "human") return OutputFormat::kHuman;
  if (word == "json") return OutputFormat::kJson;
  if (word == "quiet") return OutputFormat::kQuiet;
  return std::nullopt;
}

OutputFormat GuessFormat(const std::vector<std::string>& words) {
  OutputFormat format = OutputFormat::kHuman;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == "--events") format = OutputFormat::kJson;
    std::string_view value;
    if (words[i] == kFormatFlag && i + 1 < words.size()) value = words[i + 1];
    if (words[i].starts_with("--format=")) value = std::string_view(words[i]).substr(kFormatFlag.size() + 1);
    if (const auto named = OutputFormatOf(value)) format = *named;
  }
  return format;
}

std::vector<std::string> PlainWords(const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == kFormatFlag || words[i] == kSocketFlag) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      plain.push_back(words[i]);
    }
  }
  return plain;
}

}  // namespace batuta::client
