#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "client/commands/application.h"
#include "client/output/console.h"
#include "client/output/output.h"
#include "common/io/unique_fd.h"
#include "common/sync/mutex.h"

namespace batuta::client {

// Keeps what is written. Thread-safe.
class StringSink final : public ByteSink {
 public:
  absl::Status Write(std::string_view bytes) override;
  std::string text() const;

 private:
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// A person who types what the test says, through a pipe.
class FakeConsole final : public Console {
 public:
  FakeConsole();

  bool can_ask() const override { return is_terminal; }

  bool input_is_terminal() const override { return is_terminal; }

  absl::StatusOr<std::string> ReadLine() override;
  absl::StatusOr<Secret> ReadSecret(std::string_view prompt) override;

  int input_fd() const override { return read_end_.get(); }

  // Any thread.
  void Type(std::string_view text);

  void EndInput() { write_end_.Reset(); }

  bool is_terminal = false;

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
};

// What a run of the program left.
struct RunResult {
  int code = 0;
  std::string out;
  std::string err;
};

// ClientRun runs the program in this process. Defaults: no terminal anywhere, a home of its own below
// `folder`, the socket `folder`/d.sock, no daemon is ever started.
class ClientRun {
 public:
  explicit ClientRun(std::string folder);

  RunResult Run(const std::vector<std::string>& words);

  std::string socket_path() const { return folder_ + "/d.sock"; }

  std::map<std::string, std::string, std::less<>> variables;
  FakeConsole console;
  bool has_terminal = false;  // stdout and stderr are one, and it can redraw
  TerminalSize size{100, 20};
  StringSink data;
  StringSink talk;

 private:
  std::string folder_;
};

}  // namespace batuta::client
