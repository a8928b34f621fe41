#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "client/output/output.h"
#include "common/types/secret.h"

namespace batuta::client {

// Console is the person at the keyboard.
class Console {
 public:
  virtual ~Console() = default;

  // Is there somebody to ask? (stdin and stderr are terminals)
  virtual bool can_ask() const = 0;

  // Is stdin a terminal?
  virtual bool input_is_terminal() const = 0;

  // One line of stdin without its end, at most 64 KiB. Blocks.
  //   kOutOfRange  stdin has ended.
  virtual absl::StatusOr<std::string> ReadLine() = 0;

  // The same from a terminal, not shown while it is typed; the prompt goes to stderr.
  virtual absl::StatusOr<Secret> ReadSecret(std::string_view prompt) = 0;

  // stdin, for poll(2). Borrowed.
  virtual int input_fd() const = 0;
};

// The console of this process.
class TerminalConsole final : public Console {
 public:
  TerminalConsole();

  bool can_ask() const override { return input_is_terminal_ && talk_is_terminal_; }

  bool input_is_terminal() const override { return input_is_terminal_; }

  absl::StatusOr<std::string> ReadLine() override;
  absl::StatusOr<Secret> ReadSecret(std::string_view prompt) override;
  int input_fd() const override;

 private:
  bool input_is_terminal_;
  bool talk_is_terminal_;
};

// Size of the terminal behind `fd`; 80 × 24 when it does not say.
TerminalSize SizeOf(int fd);

// Asks with a numbered menu on stderr until a number is given; the index of the answer.
//   kOutOfRange  stdin ended without an answer.
absl::StatusOr<size_t> AskChoice(Output& output, Console& console, std::string_view question,
                                 const std::vector<std::string>& answers);

}  // namespace batuta::client
