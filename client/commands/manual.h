#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"

namespace batuta::client {

// The names of the pages: "batuta", "batuta-hf", "batuta-hf-pull" and so on, one for the program, for each
// group and for each command that is not hidden. Pure.
std::vector<std::string> ManualPages(const std::vector<std::unique_ptr<Command>>& commands);

// The page `name` of the manual, section 1, from what help shows as well; empty when there is no such page.
// Pure.
std::string ManualPage(const std::vector<std::unique_ptr<Command>>& commands, std::string_view name);

// `batuta __man [PAGE]`: the names of the pages, or one of them. Called when Batuta is built.
class Manual final : public Command {
 public:
  std::string_view name() const override { return "__man"; }

  std::string_view summary() const override { return "print a page of the manual"; }

  std::string_view examples() const override { return ""; }

  bool is_hidden() const override { return true; }

  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string page_;
};

}  // namespace batuta::client
