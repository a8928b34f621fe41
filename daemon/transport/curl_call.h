#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include <curl/curl.h>

#include "common/time/clock.h"
#include "daemon/transport/curl_error.h"
#include "daemon/transport/curl_handles.h"
#include "daemon/transport/curl_transport.h"
#include "daemon/transport/head_parser.h"
#include "daemon/transport/http_transport.h"
#include "daemon/transport/open_sockets.h"
#include "daemon/transport/request_check.h"

namespace batuta::transport {

// CurlCall is one request: what libcurl is told about it, and what becomes of the answer. Made anywhere, then
// used on the transport's thread only.
//
// Life: Attach() an easy handle → the loop adds it to the multi handle → callbacks → Conclude() → Detach() →
// Finish().
class CurlCall {
 public:
  // `resume`: has Resume() called on the transport's thread; from any thread.
  CurlCall(CallId id, HttpRequest request, std::shared_ptr<HttpHandler> handler,
           std::function<void()> resume);
  ~CurlCall();
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;

  CallId id() const { return id_; }

  Load load() const { return load_; }

  Priority priority() const { return request_.priority; }

  const Destination& destination() const { return destination_; }

  // Why the request cannot be sent at all; OK when it can.
  const absl::Status& refusal() const { return refusal_; }

  // Puts the request on `easy`, whose private pointer then leads back here.
  void Attach(EasyHandle easy, const CurlOptions& options, OpenSockets& sockets, SteadyTime now);

  CURL* easy() const { return easy_.get(); }

  // The handle, without what was put on it, for the next call.
  EasyHandle Detach();

  // Goes on with a paused answer, or with a body of which there was nothing at hand. May call the handler.
  // Anything but CURLE_OK ends the call.
  CURLcode Resume(SteadyTime now);

  // Notes that bytes moved since the last call; then whether a time-out is over. Nothing for a paused answer
  // but the total. On a slow line the kernel holds more of a body than goes out in the time that a server may
  // be silent: as long as that becomes less, bytes move. Who has taken a whole body may be
  // silent for kThinking times as long.
  bool IsOverdue(SteadyTime now);

  static constexpr int kThinking = 2;

  // When IsOverdue() wants to be asked again at the latest; nullopt = not needed.
  std::optional<SteadyTime> NextDeadline() const;

  // What the handler is to be told when libcurl ended the call with `code`, which counts only where the call
  // did not end for a reason of our own.
  absl::Status Conclude(CURLcode code) const;

  void Finish(const absl::Status& status) { handler_->OnDone(status); }

 private:
  // What ended the call on our side of libcurl.
  enum class End { kNone, kStopped, kHeadTooLarge, kNoHttp, kBodyTooLarge, kIdle, kTotal, kBodyFailed };

  static size_t OnHeaderLine(char* data, size_t size, size_t count, void* self) noexcept;
  static size_t OnBody(char* data, size_t size, size_t count, void* self) noexcept;
  static size_t OnSend(char* data, size_t size, size_t count, void* self) noexcept;
  static int OnRewind(void* self, curl_off_t offset, int origin) noexcept;
  static int OnConnected(void* self, char*, char*, int, int) noexcept;
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) noexcept;

  bool TakeHeaderLine(std::string_view line);
  size_t TakeBody(const char* data, size_t size);
  size_t GiveBody(std::span<std::byte> out);
  void RewindBody();
  void SetHeaders();
  void SetMethod();
  void SetConnection(const CurlOptions& options);
  bool CountsSilence() const;
  SteadyTime SilentUntil() const;
  bool QueueMoves();
  std::chrono::milliseconds Patience() const;
  CurlFailure Describe(CURLcode code) const;

  const CallId id_;
  const HttpRequest request_;
  const std::shared_ptr<HttpHandler> handler_;
  const std::function<void()> resume_;
  const Load load_;
  Destination destination_;
  absl::Status refusal_;

  EasyHandle easy_;
  const OpenSockets* sockets_ = nullptr;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> error_words_{};
  std::string ca_file_;

  HeadParser parser_;
  End end_ = End::kNone;
  bool is_connected_ = false;
  bool is_paused_ = false;
  bool is_starved_ = false;  // the body had nothing to send
  uint64_t given_ = 0;       // of the body
  absl::Status body_error_;
  bool has_moved_ = false;
  curl_off_t sent_ = 0;             // as far as the kernel
  int local_port_ = 0;              // of the connection
  std::optional<int> queued_ = {};  // in the kernel, when bytes had not moved for long
  uint64_t received_ = 0;
  SteadyTime started_;
  SteadyTime last_byte_;
};

}  // namespace batuta::transport
