#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"
#include "client/commands/memory_flags.h"
#include "client/commands/patience.h"

namespace batuta::client {

// `batuta hf search`: repos of the hub by name.
class HfSearch final : public Command {
 public:
  std::string_view name() const override { return "hf search"; }

  std::string_view summary() const override { return "find repos on the hub"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string type_;
  std::string query_;
  std::string author_;
  std::string task_;
  std::string library_;
  std::string sort_;
  std::vector<std::string> tags_;
  uint32_t limit_ = 20;
  MemoryFlags memory_;
  Patience patience_;
};

}  // namespace batuta::client
