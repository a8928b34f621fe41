#include "client/commands/command_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/commands/completion.h"
#include "client/commands/daemon_commands.h"
#include "client/commands/doctor.h"
#include "client/commands/hf_account.h"
#include "client/commands/hf_cache.h"
#include "client/commands/hf_cache_export.h"
#include "client/commands/hf_cache_import.h"
#include "client/commands/hf_cache_pin.h"
#include "client/commands/hf_cache_rm.h"
#include "client/commands/hf_cache_verify.h"
#include "client/commands/hf_card.h"
#include "client/commands/hf_files.h"
#include "client/commands/hf_fit.h"
#include "client/commands/hf_info.h"
#include "client/commands/hf_jobs.h"
#include "client/commands/hf_limits.h"
#include "client/commands/hf_pull.h"
#include "client/commands/hf_push.h"
#include "client/commands/hf_scan.h"
#include "client/commands/hf_search.h"
#include "client/commands/manual.h"
#include "client/commands/near_miss.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

// The first word of `rest`, which begins after `group`; empty when `name` does not lie in the group.
std::string_view WordAfter(std::string_view name, std::string_view group) {
  if (!group.empty()) {
    if (!name.starts_with(group) || name.size() <= group.size() || name[group.size()] != ' ') return {};
    name.remove_prefix(group.size() + 1);
  }
  return name.substr(0, name.find(' '));
}

std::string Extend(const std::string& group, std::string_view word) {
  return group.empty() ? std::string(word) : fmt::format("{} {}", group, word);
}

}  // namespace

std::vector<std::unique_ptr<Command>> MakeCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<HfSearch>());
  commands.push_back(std::make_unique<HfInfo>());
  commands.push_back(std::make_unique<HfFiles>());
  commands.push_back(std::make_unique<HfPull>());
  commands.push_back(std::make_unique<HfPush>());
  commands.push_back(std::make_unique<HfFit>());
  commands.push_back(std::make_unique<HfScan>());
  commands.push_back(std::make_unique<HfCard>());
  commands.push_back(std::make_unique<HfCacheLs>());
  commands.push_back(std::make_unique<HfCachePath>());
  commands.push_back(std::make_unique<HfCacheDf>());
  commands.push_back(std::make_unique<HfCacheRm>());
  commands.push_back(std::make_unique<HfCachePrune>());
  commands.push_back(std::make_unique<HfCachePin>());
  commands.push_back(std::make_unique<HfCacheUnpin>());
  commands.push_back(std::make_unique<HfCacheWhy>());
  commands.push_back(std::make_unique<HfCacheVerify>());
  commands.push_back(std::make_unique<HfCacheRescan>());
  commands.push_back(std::make_unique<HfCacheExport>());
  commands.push_back(std::make_unique<HfCacheImport>());
  commands.push_back(std::make_unique<HfJobsLs>());
  commands.push_back(std::make_unique<HfJobsWatch>());
  commands.push_back(std::make_unique<HfJobsChange>(HfJobsChange::Change::kPause));
  commands.push_back(std::make_unique<HfJobsChange>(HfJobsChange::Change::kResume));
  commands.push_back(std::make_unique<HfJobsChange>(HfJobsChange::Change::kCancel));
  commands.push_back(std::make_unique<HfJobsChange>(HfJobsChange::Change::kPriority));
  commands.push_back(std::make_unique<HfJobsChange>(HfJobsChange::Change::kLimitRate));
  commands.push_back(std::make_unique<HfLimits>());
  commands.push_back(std::make_unique<HfLogin>());
  commands.push_back(std::make_unique<HfLogout>());
  commands.push_back(std::make_unique<HfWhoami>());
  commands.push_back(std::make_unique<DaemonStart>());
  commands.push_back(std::make_unique<DaemonStop>());
  commands.push_back(std::make_unique<DaemonStatus>());
  commands.push_back(std::make_unique<DaemonConfig>());
  commands.push_back(std::make_unique<DaemonLimitRate>());
  commands.push_back(std::make_unique<DaemonLogLevel>());
  commands.push_back(std::make_unique<DaemonMetrics>());
  commands.push_back(std::make_unique<Doctor>());
  commands.push_back(std::make_unique<Completion>());
  commands.push_back(std::make_unique<Complete>());
  commands.push_back(std::make_unique<Manual>());
  return commands;
}

CommandMatch MatchCommand(const std::vector<std::unique_ptr<Command>>& commands,
                          const std::vector<std::string>& words) {
  CommandMatch match;
  for (const std::string& word : words) {
    const std::string longer = Extend(match.group, word);
    bool is_known = false;
    for (const auto& command : commands) {
      if (command->name() == longer) {
        return {command.get(), longer, match.word_count + 1};
      }
      is_known = is_known || WordAfter(command->name(), match.group) == word;
    }
    if (!is_known) return match;
    match.group = longer;
    ++match.word_count;
  }
  return match;
}

std::vector<std::string> NextWords(const std::vector<std::unique_ptr<Command>>& commands,
                                   std::string_view group) {
  std::vector<std::string> words;
  for (const auto& command : commands) {
    const std::string word(WordAfter(command->name(), group));
    if (word.empty() || command->is_hidden() || std::find(words.begin(), words.end(), word) != words.end())
      continue;
    words.push_back(word);
  }
  return words;
}

absl::Status UnknownCommand(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group,
                            std::string_view word) {
  const std::string what = group.empty() ? "command" : fmt::format("command of `batuta {}`", group);
  std::string near = NearMiss(word, NextWords(commands, group));
  if (!near.empty()) near = Extend(std::string(group), near);
  // `batuta pull`: the right word at another place.
  for (const auto& command : commands) {
    const std::string_view name = command->name();
    if (near.empty() && !command->is_hidden() && name.substr(name.rfind(' ') + 1) == word) near = name;
  }
  return UsageError(fmt::format("unknown {}: {}", what, Quoted(word)),
                    near.empty()
                        ? fmt::format("batuta {}{}--help  lists them", group, group.empty() ? "" : " ")
                        : fmt::format("did you mean `batuta {}`?", near));
}

}  // namespace batuta::client
