#include "tests/hubsim/net/request_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <unistd.h>

namespace batuta::hubsim {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

constexpr std::uint32_t kHeadLimit = 64U * 1024U;
constexpr std::size_t kMemoryLimit = 256U * 1024U;
constexpr std::size_t kBufferBytes = 256U * 1024U;
constexpr std::size_t kHeadPiece = 16U * 1024U;

std::string ToString(string_view text) {
  return {text.data(), text.size()};
}

// SpooledBody keeps a short body in memory and a long one in a file.
class SpooledBody {
 public:
  explicit SpooledBody(SpoolFolder& folder) : folder_(folder) {}

  SpooledBody(const SpooledBody&) = delete;
  SpooledBody& operator=(const SpooledBody&) = delete;

  ~SpooledBody() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  bool Append(string_view bytes) {
    size_ += bytes.size();
    if (path_.empty() && memory_.size() + bytes.size() <= kMemoryLimit) {
      memory_.append(bytes.data(), bytes.size());
      return true;
    }
    if (path_.empty() && !OpenFile()) return false;
    return WriteAll(bytes);
  }

  ContentPtr Take() {
    if (path_.empty()) {
      memory_.shrink_to_fit();  // it may be kept for as long as the hub runs
      return MemoryContent(std::move(memory_));
    }
    file_ = Descriptor();
    return OwnedFileContent(std::exchange(path_, {}), size_);
  }

  std::uint64_t size() const { return size_; }

 private:
  bool OpenFile() {
    std::optional<SpoolFolder::File> file = folder_.Open();
    if (!file) return false;
    path_ = std::move(file->path);
    file_ = std::move(file->descriptor);
    const std::string held = std::move(memory_);
    memory_.clear();
    return WriteAll({held.data(), held.size()});
  }

  bool WriteAll(string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  SpoolFolder& folder_;
  std::string memory_;
  std::string path_;  // empty: in memory
  Descriptor file_;
  std::uint64_t size_ = 0;
};

}  // namespace

// The parser library calls these as it reads; they only record.
class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  Parser(Request& request, SpoolFolder& spool) : request_(&request), body_(spool) {}

  void SetRequest(Request& request) { request_ = &request; }

  SpooledBody& spooled() { return body_; }

  bool spool_failed() const { return spool_failed_; }

 private:
  void on_request_impl(http::verb /*method*/, string_view method, string_view target, int /*version*/,
                       error_code& /*error*/) override {
    request_->method = ToString(method);
    SetTarget(*request_, ToString(target));
  }

  void on_response_impl(int /*code*/, string_view /*reason*/, int /*version*/,
                        error_code& /*error*/) override {}

  void on_field_impl(http::field /*field*/, string_view name, string_view value,
                     error_code& /*error*/) override {
    request_->headers.Add(ToString(name), ToString(value));
  }

  void on_header_impl(error_code& /*error*/) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, error_code& /*error*/) override {}

  std::size_t on_body_impl(string_view body, error_code& /*error*/) override { return Append(body); }

  void on_chunk_header_impl(std::uint64_t /*size*/, string_view /*extensions*/,
                            error_code& /*error*/) override {}

  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, string_view body, error_code& /*error*/) override {
    return Append(body);
  }

  void on_finish_impl(error_code& /*error*/) override {}

  std::size_t Append(string_view body) {
    if (!body_.Append(body)) spool_failed_ = true;
    return body.size();
  }

  Request* request_;
  SpooledBody body_;
  bool spool_failed_ = false;
};

RequestReader::RequestReader(Connection& connection, SpoolFolder& spool, std::uint64_t body_limit)
    : connection_(connection),
      spool_(spool),
      body_limit_(body_limit),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

RequestReader::~RequestReader() = default;

RequestReader::Outcome RequestReader::ReadHead(Request& request) {
  parser_ = std::make_unique<Parser>(request, spool_);
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(body_limit_);
  while (true) {
    if (const Outcome outcome = Parse(true); outcome != Outcome::kOk) return outcome;
    if (IsComplete(true)) return Outcome::kOk;
    if (!Read(kHeadPiece)) return Outcome::kClosed;
  }
}

RequestReader::Outcome RequestReader::ReadBody(Request& request, BodyIntake& intake) {
  parser_->SetRequest(request);
  if (!parser_->is_done()) {
    const auto expects = request.headers.Find("Expect");
    if (expects && ToLower(*expects) == "100-continue" && begin_ == end_ &&
        !connection_.Write("HTTP/1.1 100 Continue\r\n\r\n")) {
      return Outcome::kClosed;
    }
    parser_->eager(true);
  }
  while (true) {
    if (const Outcome outcome = Parse(false); outcome != Outcome::kOk) return outcome;
    if (!intake.Take(body_bytes())) return Outcome::kClosed;
    if (IsComplete(false)) break;
    if (!Read(intake.most_at_once())) return Outcome::kClosed;
  }
  if (parser_->spool_failed()) return Outcome::kTooLarge;
  request.body = parser_->spooled().Take();
  return Outcome::kOk;
}

std::optional<std::uint64_t> RequestReader::announced_bytes() const {
  const auto length = parser_->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

bool RequestReader::keep_alive() const {
  return parser_->keep_alive();
}

std::uint64_t RequestReader::body_bytes() const {
  return parser_->spooled().size();
}

bool RequestReader::IsComplete(bool until_head) const {
  return until_head ? parser_->is_header_done() : parser_->is_done();
}

RequestReader::Outcome RequestReader::Parse(bool until_head) {
  while (begin_ < end_ && !IsComplete(until_head)) {
    error_code error;
    const std::size_t used = parser_->put(boost::asio::buffer(buffer_.get() + begin_, end_ - begin_), error);
    begin_ += used;
    if (error == http::error::body_limit || error == http::error::header_limit) return Outcome::kTooLarge;
    if (error && error != http::error::need_more) return Outcome::kMalformed;
    if (error && used == 0) break;
  }
  return Outcome::kOk;
}

bool RequestReader::Read(std::size_t most) {
  if (begin_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t got = connection_.Read({buffer_.get() + end_, std::min(most, kBufferBytes - end_)});
  end_ += got;
  return got > 0;
}

}  // namespace batuta::hubsim
