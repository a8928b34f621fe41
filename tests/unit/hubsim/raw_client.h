// A client that shows an answer as it came over the wire: no redirects followed, nothing decoded but chunks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batuta::hubsim {

struct RawAnswer {
  int status = 0;  // 0: the connection ended before a status line
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  bool was_reset = false;
  // The body ended before its announced length, or without the last chunk.
  bool is_cut = false;

  // The value, whatever the name's case; empty when absent.
  std::string Header(std::string_view name) const;
  bool HasHeader(std::string_view name) const;
};

struct RawRequest {
  std::string method = "GET";
  std::string url = {};  // "http://127.0.0.1:PORT/path?query"
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::size_t stop_after = SIZE_MAX;  // close after so many bytes of the answer, head included
};

// Sends one request with "Connection: close" and reads to the end, 20 s at most.
RawAnswer Send(const RawRequest& request);

RawAnswer Get(const std::string& url, std::vector<std::pair<std::string, std::string>> headers = {});
RawAnswer Head(const std::string& url, std::vector<std::pair<std::string, std::string>> headers = {});

// Follows redirects, relative ones too, sending `headers` only as long as host and port stay the same.
RawAnswer GetFollowing(std::string url, const std::vector<std::pair<std::string, std::string>>& headers = {});

// Sends these very bytes to the port of `url` and returns all that comes back.
std::string Exchange(const std::string& url, std::string_view bytes);

}  // namespace batuta::hubsim
