#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/sync/task_runner.h"
#include "daemon/transport/http_transport.h"

namespace batuta {

// One scripted answer.
struct FakeAnswer {
  int status = 200;
  std::vector<transport::HttpHeader> headers{};
  std::string body{};

  bool serves_ranges = false;             // a `Range: bytes=…` of the request is honoured: 206 or 416
  std::optional<absl::Status> failure{};  // OnDone with it, without a head
  std::optional<uint64_t> cut_after{};    // the connection is lost after so many bytes of the body
  bool is_held = false;                   // comes after Release() only
  Duration delay{0};                      // needs a runner
  size_t piece_bytes = 16 * 1024;         // of one OnData
};

// FakeTransport answers by script, without a network:
//
//   FakeTransport http(&runner);
//   http.On("https://hub.test/api/models/a/b").Reply(429, {{"Retry-After",
//   "3"}}).ThenServe(R"({"id":"a/b"})"); http.On(kWeights).ThenServe(kBytes).CutAfter(100).ThenServe(kBytes);
//   http.On(kSlow).ThenServe("x").Held();   …   http.Release(kSlow);
//
// The answers of a URL (exactly as requested, with its query) come in order; the last one comes again and
// again. It keeps the promises of HttpTransport: one suite (tests/contract/http_transport) holds it and the
// real one to them. Handlers are called on the runner, or, without one, inside Deliver(). Thread-safe.
class FakeTransport final : public transport::HttpTransport {
 public:
  // Adds answers to one URL. The second group changes the answer added last.
  class Script {
   public:
    Script& Reply(int status, std::vector<transport::HttpHeader> headers = {}, std::string body = {});
    Script& ThenReply(int status, std::vector<transport::HttpHeader> headers = {}, std::string body = {});

    // 200 with Content-Length; ranges are honoured.
    Script& Serve(std::string body, std::vector<transport::HttpHeader> headers = {});
    Script& ThenServe(std::string body, std::vector<transport::HttpHeader> headers = {});

    // No answer at all.
    Script& Fail(absl::Status status);
    Script& ThenFail(absl::Status status);

    Script& CutAfter(uint64_t bytes);
    Script& Held();
    Script& After(Duration delay);
    Script& InPieces(size_t bytes);

   private:
    friend class FakeTransport;

    Script(FakeTransport& owner, std::string url) : owner_(owner), url_(std::move(url)) {}

    Script& Add(FakeAnswer answer);
    Script& Change(const std::function<void(FakeAnswer&)>& change);

    FakeTransport& owner_;
    std::string url_;
  };

  // Answers whatever has no script; it may keep a state of its own. Called inside Start(), or once all of a
  // `body_source` was read, one call at a time; `body` holds what was.
  using Responder = std::function<FakeAnswer(const transport::HttpRequest&)>;

  // `runner`, when there is one, outlives the transport.
  explicit FakeTransport(TaskRunner* runner = nullptr);
  ~FakeTransport() override;

  Script On(std::string url);

  // Without a responder, a URL without a script ends with kUnavailable (HUB_UNREACHABLE).
  void Otherwise(Responder responder);

  // Lets the held answers of this URL go, those under way and those to come.
  void Release(std::string_view url);

  // Without a runner: hands out all that is due. Returns the number of steps taken.
  size_t Deliver();

  // All requests so far, in order; those with a `body_source` from when it was read, as `body`.
  std::vector<transport::HttpRequest> Requests() const;
  std::vector<std::string> RequestedUrls() const;
  size_t RequestCount(std::string_view url) const;
  size_t RequestCount() const;

  // Calls whose OnDone has not come yet.
  size_t RunningCount() const;

  // HttpTransport:
  transport::CallId Start(transport::HttpRequest request,
                          std::shared_ptr<transport::HttpHandler> handler) override;
  void Cancel(transport::CallId call) override;
  void Resume(transport::CallId call) override;

 private:
  class State;
  const std::shared_ptr<State> state_;
};

}  // namespace batuta
