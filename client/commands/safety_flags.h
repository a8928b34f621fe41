#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

#include "client/commands/flags.h"
#include "common/status/status.h"

namespace batuta::client {

// The flags --allow-unsafe and --allow-malicious of the commands that bring files into the cache: what may
// come in although it is unsafe.
struct SafetyFlags {
  std::vector<std::string> allow_unsafe;  // lists of classes, as they were given
  bool allow_malicious = false;

  void Define(Flags& flags);

  // `Message` has fields of these names.
  //   kInvalidArgument (INVALID_ARGUMENT)  a class that nobody knows.
  template <typename Message>
  absl::Status Put(Message* message) const {
    ASSIGN_OR_RETURN(const std::vector<std::string> classes, Classes());
    message->mutable_allow_unsafe()->Assign(classes.begin(), classes.end());
    message->set_allow_malicious(allow_malicious);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::vector<std::string>> Classes() const;
};

}  // namespace batuta::client
