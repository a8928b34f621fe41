#include "client/commands/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/command_table.h"

namespace batuta::client {
namespace {

// Terms in a column of their own, `width` wide.
std::string Terms(std::string_view heading, std::span<const Term> terms, size_t width) {
  std::string out = fmt::format("{}:\n", heading);
  for (const Term& term : terms) {
    const std::string gap = term.name.size() < width ? std::string(width - term.name.size(), ' ')
                                                     : "\n" + std::string(width + 2, ' ');
    out += fmt::format("  {}{}{}\n", term.name, gap, term.meaning);
  }
  return out;
}

// Lines of examples, each `COMMAND  what it does`, indented; the explanations in a column of their own.
std::string Examples(std::string_view text) {
  std::string out = "Examples:\n";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t gap = line.find("  ");
    const std::string_view command = line.substr(0, gap);
    out += fmt::format("  {}\n", command);
    if (gap != std::string_view::npos) out += fmt::format("      {}\n", line.substr(gap + 2));
  }
  return out;
}

constexpr std::string_view kProgramExamples =
    "batuta hf pull model acme/otter-tiny  download a model; prints its folder\n"
    "batuta hf search models otter\n"
    "batuta hf cache ls  what is on disk, whoever put it there\n"
    "batuta hf jobs watch  what is going on\n"
    "batuta hf limits  what is left of the hub's quota\n";

}  // namespace

std::span<const Term> Variables() {
  static constexpr Term kVariables[] = {
      {"HF_ENDPOINT HF_HOME HF_HUB_CACHE HF_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE "
       "HF_HUB_DISABLE_PROGRESS_BARS NO_COLOR",
       "mean what they mean to the other tools of the hub"},
      {"BATUTA_SOCKET", "the daemon's socket"},
      {"BATUTA_NO_SPAWN", "1: never start a daemon"},
  };
  return kVariables;
}

std::span<const Term> ExitCodes() {
  static constexpr Term kExitCodes[] = {
      {"0", "done"},
      {"1", "failed for another reason"},
      {"2", "usage, malformed id"},
      {"3", "no daemon"},
      {"4", "repo, revision, file or job not found"},
      {"5", "not authenticated, gated, not permitted"},
      {"6", "rate limited or hub unreachable, and asked not to wait"},
      {"7", "disk or quota full, or no variant fits"},
      {"8", "refused by policy"},
      {"9", "integrity: hash mismatch, invalid file, damaged cache"},
      {"10", "offline and not in the cache"},
      {"130", "interrupted"},
  };
  return kExitCodes;
}

std::string GroupExamples(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group) {
  if (group.empty()) return std::string(kProgramExamples);
  std::string out;
  for (const auto& command : commands) {
    const std::string_view name = command->name();
    if (!name.starts_with(group) || !name.substr(group.size()).starts_with(' ')) continue;
    const std::string_view examples = command->examples();
    out += fmt::format("{}\n", examples.substr(0, examples.find('\n')));
  }
  return out;
}

std::string SummaryOf(const std::vector<std::unique_ptr<Command>>& commands, std::string_view name) {
  for (const auto& command : commands) {
    if (command->name() == name) return std::string(command->summary());
  }
  std::string words;
  for (const std::string& word : NextWords(commands, name)) words += (words.empty() ? "" : ", ") + word;
  return words;
}

std::string CommandHelp(const Command& command, const Flags& flags) {
  std::string summary(command.summary());
  if (!summary.empty() && summary.front() >= 'a' && summary.front() <= 'z') summary.front() -= 'a' - 'A';
  std::string out = fmt::format("{}.\n\n", summary);
  if (!command.examples().empty()) out += Examples(command.examples()) + "\n";
  out += fmt::format("Usage: batuta {} {}\n\n", command.name(), flags.Usage());
  return out + flags.Describe();
}

std::string GroupHelp(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group) {
  std::string out;
  if (group.empty()) {
    out = fmt::format("{}\n\n", kProgramPurpose);
  }
  out += Examples(GroupExamples(commands, group)) + "\n";
  const std::string prefix = group.empty() ? std::string() : fmt::format("{} ", group);
  out += fmt::format("Usage: batuta {}COMMAND …\n\nCommands:\n", prefix);
  for (const std::string& word : NextWords(commands, group)) {
    out += fmt::format("  {:<12}{}\n", word, SummaryOf(commands, prefix + word));
  }
  out += fmt::format("\n`batuta {}COMMAND --help` shows examples and flags.\n", prefix);
  if (group.empty()) {
    out +=
        fmt::format("\n{}\n{}", Terms("Environment", Variables(), 18), Terms("Exit codes", ExitCodes(), 5));
  }
  return out;
}

}  // namespace batuta::client
