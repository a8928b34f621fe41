#include "daemon/transport/head_parser.h"

#include <algorithm>
#include <string>

#include "daemon/transport/header_fields.h"

namespace batuta::transport {

std::optional<int> ParseStatusLine(std::string_view line) {
  if (line.size() < 8 || !EqualsIgnoreCase(line.substr(0, 5), "HTTP/")) return std::nullopt;
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view rest = Trimmed(line.substr(blank));
  if (rest.size() < 3 || (rest.size() > 3 && rest[3] != ' ')) return std::nullopt;
  int status = 0;
  for (const char c : rest.substr(0, 3)) {
    if (c < '0' || c > '9') return std::nullopt;
    status = status * 10 + (c - '0');
  }
  if (status < 100) return std::nullopt;
  return status;
}

HeadParser::Step HeadParser::Feed(std::string_view line) {
  bytes_ += line.size();
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (state_ != State::kStatusLine && !line.empty()) ++lines_;
  if (bytes_ > kMaxBytes || lines_ > kMaxHeaders) return Step::kTooLarge;
  switch (state_) {
    case State::kStatusLine: {
      const std::optional<int> status = ParseStatusLine(line);
      if (!status) return Step::kMalformed;
      head_ = HttpHead{};
      head_.status = *status;
      state_ = State::kFields;
      return Step::kMore;
    }
    case State::kFields:
      return FeedField(line);
    case State::kDone:
      return Step::kMore;
  }
  return Step::kMore;
}

HeadParser::Step HeadParser::FeedField(std::string_view line) {
  if (line.empty()) {
    const bool is_interim = head_.status < 200;
    state_ = is_interim ? State::kStatusLine : State::kDone;
    return is_interim ? Step::kMore : Step::kComplete;
  }
  if (line.front() == ' ' || line.front() == '\t') {  // the obsolete folding of a long value
    if (head_.headers.empty()) return Step::kMore;
    const std::string_view more = Trimmed(line);
    std::string& value = head_.headers.back().value;
    if (!value.empty() && !more.empty()) value += ' ';
    value += more;
    return Step::kMore;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return Step::kMore;
  const std::string_view name = Trimmed(line.substr(0, colon));
  head_.headers.push_back({std::string(name), std::string(Trimmed(line.substr(colon + 1)))});
  return Step::kMore;
}

}  // namespace batuta::transport
