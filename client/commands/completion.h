#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"

namespace batuta::client {

// `batuta completion SHELL`: the script that teaches a shell to complete this program. The script only calls
// `batuta __complete`, so it never goes stale.
class Completion final : public Command {
 public:
  std::string_view name() const override { return "completion"; }

  std::string_view summary() const override { return "print the completion script of a shell"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string shell_;
};

// `batuta __complete -- WORD…`: what may stand in the place of the last word, one candidate a line. Never
// starts a daemon, never fails, and waits for a running one no longer than a person notices.
class Complete final : public Command {
 public:
  std::string_view name() const override { return "__complete"; }

  std::string_view summary() const override { return "list what may come next"; }

  std::string_view examples() const override { return ""; }

  bool is_hidden() const override { return true; }

  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::vector<std::string> words_;
};

// What the daemon is asked for when a word is completed.
struct CompletionSources {
  // Ids of cached repos of one type ("model" …).
  std::function<std::vector<std::string>(std::string_view type)> repos;
  std::function<std::vector<std::string>()> jobs;
};

// The candidates for the last of `words` (those after `batuta`), sorted, all beginning with it. Pure but for
// the sources.
std::vector<std::string> CompleteWords(const std::vector<std::string>& words,
                                       const CompletionSources& sources);

}  // namespace batuta::client
