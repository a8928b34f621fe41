// One HTTP request as it arrived and one answer as it shall leave. Values; the answer's body is shared,
// immutable.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/hubsim/net/url.h"
#include "tests/hubsim/store/content.h"

namespace batuta::hubsim {

// Header fields in order, names as spelled; look-up ignores case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  std::optional<std::string> Find(std::string_view name) const;

  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

  // Replaces all fields of that name by one.
  void Set(std::string name, std::string value);
  void Remove(std::string_view name);

  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method;
  std::string target;  // as on the request line
  std::string path;    // decoded once
  std::vector<std::string>
      segments;            // the raw path split at '/', then each piece decoded once; empty ones left out
  std::string query_text;  // raw, without '?'
  QueryParams query;
  Headers headers;
  ContentPtr body;   // never null once the body was read
  std::string peer;  // address of the client, without port
  std::uint64_t connection_id = 0;
};

// Splits a request target into path, segments and query.
void SetTarget(Request& request, std::string target);

struct Response {
  int status = 200;
  Headers headers;           // Content-Length is added by the writer from `length`
  ContentPtr body;           // null: no body
  std::uint64_t offset = 0;  // the part of `body` that is sent
  std::uint64_t length = 0;
  bool omits_length = false;        // no Content-Length: the end of the connection is the end of the body
  std::uint64_t endless_bytes = 0;  // when set: a generated JSON array of about so many bytes, chunked

  void SetBody(std::string text) {
    length = text.size();
    offset = 0;
    body = MemoryContent(std::move(text));
  }
};

// Whether this is a success whose body goes over the wire; HEAD and 304 have none.
bool CarriesBody(const Request& request, const Response& response);

std::string_view ReasonPhrase(int status);

}  // namespace batuta::hubsim
