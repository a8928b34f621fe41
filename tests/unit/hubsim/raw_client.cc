#include "tests/unit/hubsim/raw_client.h"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/hubsim/net/socket.h"
#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

constexpr std::string_view kScheme = "http://127.0.0.1:";
constexpr int kMostHops = 10;

struct Target {
  std::uint16_t port = 0;
  std::string path;
};

Target ParseUrl(const std::string& url) {
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return {};
  rest.remove_prefix(kScheme.size());
  const std::size_t slash = rest.find('/');
  const auto port = ParseNumber(rest.substr(0, slash)).value_or(0);
  return {.port = static_cast<std::uint16_t>(port),
          .path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash))};
}

struct Bytes {
  std::string text;
  bool was_reset = false;
};

Bytes Talk(std::uint16_t port, std::string_view sent, std::size_t stop_after) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit = {.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Bytes bytes;
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    bytes.was_reset = errno == ECONNRESET;
    return bytes;
  }
  while (!sent.empty()) {
    const ssize_t count = ::send(socket.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
    if (count <= 0) break;
    sent.remove_prefix(static_cast<std::size_t>(count));
  }
  std::array<char, 65536> piece{};
  while (bytes.text.size() < stop_after) {
    const ssize_t count = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (count < 0) bytes.was_reset = errno == ECONNRESET;
    if (count <= 0) break;
    bytes.text.append(piece.data(), static_cast<std::size_t>(count));
  }
  return bytes;
}

// Joins the chunks; false when the last one is missing.
bool Dechunk(std::string_view raw, std::string& body) {
  while (true) {
    const std::size_t end = raw.find("\r\n");
    if (end == std::string_view::npos) return false;
    const std::size_t size = std::strtoull(std::string(raw.substr(0, end)).c_str(), nullptr, 16);
    raw.remove_prefix(end + 2);
    if (size == 0) return raw == "\r\n";
    body += raw.substr(0, size);
    if (raw.size() < size + 2) return false;
    raw.remove_prefix(size + 2);
  }
}

void ParseHead(std::string_view head, RawAnswer& answer) {
  const std::vector<std::string> lines = Split(head, '\n');
  answer.status = std::atoi(lines[0].substr(lines[0].find(' ') + 1).c_str());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 2);
    if (value.ends_with('\r')) value.remove_suffix(1);
    answer.headers.emplace_back(line.substr(0, colon), value);
  }
}

}  // namespace

std::string RawAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (ToLower(key) == ToLower(name)) return value;
  }
  return {};
}

bool RawAnswer::HasHeader(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (ToLower(key) == ToLower(name)) return true;
  }
  return false;
}

RawAnswer Send(const RawRequest& request) {
  const Target target = ParseUrl(request.url);
  std::string wire =
      request.method + " " + target.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  for (const auto& [name, value] : request.headers) wire += name + ": " + value + "\r\n";
  if (!request.body.empty()) wire += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  wire += "\r\n" + request.body;

  const Bytes bytes = Talk(target.port, wire, request.stop_after);
  RawAnswer answer;
  answer.was_reset = bytes.was_reset;
  const std::size_t end = bytes.text.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  ParseHead(std::string_view(bytes.text).substr(0, end), answer);
  const std::string_view raw = std::string_view(bytes.text).substr(end + 4);
  if (answer.Header("Transfer-Encoding") == "chunked") {
    answer.is_cut = !Dechunk(raw, answer.body);
    return answer;
  }
  answer.body = raw;
  const auto length = ParseNumber(answer.Header("Content-Length"));
  answer.is_cut = length && request.method != "HEAD" && answer.body.size() < *length;
  return answer;
}

RawAnswer Get(const std::string& url, std::vector<std::pair<std::string, std::string>> headers) {
  return Send({.url = url, .headers = std::move(headers), .body = ""});
}

RawAnswer Head(const std::string& url, std::vector<std::pair<std::string, std::string>> headers) {
  return Send({.method = "HEAD", .url = url, .headers = std::move(headers), .body = ""});
}

RawAnswer GetFollowing(std::string url, const std::vector<std::pair<std::string, std::string>>& headers) {
  const std::uint16_t first_port = ParseUrl(url).port;
  RawAnswer answer;
  for (int hop = 0; hop < kMostHops; ++hop) {
    const std::uint16_t port = ParseUrl(url).port;
    std::vector<std::pair<std::string, std::string>> sent;
    for (const auto& field : headers) {
      if (port == first_port || field.first != "Authorization") sent.push_back(field);
    }
    answer = Get(url, sent);
    if (answer.status < 300 || answer.status >= 400 || answer.status == 304) return answer;
    const std::string location = answer.Header("Location");
    url = location.starts_with('/') ? std::string(kScheme) + std::to_string(port) + location : location;
  }
  return answer;
}

std::string Exchange(const std::string& url, std::string_view bytes) {
  return Talk(ParseUrl(url).port, bytes, SIZE_MAX).text;
}

}  // namespace batuta::hubsim
