#include "client/commands/application.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/commands/command_table.h"
#include "client/commands/global_flags.h"
#include "client/commands/help.h"
#include "client/connection/connector.h"
#include "client/connection/exit_code.h"
#include "client/output/error_report.h"
#include "client/output/json_writer.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

bool Has(const std::vector<std::string>& words, std::string_view flag) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, flag) != end;
}

// The words without the first `count` of the plain ones: what is left for the command.
std::vector<std::string> WithoutName(const std::vector<std::string>& words,
                                     const std::vector<std::string>& plain, size_t count) {
  std::vector<std::string> rest;
  size_t taken = 0;
  for (const std::string& word : words) {
    if (taken < count && word == plain[taken]) {
      ++taken;
    } else {
      rest.push_back(word);
    }
  }
  return rest;
}

// A run of the program: knows the words and where they lead.
class Run {
 public:
  Run(const std::vector<std::string>& words, const Surroundings& surroundings)
      : words_(words), surroundings_(surroundings), commands_(MakeCommands()), plain_(PlainWords(words)) {
    if (!plain_.empty() && plain_.front() == "help") {
      wants_help_ = true;
      std::erase(words_, "help");
      plain_.erase(plain_.begin());
    }
    wants_help_ = wants_help_ || Has(words, "--help") || Has(words, "-h");
    match_ = MatchCommand(commands_, plain_);
  }

  int Finish() {
    Output early = MakeOutput(GuessFormat(words_), Has(words_, "--events"), true);
    if (match_.command == nullptr) return Close(early, WithoutCommand(early));
    GlobalFlags globals;
    Flags flags;
    match_.command->DefineFlags(flags);
    globals.Define(flags, match_.command->own_formats());
    if (wants_help_) {
      early.Data(CommandHelp(*match_.command, flags));
      return Close(early, absl::OkStatus());
    }
    if (absl::Status status = flags.Parse(WithoutName(words_, plain_, match_.word_count)); !status.ok()) {
      return Close(early, WithUsage(status, flags));
    }
    OutputFormat format = globals.events ? OutputFormat::kJson : OutputFormat::kHuman;
    for (const std::string& word : globals.formats) {
      if (const std::optional<OutputFormat> named = OutputFormatOf(word)) {
        format = *named;
      } else {
        match_.command->TakeFormat(word);
      }
    }
    if (globals.events && format != OutputFormat::kJson) {
      return Close(early,
                   UsageError("--events prints JSON; --format says otherwise", "leave one of them out"));
    }
    Output output = MakeOutput(format, globals.events, globals.no_progress);
    const Connector connector({.environment = surroundings_.environment,
                               .socket_flag = globals.socket,
                               .this_program = surroundings_.this_program});
    Context context{surroundings_.environment, connector,           output,
                    surroundings_.console,     surroundings_.clock, surroundings_.this_program};
    return Close(output, match_.command->Run(context));
  }

 private:
  Output MakeOutput(OutputFormat format, bool events, bool no_progress) const {
    return Output(ChooseOutput(surroundings_, format, events, no_progress), surroundings_.data,
                  surroundings_.talk, surroundings_.terminal_size);
  }

  // Version, help, or what was not understood.
  absl::Status WithoutCommand(Output& output) {
    if (plain_.empty() && Has(words_, "--version")) {
      if (output.json()) {
        JsonWriter json;
        json.BeginObject().Field("version", BATUTA_VERSION).EndObject();
        output.Data(json.Take());
      } else {
        output.DataLine(output.quiet() ? BATUTA_VERSION : "batuta " BATUTA_VERSION);
      }
      return absl::OkStatus();
    }
    if (match_.word_count < plain_.size())
      return UnknownCommand(commands_, match_.group, plain_[match_.word_count]);
    if (wants_help_) {
      output.Data(GroupHelp(commands_, match_.group));
      return absl::OkStatus();
    }
    const auto flag = std::find_if(words_.begin(), words_.end(), [](const std::string& word) {
      return word.starts_with("--") && !word.starts_with("--format") && !word.starts_with("--socket") &&
             word != "--events" && word != "--no-progress";
    });
    if (plain_.empty() && flag != words_.end()) return UnknownFlag(*flag);
    const std::string name = match_.group.empty() ? "batuta" : "batuta " + match_.group;
    std::string next;
    for (const std::string& word : NextWords(commands_, match_.group))
      next += (next.empty() ? "" : ", ") + word;
    return UsageError(fmt::format("`{}` needs a command: {}", name, next), fmt::format("{} --help", name));
  }

  absl::Status UnknownFlag(const std::string& word) const {
    Flags flags;
    GlobalFlags globals;
    bool version = false;
    globals.Define(flags, {});
    flags.Switch(&version, "--version", "");
    return flags.Parse({word});
  }

  // A usage error without a hint of its own shows how the command is called.
  absl::Status WithUsage(const absl::Status& status, const Flags& flags) const {
    if (!HintOf(status).empty()) return status;
    return UsageError(MessageOf(status),
                      fmt::format("usage: batuta {} {}", match_.command->name(), flags.Usage()));
  }

  static int Close(Output& output, absl::Status status) {
    absl::Status written = output.Finish();
    if (status.ok()) status = std::move(written);
    if (status.ok()) return 0;
    ReportError(output, status);
    return ExitCode(status);
  }

  std::vector<std::string> words_;
  const Surroundings& surroundings_;
  const std::vector<std::unique_ptr<Command>> commands_;
  std::vector<std::string> plain_;
  bool wants_help_ = false;
  CommandMatch match_;
};

bool IsUnicode(const Environment& environment) {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = environment(variable).value_or("");
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

OutputOptions ChooseOutput(const Surroundings& surroundings, OutputFormat format, bool events,
                           bool no_progress) {
  const Environment& environment = surroundings.environment;
  const std::string terminal = environment("TERM").value_or("");
  const bool can_redraw = surroundings.talk_is_terminal && !terminal.empty() && terminal != "dumb";
  OutputOptions options;
  options.format = format;
  options.events = events;
  options.data_is_terminal = surroundings.data_is_terminal;
  options.talk_is_terminal = surroundings.talk_is_terminal;
  options.progress = !no_progress && !IsTrue(environment("HF_HUB_DISABLE_PROGRESS_BARS"));
  options.bars = can_redraw;
  options.color = can_redraw && environment("NO_COLOR").value_or("").empty();
  options.unicode = IsUnicode(environment);
  return options;
}

int RunApplication(const std::vector<std::string>& words, const Surroundings& surroundings) {
  return Run(words, surroundings).Finish();
}

}  // namespace batuta::client
