#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "client/commands/command.h"
#include "client/commands/memory_flags.h"
#include "common/types/secret.h"

namespace batuta::client {

// `batuta hf whoami`: whose token is used, and where it comes from.
class HfWhoami final : public Command {
 public:
  std::string_view name() const override { return "hf whoami"; }

  std::string_view summary() const override { return "show whose token is used and where it comes from"; }

  std::string_view examples() const override;

  void DefineFlags(Flags& flags) override { memory_.Define(flags); }

  absl::Status Run(Context& context) override;

 private:
  MemoryFlags memory_;
};

// `batuta hf login`: stores a token where all tools of the hub look for it, once the hub has accepted it. The
// token comes from stdin or from a hidden prompt, never from the command line, which others can see.
class HfLogin final : public Command {
 public:
  std::string_view name() const override { return "hf login"; }

  std::string_view summary() const override { return "store a token for the hub"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::StatusOr<Secret> ReadToken(Context& context) const;

  bool token_stdin_ = false;
};

// `batuta hf logout`: removes the stored token.
class HfLogout final : public Command {
 public:
  std::string_view name() const override { return "hf logout"; }

  std::string_view summary() const override { return "remove the stored token"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

}  // namespace batuta::client
