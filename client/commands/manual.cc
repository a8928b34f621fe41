#include "client/commands/manual.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/command_table.h"
#include "client/commands/global_flags.h"
#include "client/commands/help.h"
#include "client/commands/usage_error.h"
#include "common/text/human.h"
#include "common/text/man_page.h"

namespace batuta::client {
namespace {

// "hf pull" → "batuta-hf-pull".
std::string PageName(std::string_view words) {
  std::string name = words.empty() ? "batuta" : fmt::format("batuta-{}", words);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

// The words of every page, in the order of the table: each group before its first command.
std::vector<std::string> AllWords(const std::vector<std::unique_ptr<Command>>& commands) {
  std::vector<std::string> all = {""};
  for (const auto& command : commands) {
    if (command->is_hidden()) continue;
    const std::string name(command->name());
    for (size_t end = name.find(' ');; end = name.find(' ', end + 1)) {
      std::string words = name.substr(0, end);
      if (std::find(all.begin(), all.end(), words) == all.end()) all.push_back(std::move(words));
      if (end == std::string::npos) break;
    }
  }
  return all;
}

void AddExamples(std::string_view lines, ManPage& page) {
  if (lines.empty()) return;
  page.Section("EXAMPLES");
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const size_t gap = line.find("  ");
    if (gap == std::string_view::npos) {
      page.CommandLine(line);
    } else {
      page.Tagged(line.substr(0, gap), line.substr(gap + 2));
    }
  }
}

void AddFlags(const Flags& flags, bool globals, ManPage& page) {
  const auto belongs = [globals](const Flags::Flag& flag) { return flag.is_global == globals; };
  if (std::none_of(flags.flags().begin(), flags.flags().end(), belongs)) return;
  page.Section(globals ? "OPTIONS OF EVERY COMMAND" : "OPTIONS");
  for (const Flags::Flag& flag : flags.flags()) {
    if (belongs(flag)) page.Tagged(Flags::Shown(flag), Flags::Meaning(flag));
  }
}

void AddTerms(std::string_view heading, std::span<const Term> terms, ManPage& page) {
  page.Section(heading);
  for (const Term& term : terms) page.Tagged(term.name, term.meaning);
}

void AddCommand(Command& command, ManPage& page) {
  Flags flags;
  GlobalFlags globals;
  command.DefineFlags(flags);
  globals.Define(flags, command.own_formats());
  page.Section("SYNOPSIS").CommandLine(fmt::format("batuta {} {}", command.name(), flags.Usage()));
  if (!flags.arguments().empty()) page.Section("ARGUMENTS");
  for (const Flags::Argument& argument : flags.arguments())
    page.Tagged(argument.name + (argument.is_list ? "…" : ""), argument.help);
  AddFlags(flags, /*globals=*/false, page);
  AddFlags(flags, /*globals=*/true, page);
  AddExamples(command.examples(), page);
  page.Section("EXIT STATUS").Paragraph("0 when it is done; every other one is told in batuta(1).");
}

void AddGroup(const std::vector<std::unique_ptr<Command>>& commands, const std::string& words,
              ManPage& page) {
  const std::string prefix = words.empty() ? "" : words + " ";
  page.Section("SYNOPSIS").CommandLine(fmt::format("batuta {}COMMAND …", prefix));
  if (words.empty()) page.Section("DESCRIPTION").Paragraph(kProgramPurpose);
  page.Section("COMMANDS");
  for (const std::string& word : NextWords(commands, words))
    page.Tagged(PageName(prefix + word) + "(1)", SummaryOf(commands, prefix + word));
  AddExamples(GroupExamples(commands, words), page);
  if (!words.empty()) return;
  AddTerms("ENVIRONMENT", Variables(), page);
  AddTerms("EXIT STATUS", ExitCodes(), page);
}

}  // namespace

std::vector<std::string> ManualPages(const std::vector<std::unique_ptr<Command>>& commands) {
  std::vector<std::string> pages;
  for (const std::string& words : AllWords(commands)) pages.push_back(PageName(words));
  return pages;
}

std::string ManualPage(const std::vector<std::unique_ptr<Command>>& commands, std::string_view name) {
  const std::vector<std::string> all = AllWords(commands);
  const auto words = std::find_if(all.begin(), all.end(),
                                  [name](const std::string& each) { return PageName(each) == name; });
  if (words == all.end()) return "";
  ManPage page({.name = std::string(name),
                .section = 1,
                .summary = words->empty() ? "models, datasets and spaces of the Hugging Face Hub in one cache"
                                          : SummaryOf(commands, *words),
                .date = BATUTA_RELEASE_DATE,
                .release = "batuta " BATUTA_VERSION});
  const auto command = std::find_if(commands.begin(), commands.end(),
                                    [&](const auto& each) { return each->name() == *words; });
  if (command != commands.end()) {
    AddCommand(**command, page);
  } else {
    AddGroup(commands, *words, page);
  }
  const size_t last = words->rfind(' ');
  const std::string above = PageName(last == std::string::npos ? "" : words->substr(0, last));
  page.Section("SEE ALSO").Paragraph(words->empty() ? "batutad(8)" : above + "(1), batutad(8)");
  return page.Take();
}

void Manual::DefineFlags(Flags& flags) {
  flags.Optional(&page_, "PAGE", "its name; without one, the names of all");
}

absl::Status Manual::Run(Context& context) {
  const std::vector<std::unique_ptr<Command>> commands = MakeCommands();
  if (page_.empty()) {
    for (const std::string& name : ManualPages(commands)) context.output.DataLine(name);
    return absl::OkStatus();
  }
  const std::string page = ManualPage(commands, page_);
  if (page.empty()) return UsageError(fmt::format("there is no page {}", Quoted(page_)), "");
  context.output.Data(page);
  return absl::OkStatus();
}

}  // namespace batuta::client
