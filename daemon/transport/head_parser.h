#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "daemon/transport/http_transport.h"

namespace batuta::transport {

// HeadParser builds an HttpHead from the lines of an answer, as a client library hands them over. Not
// thread-safe.
class HeadParser {
 public:
  static constexpr size_t kMaxHeaders = 256;
  static constexpr size_t kMaxBytes = 64 * 1024;

  enum class Step {
    kMore,       // feed the next line
    kComplete,   // head() is the head of the final answer
    kTooLarge,   // more than kMaxHeaders lines or kMaxBytes, counted over all heads and trailers of the call
    kMalformed,  // the first line is no status line
  };

  // One line, with or without its line end. The head of a 1xx answer is read and forgotten. After kComplete
  // further lines are trailers: counted and dropped.
  Step Feed(std::string_view line);

  const HttpHead& head() const { return head_; }

  bool complete() const { return state_ == State::kDone; }

 private:
  enum class State { kStatusLine, kFields, kDone };

  Step FeedField(std::string_view line);

  State state_ = State::kStatusLine;
  HttpHead head_;
  size_t lines_ = 0;
  size_t bytes_ = 0;
};

// The number in `HTTP/1.1 200 OK` or `HTTP/2 200`; nullopt when it is no status line.
std::optional<int> ParseStatusLine(std::string_view line);

}  // namespace batuta::transport
