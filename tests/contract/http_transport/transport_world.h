// The transports under test, and what they talk to.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/sequence.h"
#include "daemon/transport/curl_transport.h"
#include "daemon/transport/http_transport.h"
#include "tests/contract/http_transport/loopback_server.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"
#include "tests/support/transport/recording_handler.h"

namespace batuta::transport {

// A transport and the servers that it can reach.
class World {
 public:
  virtual ~World() = default;
  virtual HttpTransport& transport() = 0;

  // The URL under which `answer` is served from now on.
  virtual std::string Serve(std::string_view path, FakeAnswer answer) = 0;

  // Lets what is held at this URL go.
  virtual void Release(const std::string& url) = 0;

  // The body of the latest request.
  virtual std::string SentBody() = 0;

  // A URL where nobody listens.
  virtual std::string NowhereUrl() = 0;
};

class FakeWorld final : public World {
 public:
  HttpTransport& transport() override { return transport_; }

  std::string Serve(std::string_view path, FakeAnswer answer) override {
    const std::string url = "http://hub.test" + std::string(path);
    answers_[url] = std::move(answer);
    return url;
  }

  void Release(const std::string& url) override { transport_.Release(url); }

  std::string SentBody() override { return transport_.Requests().back().body; }

  std::string NowhereUrl() override { return "http://nowhere.test/"; }

 private:
  FakeAnswer Answer(const HttpRequest& request) {
    FakeAnswer answer;
    const auto found = answers_.find(request.url);
    if (found == answers_.end()) {
      answer.failure = MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "nobody listens");
      return answer;
    }
    return found->second;
  }

  std::map<std::string, FakeAnswer> answers_;
  std::unique_ptr<Sequence> thread_ = Sequence::Start("fake-transport");
  FakeTransport transport_{thread_.get()};
  const bool set_ =
      (transport_.Otherwise([this](const HttpRequest& request) { return Answer(request); }), true);
};

class CurlWorld final : public World {
 public:
  CurlWorld() {
    absl::StatusOr<std::unique_ptr<CurlTransport>> started = CurlTransport::Start({});
    if (!started.ok()) std::abort();
    transport_ = *std::move(started);
  }

  HttpTransport& transport() override { return *transport_; }

  std::string Serve(std::string_view path, FakeAnswer answer) override {
    MutexLock lock(mutex_);
    answers_[std::string(path)] = std::move(answer);
    return server_.Url(path);
  }

  void Release(const std::string&) override { server_.Release(); }

  std::string SentBody() override { return server_.Requests().back().body; }

  std::string NowhereUrl() override {
    // The port of a server that is gone.
    const LoopbackServer gone([](const RawRequest&, RawAnswer&) {});
    return gone.Url("/");
  }

 private:
  void Handle(const RawRequest& request, RawAnswer& out) {
    FakeAnswer answer;
    {
      MutexLock lock(mutex_);
      answer = answers_.at(request.target);
    }
    if (answer.is_held && !out.WaitForRelease()) return;
    std::vector<std::pair<std::string, std::string>> headers;
    for (const HttpHeader& header : answer.headers) headers.emplace_back(header.name, header.value);
    std::string text = PlainAnswer(answer.status, headers, answer.body);
    const size_t head_size = text.size() - answer.body.size();
    if (request.method == "HEAD") text.resize(head_size);
    if (answer.cut_after) {
      text.resize(head_size + *answer.cut_after);
      out.Close();
    }
    out.Write(text);
  }

  Mutex mutex_;
  std::map<std::string, FakeAnswer> answers_ ABSL_GUARDED_BY(mutex_);
  LoopbackServer server_{[this](const RawRequest& request, RawAnswer& out) { Handle(request, out); }};
  std::unique_ptr<CurlTransport> transport_;
};

struct WorldKind {
  const char* name;
  std::unique_ptr<World> (*make)();
};

inline void PrintTo(const WorldKind& kind, std::ostream* out) {
  *out << kind.name;
}

}  // namespace batuta::transport
