#include "client/commands/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/command_table.h"

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
    "  0    done\n"
    "  1    failed for another reason\n"
    "  2    usage, malformed id\n"
    "  3    no daemon\n"
    "  4    repo, revision, file or job not found\n"
    "  5    not authenticated, gated, not permitted\n"
    "  6    rate limited or hub unreachable, and asked not to wait\n"
    "  7    disk or quota full, or no variant fits\n"
    "  8    refused by policy\n"
    "  9    integrity: hash mismatch, invalid file, damaged cache\n"
    "  10   offline and not in the cache\n"
    "  130  interrupted\n";

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

// The first example of each command of a group.
std::string FirstExamples(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group) {
  std::string out;
  for (const auto& command : commands) {
    const std::string_view name = command->name();
    if (!name.starts_with(group) || !name.substr(group.size()).starts_with(' ')) continue;
    const std::string_view examples = command->examples();
    out += fmt::format("{}\n", examples.substr(0, examples.find('\n')));
  }
  return out;
}

// The words of a group, for its line in the list.
std::string ListOf(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group) {
  std::string out;
  for (const std::string& word : NextWords(commands, group)) out += (out.empty() ? "" : ", ") + word;
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
  } else {
    out = Examples(FirstExamples(commands, group)) + "\n";
  }
  const std::string prefix = group.empty() ? std::string() : fmt::format("{} ", group);
  out += fmt::format("Usage: batuta {}COMMAND …\n\nCommands:\n", prefix);
  for (const std::string& word : NextWords(commands, group)) {
    const std::string name = prefix + word;
    const auto leaf =
        std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return c->name() == name; });
    out += fmt::format("  {:<12}{}\n", word,
                       leaf != commands.end() ? std::string((*leaf)->summary()) : ListOf(commands, name));
  }
  out += fmt::format("\n`batuta {}COMMAND --help` shows examples and flags.\n", prefix);
  if (group.empty()) out += fmt::format("\n{}", kEnvironment);
  return out;
}

}  // namespace batuta::client
