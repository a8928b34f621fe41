#include "tests/hubsim/net/request_reader.h"

#include <array>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace batuta::hubsim {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

constexpr std::uint32_t kHeadLimit = 64U * 1024U;
constexpr std::size_t kMemoryLimit = 1U << 20U;
constexpr std::size_t kReadPiece = 64U * 1024U;

std::string ToString(string_view text) {
  return {text.data(), text.size()};
}

// SpooledBody keeps a short body in memory and a long one in an unlinked file.
class SpooledBody {
 public:
  explicit SpooledBody(const std::filesystem::path& folder) : folder_(folder) {}

  bool Append(string_view bytes) {
    size_ += bytes.size();
    if (!file_.is_open() && memory_.size() + bytes.size() <= kMemoryLimit) {
      memory_.append(bytes.data(), bytes.size());
      return true;
    }
    if (!file_.is_open() && !OpenFile()) return false;
    return WriteAll(bytes);
  }

  ContentPtr Take() {
    if (!file_.is_open()) return MemoryContent(std::move(memory_));
    return DescriptorContent(file_.Release(), size_);
  }

  std::uint64_t size() const { return size_; }

 private:
  bool OpenFile() {
    std::string name = (folder_ / "body-XXXXXX").string();
    file_ = Descriptor(::mkostemp(name.data(), O_CLOEXEC));
    if (!file_.is_open()) return false;
    ::unlink(name.c_str());
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

  const std::filesystem::path folder_;
  std::string memory_;
  Descriptor file_;
  std::uint64_t size_ = 0;
};

}  // namespace

// The parser library calls these as it reads; they only record.
class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  Parser(Request& request, const std::filesystem::path& spool_folder)
      : request_(&request), body_(spool_folder) {}

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

RequestReader::RequestReader(Connection& connection, std::filesystem::path spool_folder,
                             std::uint64_t body_limit)
    : connection_(connection), spool_folder_(std::move(spool_folder)), body_limit_(body_limit) {}

RequestReader::~RequestReader() = default;

RequestReader::Outcome RequestReader::ReadHead(Request& request) {
  parser_ = std::make_unique<Parser>(request, spool_folder_);
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(body_limit_);
  return Fill(true);
}

RequestReader::Outcome RequestReader::ReadBody(Request& request) {
  parser_->SetRequest(request);
  if (!parser_->is_done()) {
    const auto expects = request.headers.Find("Expect");
    if (expects && ToLower(*expects) == "100-continue" && pending_.empty() &&
        !connection_.Write("HTTP/1.1 100 Continue\r\n\r\n")) {
      return Outcome::kClosed;
    }
    parser_->eager(true);
    if (const Outcome outcome = Fill(false); outcome != Outcome::kOk) return outcome;
  }
  if (parser_->spool_failed()) return Outcome::kTooLarge;
  request.body = parser_->spooled().Take();
  return Outcome::kOk;
}

bool RequestReader::keep_alive() const {
  return parser_->keep_alive();
}

std::uint64_t RequestReader::body_bytes() const {
  return parser_->spooled().size();
}

RequestReader::Outcome RequestReader::Fill(bool until_head) {
  std::array<char, kReadPiece> piece{};
  while (until_head ? !parser_->is_header_done() : !parser_->is_done()) {
    error_code error;
    if (!pending_.empty()) {
      const std::size_t used = parser_->put(boost::asio::buffer(pending_), error);
      pending_.erase(0, used);
      if (error == http::error::body_limit || error == http::error::header_limit) return Outcome::kTooLarge;
      if (error && error != http::error::need_more) return Outcome::kMalformed;
      if (!error || used > 0) continue;
    }
    const std::size_t got = connection_.Read(piece);
    if (got == 0) return Outcome::kClosed;
    pending_.append(piece.data(), got);
  }
  return Outcome::kOk;
}

}  // namespace batuta::hubsim
