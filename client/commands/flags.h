#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace batuta::client {

// Flags declares what a command takes, parses it, and describes it: `--name VALUE`, `--name=VALUE`, `-n
// VALUE`, `-nVALUE`.
//
// Values are taken as they are: a glob such as `[a-z]*` is never split or unquoted.
// Targets are borrowed: they outlive the Flags and are written by Parse(). A flag that is given several
// times: the last one wins, unless it was declared with Values(). `--` ends the flags.
class Flags {
 public:
  enum class Kind { kSwitch, kValue, kOptionalValue };

  struct Flag {
    std::string names;       // "-o,--output"
    std::string value_name;  // "DIR"; empty for a switch
    std::string help;
    std::vector<std::string> choices;  // what the value may be; empty = anything
    Kind kind = Kind::kValue;
    bool is_global = false;
  };

  struct Argument {
    std::string name;  // "REPO"
    std::string help;
    bool is_required = true;
    bool is_list = false;
    std::vector<std::string> choices;
  };

  Flags() = default;
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  // Arguments without a name, in their order; optional ones after required ones, a list last.
  void Required(std::string* target, std::string name, std::string help,
                std::vector<std::string> choices = {});
  void Optional(std::string* target, std::string name, std::string help,
                std::vector<std::string> choices = {});
  void Rest(std::vector<std::string>* target, std::string name, std::string help, bool is_required = false);

  void Switch(bool* target, std::string names, std::string help);
  void Value(std::string* target, std::string names, std::string value_name, std::string help,
             std::vector<std::string> choices = {});
  void Values(std::vector<std::string>* target, std::string names, std::string value_name, std::string help,
              std::vector<std::string> choices = {});

  // The name of a file or folder: not empty, as an unset variable of a script would make it.
  void Path(std::string* target, std::string names, std::string value_name, std::string help);

  // A whole number from `low` to `high`.
  void Number(uint32_t* target, std::string names, std::string value_name, std::string help, uint32_t low,
              uint32_t high);

  // Bytes per second, e.g. `500K` or `10M`; 0 = no limit.
  void Rate(uint64_t* target, std::string names, std::string value_name, std::string help);

  // Bytes, e.g. `500M` or `10GB`.
  void Size(uint64_t* target, std::string names, std::string value_name, std::string help);
  void Size(std::optional<uint64_t>* target, std::string names, std::string value_name, std::string help);

  // Comma-separated, e.g. `24GiB,24GiB`; what is 0 counts for nothing.
  void Sizes(std::optional<std::vector<uint64_t>>* target, std::string names, std::string value_name,
             std::string help);

  // A duration, e.g. `12h` or `30d`.
  void Time(std::optional<std::chrono::milliseconds>* target, std::string names, std::string value_name,
            std::string help);

  // `--name` alone stands for `--name=fallback`; the value is never taken from the next word.
  void OptionalValue(std::vector<std::string>* target, std::string name, std::string value_name,
                     std::string fallback, std::string help);

  // Flags declared from now on belong to every command: help lists them apart.
  void BeginGlobals() { in_globals_ = true; }

  // `words` are those after the command's name.
  //   kInvalidArgument (INVALID_ARGUMENT)  unknown flag (the hint names the nearest), missing or unknown
  //   value, missing or
  //                                        surplus argument.
  absl::Status Parse(const std::vector<std::string>& words);

  const std::vector<Flag>& flags() const { return flags_; }

  const std::vector<Argument>& arguments() const { return arguments_; }

  // The flag that `name` ("--output", "-o") belongs to, or null.
  const Flag* Find(std::string_view name) const;

  // A flag as people read it, `-o, --output DIR`, and what it means.
  static std::string Shown(const Flag& flag);
  static std::string Meaning(const Flag& flag);

  // `TYPE REPO [FILE…] [flags]`
  std::string Usage() const;

  // The arguments and flags with their help, aligned, for people.
  std::string Describe() const;

 private:
  using Setter = std::function<absl::Status(const std::string& value)>;  // the value of a switch is ""

  Flag& Declare(std::string names, std::string value_name, std::string help, Kind kind, Setter setter);
  absl::Status ParseFlag(const std::vector<std::string>& words, size_t& at);
  absl::Status Assign(const std::vector<std::string>& words);
  absl::Status Unknown(std::string_view name) const;

  std::vector<Flag> flags_;
  std::vector<Setter> setters_;  // one per flag
  std::vector<Argument> arguments_;
  std::vector<std::string*> singles_;         // targets of the arguments, in their order
  std::vector<std::string>* list_ = nullptr;  // target of the list
  bool in_globals_ = false;
};

}  // namespace batuta::client
