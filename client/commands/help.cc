#include "client/commands/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::string_view kProgramExamples =
    "batuta hf pull model acme/otter-tiny  download a model; prints its folder\n"
    "batuta hf search models otter\n"
    "batuta hf cache ls  what is on disk, whoever put it there\n"
    "batuta hf jobs watch  what is going on\n"
    "batuta hf limits  what is left of the hub's quota\n";

constexpr std::string_view kEnvironment =
    "Environment:\n"
    "  HF_ENDPOINT HF_HOME HF_HUB_CACHE HF_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE HF_HUB_DISABLE_PROGRESS_BARS "
    "NO_COLOR\n"
    "                    mean what they mean to the other tools of the hub\n"
    "  BATUTA_SOCKET     the daemon's socket\n"
    "  BATUTA_NO_SPAWN   1: never start a daemon\n"
    "\n"
    "Exit codes:\n"
    "  0 done · 1 failed · 2 usage · 3 no daemon · 4 not found · 5 not permitted · 6 rate limited or "
    "unreachable ·\n"
    "  7 no space · 8 refused by policy · 9 integrity · 10 offline and not cached · 130 interrupted\n";

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

}  // namespace

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
    out =
        "batuta downloads models, datasets and spaces of the Hugging Face Hub into the cache that every tool "
        "shares.\n\n";
    out += Examples(kProgramExamples) + "\n";
  }
  size_t widest = 0;
  std::vector<const Command*> listed;
  for (const auto& command : commands) {
    const std::string_view name = command->name();
    const bool is_inside =
        group.empty() || (name.starts_with(group) && name.substr(group.size()).starts_with(' '));
    if (command->is_hidden() || !is_inside) continue;
    listed.push_back(command.get());
    widest = std::max(widest, name.size());
  }
  out += fmt::format("Usage: batuta {}{}COMMAND …\n\nCommands:\n", group, group.empty() ? "" : " ");
  for (const Command* command : listed)
    out += fmt::format("  {:<{}}  {}\n", command->name(), widest, command->summary());
  out += fmt::format("\nbatuta COMMAND --help  shows examples and flags of one of them.\n");
  if (group.empty()) out += fmt::format("\n{}", kEnvironment);
  return out;
}

}  // namespace batuta::client
