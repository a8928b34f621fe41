// The request log: what arrived at the two ports and what left, in order of arrival. Tests assert on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/hubsim/fault.h"

namespace batuta::hubsim {

struct LoggedRequest {
  std::uint64_t number = 0;  // 1, 2, … since start; also after ClearLog()
  Listener listener = Listener::kHub;
  std::string method = {};
  std::string target = {};  // as sent
  std::string path = {};    // decoded, without the query
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<std::string>
      authorization;  // also on the CDN, where it must never be: see HubSim::leaked_tokens()
  std::optional<std::string> range = {};
  std::string peer = {};
  std::string bucket = {};                // "api", "resolvers", "pages"; empty on the CDN
  int status = 0;                         // 0 while the request is in progress, or when it was reset
  std::uint64_t body_bytes_received = 0;  // grows while the body arrives, about once a MiB
  std::optional<std::string> body = {};   // when it was kept: Options::kept_body_bytes
  std::uint64_t body_bytes_sent = 0;      // grows while the answer is being sent
  bool is_finished = false;               // the answer went out whole
  bool is_over = false;                   // nothing more will be sent, whole or not
  std::uint64_t connection_id = 0;
  std::chrono::system_clock::time_point start_time = {};
  std::chrono::system_clock::time_point end_time = {};  // once it is over

  // The value of a request header, whatever its case; empty when absent.
  std::string Header(std::string_view name) const;
};

}  // namespace batuta::hubsim
