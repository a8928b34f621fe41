#include "client/commands/completion.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/commands/command_table.h"
#include "client/commands/completion_scripts.h"
#include "client/commands/global_flags.h"
#include "client/output/wire_text.h"
#include "common/config/locations.h"
#include "common/status/status.h"
#include "common/types/repo_id.h"

namespace batuta::client {
namespace {

constexpr size_t kMaxCandidates = 1000;
constexpr std::chrono::milliseconds kPatience{40};

// bash hands over `--flag=value` as three words.
std::vector<std::string> Rejoin(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const bool follows_equals = !out.empty() && out.back().ends_with('=') && out.back().starts_with("--");
    if (word == "=" && !out.empty() && out.back().starts_with("--")) {
      out.back() += "=";
    } else if (follows_equals) {
      out.back() += word;
    } else {
      out.push_back(word);
    }
  }
  return out;
}

// What the command line means up to the word that is completed.
struct Position {
  const Flags::Flag* value_of = nullptr;  // the word is the value of this flag
  std::vector<std::string> arguments;     // arguments before it
  bool is_over = false;                   // after `--`
};

Position Locate(const Flags& flags, const std::vector<std::string>& before) {
  Position position;
  for (size_t i = 0; i < before.size(); ++i) {
    const std::string& word = before[i];
    position.value_of = nullptr;
    if (position.is_over || !word.starts_with('-') || word == "-") {
      position.arguments.push_back(word);
    } else if (word == "--") {
      position.is_over = true;
    } else if (const Flags::Flag* flag = flags.Find(word);
               flag != nullptr && flag->kind == Flags::Kind::kValue) {
      position.value_of = flag;
      if (i + 1 < before.size()) ++i, position.value_of = nullptr;
    }
  }
  return position;
}

std::vector<std::string> FlagNames(const Flags& flags) {
  std::vector<std::string> names = {"--help"};
  for (const Flags::Flag& flag : flags.flags()) names.push_back(flag.names.substr(flag.names.rfind(',') + 1));
  return names;
}

// What of the cache `word` may become: `TYPE REPO`, `TYPE/REPO` or `REPO`.
std::vector<std::string> TargetCandidates(const std::vector<std::string>& given, const std::string& word,
                                          const CompletionSources& sources) {
  const std::vector<std::string> types = {"dataset", "model", "space"};
  const auto is_type = [&types](const std::string& text) {
    return std::find(types.begin(), types.end(), text) != types.end();
  };
  if (!given.empty() && is_type(given.back())) return sources.repos(given.back());
  std::vector<std::string> found = types;
  if (word.empty()) return found;
  const std::string type = word.substr(0, word.find('/'));
  if (is_type(type) && type.size() < word.size()) {
    for (const std::string& id : sources.repos(type)) found.push_back(type + "/" + id);
    return found;
  }
  for (const std::string& each : types) {
    const std::vector<std::string> ids = sources.repos(each);
    found.insert(found.end(), ids.begin(), ids.end());
  }
  return found;
}

std::vector<std::string> ArgumentCandidates(const Flags& flags, const std::vector<std::string>& given,
                                            const std::string& word, const CompletionSources& sources) {
  const auto& arguments = flags.arguments();
  if (arguments.empty()) return {};
  if (given.size() >= arguments.size() && !arguments.back().is_list) return {};
  const Flags::Argument& argument = arguments[std::min(given.size(), arguments.size() - 1)];
  if (!argument.choices.empty()) {
    // Plural and singular are both understood; one of them is enough to offer.
    return std::vector<std::string>(
        argument.choices.begin(),
        argument.choices.begin() + std::min<std::ptrdiff_t>(3, std::ssize(argument.choices)));
  }
  if (argument.name == "REPO") return sources.repos(given.empty() ? "model" : given.front());
  if (argument.name == "TARGET") return TargetCandidates(given, word, sources);
  if (argument.name == "ID") return sources.jobs();
  return {};
}

// The candidates at one position of one command, whatever the word there begins with.
std::vector<std::string> Candidates(const Flags& flags, const std::vector<std::string>& before,
                                    const std::string& word, const CompletionSources& sources) {
  const Position position = Locate(flags, before);
  if (position.value_of != nullptr) return position.value_of->choices;
  if (!position.is_over && word.starts_with('-')) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return FlagNames(flags);
    const Flags::Flag* flag = flags.Find(word.substr(0, equals));
    std::vector<std::string> values = flag == nullptr ? std::vector<std::string>{} : flag->choices;
    for (std::string& value : values) value = word.substr(0, equals + 1) + value;
    return values;
  }
  return ArgumentCandidates(flags, position.arguments, word, sources);
}

// Repos of one type by the folders of the caller's own cache: for when no daemon runs.
std::vector<std::string> ReposOnDisk(const Environment& environment, std::string_view type) {
  std::vector<std::string> ids;
  const absl::StatusOr<std::filesystem::path> cache = CacheDir(environment);
  std::error_code error;
  if (!cache.ok()) return ids;
  for (std::filesystem::directory_iterator at(*cache, error), end; !error && at != end; at.increment(error)) {
    const absl::StatusOr<RepoId> repo = RepoId::FromFolder(at->path().filename().native());
    if (repo.ok() && ToString(repo->type()) == type && ids.size() < kMaxCandidates) ids.push_back(repo->id());
  }
  return ids;
}

}  // namespace

std::string_view Completion::examples() const {
  return "source <(batuta completion bash)  in ~/.bashrc\n"
         "source <(batuta completion zsh)  in ~/.zshrc\n"
         "batuta completion fish > ~/.config/fish/completions/batuta.fish\n";
}

void Completion::DefineFlags(Flags& flags) {
  flags.Required(&shell_, "SHELL", "bash, zsh or fish", {"bash", "zsh", "fish"});
}

absl::Status Completion::Run(Context& context) {
  context.output.Data(CompletionScript(shell_));
  return absl::OkStatus();
}

void Complete::DefineFlags(Flags& flags) {
  flags.Rest(&words_, "WORD", "the words so far");
}

std::vector<std::string> CompleteWords(const std::vector<std::string>& raw,
                                       const CompletionSources& sources) {
  std::vector<std::string> words = Rejoin(raw);
  const std::string word = words.empty() ? std::string() : words.back();
  if (!words.empty()) words.pop_back();
  const std::vector<std::unique_ptr<Command>> commands = MakeCommands();
  const CommandMatch match = MatchCommand(commands, words);
  std::vector<std::string> found;
  if (match.command == nullptr) {
    if (match.word_count == words.size()) found = NextWords(commands, match.group);
    if (word.starts_with('-')) found = {"--help", "--version"};
  } else {
    Flags flags;
    GlobalFlags globals;
    match.command->DefineFlags(flags);
    globals.Define(flags, match.command->own_formats());
    const std::vector<std::string> before(words.begin() + static_cast<std::ptrdiff_t>(match.word_count),
                                          words.end());
    found = Candidates(flags, before, word, sources);
  }
  std::erase_if(found, [&](const std::string& candidate) { return !candidate.starts_with(word); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

absl::Status Complete::Run(Context& context) {
  const ConnectOptions as_it_is = {.may_spawn = false,
                                   .check_identity = false,
                                   .send_token = false,
                                   .token = std::nullopt,
                                   .patience = kPatience};
  CompletionSources sources;
  sources.repos = [&](std::string_view word) {
    const absl::StatusOr<RepoType> type = ParseRepoType(word);
    std::vector<std::string> ids;
    if (!type.ok()) return ids;
    const absl::StatusOr<Connection> connection = context.connector.Open(as_it_is);
    if (!connection.ok()) return ReposOnDisk(context.environment, ToString(*type));
    const absl::StatusOr<v1::ListReposResponse> cached = connection->client->ListRepos();
    if (!cached.ok()) return ids;
    for (const v1::CachedRepo& repo : cached->repos()) {
      if (repo.repo().type() == WireType(*type) && ids.size() < kMaxCandidates)
        ids.push_back(repo.repo().id());
    }
    return ids;
  };
  sources.jobs = [&] {
    std::vector<std::string> ids;
    const absl::StatusOr<Connection> connection = context.connector.Open(as_it_is);
    if (!connection.ok()) return ids;
    const absl::StatusOr<v1::ListJobsResponse> jobs = connection->client->ListJobs({});
    if (!jobs.ok()) return ids;
    for (const v1::Job& job : jobs->jobs()) ids.push_back(job.id());
    return ids;
  };
  for (const std::string& candidate : CompleteWords(words_, sources)) context.output.DataLine(candidate);
  return absl::OkStatus();
}

}  // namespace batuta::client
