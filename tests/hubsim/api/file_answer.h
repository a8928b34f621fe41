// Serves the bytes of one file with ranges and conditions, as both the resolver and the CDN do.
#pragma once

#include <optional>
#include <string>

#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/http_message.h"

namespace batuta::hubsim {

struct FileToServe {
  ContentPtr content = {};
  std::string etag = {};          // with quotes
  std::string content_type = {};  // empty: application/octet-stream
  std::string file_name = {};     // for Content-Disposition
};

// 200, 206 with one range, 304 for If-None-Match, 416 outside the file. A Range is ignored when If-Range does
// not match, or when it is malformed or names several ranges. Honours kIgnoreRange, kWrongRange and
// kNewContent.
Response FileAnswer(const Request& request, const FaultPlan& plan, FileToServe file);

// text/plain for what reads as text, by the name; application/octet-stream for the rest.
std::string ContentTypeFor(const std::string& path);

}  // namespace batuta::hubsim
