#include "daemon/transport/curl_call.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/transport/header_fields.h"

namespace batuta::transport {
namespace {

constexpr long kShortReceiveBuffer = 64 * 1024;
constexpr long kBulkSendBuffer = 512 * 1024;

template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  // Every option here is known to the library that we are built with; a failure could only be a lack of
  // memory.
  static_cast<void>((curl_easy_setopt)(easy, option, value));
}

void Append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) std::abort();  // out of memory, as operator new would end it
  static_cast<void>(list.release());
  list.reset(longer);
}

std::optional<uint64_t> ContentLength(const HttpHead& head) {
  const std::optional<std::string_view> text = head.Find("Content-Length");
  uint64_t length = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return length;
}

}  // namespace

CurlCall::CurlCall(CallId id, HttpRequest request, std::shared_ptr<HttpHandler> handler,
                   std::function<void()> resume)
    : id_(id),
      request_(std::move(request)),
      handler_(std::move(handler)),
      resume_(std::move(resume)),
      load_(LoadOf(request_)) {
  absl::StatusOr<Destination> destination = CheckRequest(request_);
  if (destination.ok()) {
    destination_ = *std::move(destination);
  } else {
    refusal_ = destination.status();
  }
}

CurlCall::~CurlCall() {
  if (request_.body_source != nullptr) request_.body_source->Rewind(nullptr);
}

void CurlCall::Attach(EasyHandle easy, const CurlOptions& options, OpenSockets& sockets, SteadyTime now) {
  easy_ = std::move(easy);
  sockets_ = &sockets;
  sockets.Watch(easy_.get());
  ca_file_ = options.ca_file;
  started_ = last_byte_ = now;
  CURL* const handle = easy_.get();
  Set(handle, CURLOPT_PRIVATE, static_cast<void*>(this));
  Set(handle, CURLOPT_ERRORBUFFER, error_words_.data());
  Set(handle, CURLOPT_URL, request_.url.c_str());
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  Set(handle, CURLOPT_PATH_AS_IS, 1L);  // a signed link is valid only as it was written
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_QUICK_EXIT, 1L);  // leaving a call never waits for the thread that resolves its name
  Set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  Set(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  Set(handle, CURLOPT_HEADERFUNCTION, &CurlCall::OnHeaderLine);
  Set(handle, CURLOPT_HEADERDATA, static_cast<void*>(this));
  Set(handle, CURLOPT_WRITEFUNCTION, &CurlCall::OnBody);
  Set(handle, CURLOPT_WRITEDATA, static_cast<void*>(this));
  Set(handle, CURLOPT_PREREQFUNCTION, &CurlCall::OnConnected);
  Set(handle, CURLOPT_PREREQDATA, static_cast<void*>(this));
  if (!request_.body.empty() || request_.body_source != nullptr) {
    Set(handle, CURLOPT_NOPROGRESS, 0L);
    Set(handle, CURLOPT_XFERINFOFUNCTION, &CurlCall::OnProgress);
    Set(handle, CURLOPT_XFERINFODATA, static_cast<void*>(this));
  }
  SetConnection(options);
  SetMethod();
  SetHeaders();
}

void CurlCall::SetConnection(const CurlOptions& options) {
  CURL* const handle = easy_.get();
  const bool is_bulk = load_ == Load::kBulk;
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
  Set(handle, CURLOPT_TCP_NODELAY, 1L);
  Set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(handle, CURLOPT_TCP_KEEPIDLE, 30L);
  Set(handle, CURLOPT_TCP_KEEPINTVL, 15L);
  if (!ca_file_.empty()) Set(handle, CURLOPT_CAINFO, ca_file_.c_str());
  // Short calls share one HTTP/2 connection, and wait a moment to learn whether they may. Bulk loads want a
  // congestion window each, and one that is paused must not hold the others up: HTTP/1.1.
  const bool may_share = !is_bulk && destination_.is_secure;
  Set(handle, CURLOPT_HTTP_VERSION,
      static_cast<long>(may_share ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  Set(handle, CURLOPT_PIPEWAIT, may_share ? 1L : 0L);
  Set(handle, CURLOPT_BUFFERSIZE,
      is_bulk ? static_cast<long>(options.receive_buffer_bytes) : kShortReceiveBuffer);
  if (is_bulk && (!request_.body.empty() || request_.body_source != nullptr))
    Set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBulkSendBuffer);
}

void CurlCall::SetMethod() {
  CURL* const handle = easy_.get();
  const auto set_body = [&] {
    Set(handle, CURLOPT_POST, 1L);
    if (request_.body_source != nullptr) {
      RewindBody();
      Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body_source->size_bytes()));
      Set(handle, CURLOPT_READFUNCTION, &CurlCall::OnSend);
      Set(handle, CURLOPT_READDATA, static_cast<void*>(this));
      Set(handle, CURLOPT_SEEKFUNCTION, &CurlCall::OnRewind);
      Set(handle, CURLOPT_SEEKDATA, static_cast<void*>(this));
      return;
    }
    Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    Set(handle, CURLOPT_POSTFIELDS, request_.body.c_str());
  };
  switch (request_.method) {
    case HttpMethod::kGet:
      Set(handle, CURLOPT_HTTPGET, 1L);
      return;
    case HttpMethod::kHead:
      Set(handle, CURLOPT_NOBODY, 1L);
      return;
    case HttpMethod::kPost:
      set_body();
      return;
    case HttpMethod::kPut:
      set_body();
      Set(handle, CURLOPT_CUSTOMREQUEST, "PUT");
      return;
    case HttpMethod::kDelete:
      Set(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
      return;
  }
}

void CurlCall::SetHeaders() {
  bool has_content_type = false;
  for (const HttpHeader& header : request_.headers) {
    if (EqualsIgnoreCase(header.name, "Accept-Encoding")) continue;
    has_content_type = has_content_type || EqualsIgnoreCase(header.name, "Content-Type");
    // `Name;` is how libcurl is told to send a field without a value.
    Append(headers_,
           header.value.empty() ? header.name + ";" : fmt::format("{}: {}", header.name, header.value));
  }
  Append(headers_, "Accept-Encoding: identity");
  Append(headers_, "Expect:");  // no round trip for a permission to send the body
  if (!has_content_type) Append(headers_, "Content-Type:");
  if (!request_.bearer.empty()) Append(headers_, "Authorization: Bearer " + request_.bearer.Reveal());
  Set(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

EasyHandle CurlCall::Detach() {
  if (easy_) curl_easy_reset(easy_.get());
  headers_.reset();
  return std::move(easy_);
}

size_t CurlCall::OnHeaderLine(char* data, size_t size, size_t count, void* self) noexcept {
  const std::string_view line(data, size * count);
  return static_cast<CurlCall*>(self)->TakeHeaderLine(line) ? line.size() : CURL_WRITEFUNC_ERROR;
}

bool CurlCall::TakeHeaderLine(std::string_view line) {
  has_moved_ = true;
  switch (parser_.Feed(line)) {
    case HeadParser::Step::kMore:
      return true;
    case HeadParser::Step::kComplete:
      handler_->OnHead(parser_.head());
      return true;
    case HeadParser::Step::kTooLarge:
      end_ = End::kHeadTooLarge;
      return false;
    case HeadParser::Step::kMalformed:
      end_ = End::kNoHttp;
      return false;
  }
  return false;
}

size_t CurlCall::OnBody(char* data, size_t size, size_t count, void* self) noexcept {
  return static_cast<CurlCall*>(self)->TakeBody(data, size * count);
}

size_t CurlCall::TakeBody(const char* data, size_t size) {
  has_moved_ = true;
  if (size == 0) return 0;
  const uint64_t room = request_.max_body_bytes - received_;
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(room, size));
  // Up to the bound the handler sees everything: it may have had enough before the bound matters.
  const DataResult result = taken == 0 ? DataResult::kContinue
                                       : handler_->OnData(std::as_bytes(std::span<const char>(data, taken)));
  if (result == DataResult::kPause) {
    is_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  received_ += taken;
  if (result == DataResult::kStop) {
    end_ = End::kStopped;
  } else if (taken < size) {
    end_ = End::kBodyTooLarge;
  } else {
    return size;
  }
  return CURL_WRITEFUNC_ERROR;
}

size_t CurlCall::OnSend(char* data, size_t size, size_t count, void* self) noexcept {
  return static_cast<CurlCall*>(self)->GiveBody(std::as_writable_bytes(std::span(data, size * count)));
}

size_t CurlCall::GiveBody(std::span<std::byte> out) {
  const uint64_t left = request_.body_source->size_bytes() - given_;
  if (left == 0) return 0;
  const absl::StatusOr<size_t> count =
      request_.body_source->Read(out.first(static_cast<size_t>(std::min<uint64_t>(left, out.size()))));
  if (!count.ok()) {
    body_error_ = count.status();
    end_ = End::kBodyFailed;
    return CURL_READFUNC_ABORT;
  }
  if (*count == 0) {
    is_starved_ = true;
    return CURL_READFUNC_PAUSE;
  }
  given_ += *count;
  return *count;
}

// libcurl sends the body again when a connection that was kept turns out to be dead.
int CurlCall::OnRewind(void* self, curl_off_t offset, int origin) noexcept {
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<CurlCall*>(self)->RewindBody();
  return CURL_SEEKFUNC_OK;
}

void CurlCall::RewindBody() {
  given_ = 0;
  request_.body_source->Rewind(resume_);
}

int CurlCall::OnConnected(void* self, char*, char*, int /*port*/, int local_port) noexcept {
  static_cast<CurlCall*>(self)->is_connected_ = true;
  static_cast<CurlCall*>(self)->local_port_ = local_port;
  static_cast<CurlCall*>(self)->has_moved_ = true;
  return CURL_PREREQFUNC_OK;
}

int CurlCall::OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) noexcept {
  CurlCall* const call = static_cast<CurlCall*>(self);
  if (sent == call->sent_) return 0;
  call->has_moved_ = true;
  call->sent_ = sent;
  if (call->request_.body_source != nullptr && sent > 0) call->handler_->OnSent(static_cast<uint64_t>(sent));
  return 0;
}

CURLcode CurlCall::Resume(SteadyTime now) {
  if (!is_paused_ && !is_starved_) return CURLE_OK;
  is_paused_ = is_starved_ = false;
  last_byte_ = now;
  return curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

bool CurlCall::IsOverdue(SteadyTime now) {
  if (std::exchange(has_moved_, false)) {
    last_byte_ = now;
    queued_.reset();
  }
  if (request_.total_timeout.count() > 0 && now >= started_ + request_.total_timeout) {
    end_ = End::kTotal;
    return true;
  }
  if (!CountsSilence() || now < SilentUntil()) return false;
  if (request_.body_source != nullptr && QueueMoves()) {
    last_byte_ = now;
    return false;
  }
  if (now < last_byte_ + Patience()) return false;
  end_ = End::kIdle;
  return true;
}

// While the connection is being made, libcurl's own limit counts.
bool CurlCall::CountsSilence() const {
  return request_.idle_timeout.count() > 0 && is_connected_ && !is_paused_ && !is_starved_;
}

// Halfway the kernel's queue is looked at for the first time.
SteadyTime CurlCall::SilentUntil() const {
  const bool is_halfway = request_.body_source != nullptr && !queued_;
  return last_byte_ + (is_halfway ? Patience() / 2 : Patience());
}

// Whether it holds less than when it was looked at last.
bool CurlCall::QueueMoves() {
  const int queued = sockets_->Queued(local_port_).value_or(0);
  const bool moves = queued_ && queued < *queued_;
  queued_ = queued;
  return moves;
}

std::chrono::milliseconds CurlCall::Patience() const {
  const bool has_all = request_.body_source != nullptr && sent_ > 0 &&
                       static_cast<uint64_t>(sent_) >= request_.body_source->size_bytes() &&
                       !parser_.complete();
  return has_all ? kThinking * request_.idle_timeout : request_.idle_timeout;
}

std::optional<SteadyTime> CurlCall::NextDeadline() const {
  std::optional<SteadyTime> deadline;
  if (request_.total_timeout.count() > 0) deadline = started_ + request_.total_timeout;
  if (CountsSilence()) deadline = deadline ? std::min(*deadline, SilentUntil()) : SilentUntil();
  return deadline;
}

CurlFailure CurlCall::Describe(CURLcode code) const {
  long os_error = 0;
  if (easy_) curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_error);
  return {.code = code,
          .detail = error_words_.data(),
          .os_error = static_cast<int>(os_error),
          .host = destination_.host,
          .ca_file = ca_file_,
          .connect_timeout = request_.connect_timeout,
          .was_connected = is_connected_,
          .has_head = parser_.complete(),
          .received = received_,
          .expected = ContentLength(parser_.head())};
}

absl::Status CurlCall::Conclude(CURLcode code) const {
  switch (end_) {
    case End::kNone:
      break;
    case End::kStopped:
      return absl::OkStatus();
    case End::kHeadTooLarge:
      return MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                       fmt::format("{} answered with more than {} headers or {} KiB of them",
                                   destination_.host, HeadParser::kMaxHeaders, HeadParser::kMaxBytes / 1024),
                       "is this address a hub? `batuta daemon config` shows the endpoint");
    case End::kBodyTooLarge:
      return MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                       fmt::format("the answer of {} is longer than the {} bytes allowed for it",
                                   destination_.host, request_.max_body_bytes),
                       "ask for less at once, or report it if the request was an ordinary one");
    case End::kBodyFailed:
      return body_error_;
    case End::kNoHttp:
      return ToStatus(Describe(CURLE_WEIRD_SERVER_REPLY));
    case End::kIdle:
      return IdleTooLong(Describe(code), Patience());
    case End::kTotal:
      return TookTooLong(Describe(code), request_.total_timeout);
  }
  if (code != CURLE_OK) return ToStatus(Describe(code));
  return parser_.complete() ? absl::OkStatus() : ToStatus(Describe(CURLE_GOT_NOTHING));
}

}  // namespace batuta::transport
