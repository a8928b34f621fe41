// What only a real transport can show: the bytes on the wire, time-outs, connections, TLS.
#include "daemon/transport/curl_transport.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/io/unique_fd.h"
#include "tests/contract/http_transport/certificate.h"
#include "tests/contract/http_transport/loopback_server.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/recording_handler.h"

namespace batuta::transport {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A server at the end of a slow line: it takes so many bytes of one request every ten milliseconds, then
// answers.
class SlowServer {
 public:
  SlowServer(size_t total_bytes, size_t step_bytes) {
    listening_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int window = 32 << 10;
    ::setsockopt(listening_.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([=, this] { Serve(total_bytes, step_bytes); });
  }

  ~SlowServer() { thread_.join(); }

  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/slow"; }

 private:
  void Serve(size_t total_bytes, size_t step_bytes) {
    const UniqueFd connection(::accept(listening_.get(), nullptr, nullptr));
    std::string buffer(step_bytes, ' ');
    for (size_t taken = 0; taken < total_bytes;) {
      const ssize_t count = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      taken += static_cast<size_t>(count);
      ::poll(nullptr, 0, 10);  // the line
    }
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    ::send(connection.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  }

  UniqueFd listening_;
  int port_ = 0;
  std::thread thread_;
};

class CurlTransportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("NO_PROXY", "*", 1); }

  static std::unique_ptr<CurlTransport> Make(CurlOptions options = {}) {
    absl::StatusOr<std::unique_ptr<CurlTransport>> started = CurlTransport::Start(std::move(options));
    EXPECT_THAT(started, IsOk());
    return *std::move(started);
  }

  static std::shared_ptr<RecordingHandler> Fetch(CurlTransport& transport, HttpRequest request) {
    auto handler = std::make_shared<RecordingHandler>();
    transport.Start(std::move(request), handler);
    EXPECT_TRUE(handler->WaitUntilDone());
    EXPECT_THAT(handler->violations(), IsEmpty());
    return handler;
  }

  // What a server that answers with these bytes, then closes, makes of a GET.
  static std::shared_ptr<RecordingHandler> FetchRaw(const std::string& bytes) {
    LoopbackServer server([&](const RawRequest&, RawAnswer& answer) {
      answer.Close();
      answer.Write(bytes);
    });
    const std::unique_ptr<CurlTransport> transport = Make();
    return Fetch(*transport, Get(server.Url("/")));
  }

  static HttpRequest Get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    return request;
  }
};

void AnswerOk(const RawRequest&, RawAnswer& answer) {
  answer.Write(PlainAnswer(200, {}, "ok"));
}

void AnswerWhenReleased(const RawRequest&, RawAnswer& answer) {
  if (answer.WaitForRelease()) answer.Write(PlainAnswer(200, {}, "late"));
}

TEST_F(CurlTransportTest, PutsExactlyTheRequestOnTheWire) {
  LoopbackServer server(AnswerOk);
  const auto transport = Make({.user_agent = "batuta/9.9"});
  HttpRequest request = Get(server.Url("/a/../b%2Fc?x=1&y=%20"));
  request.headers = {{"X-One", "1"}, {"X-Empty", ""}, {"accept-encoding", "gzip"}};
  request.bearer = Secret("hf_canary");

  Fetch(*transport, request);

  const RawRequest seen = server.Requests().at(0);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/a/../b%2Fc?x=1&y=%20");
  EXPECT_THAT(seen.head, AllOf(HasSubstr("\r\nX-One: 1\r\n"), HasSubstr("\r\nX-Empty:\r\n"),
                               HasSubstr("\r\nAccept-Encoding: identity\r\n"),
                               HasSubstr("\r\nUser-Agent: batuta/9.9\r\n"),
                               HasSubstr("\r\nAuthorization: Bearer hf_canary\r\n"), Not(HasSubstr("gzip"))));
}

TEST_F(CurlTransportTest, SendsBodiesOfAnySizeWithTheirMethodAndType) {
  LoopbackServer server(AnswerOk);
  const auto transport = Make();
  for (const size_t size : {size_t{0}, size_t{5}, size_t{3'000'000}}) {
    for (const auto& [method, name] :
         {std::pair{HttpMethod::kPost, "POST"}, {HttpMethod::kPut, "PUT"}, {HttpMethod::kPost, "POST"}}) {
      HttpRequest request = Get(server.Url("/up"));
      request.method = method;
      request.body = std::string(size, 'b');
      request.headers = {{"Content-Type", "application/json"}};
      EXPECT_THAT(Fetch(*transport, request)->status(), IsOk());
      const RawRequest seen = server.Requests().back();
      EXPECT_EQ(seen.method, name);
      EXPECT_TRUE(seen.body == request.body);
      EXPECT_THAT(seen.head, AllOf(HasSubstr("Content-Type: application/json"), Not(HasSubstr("Expect:")),
                                   Not(HasSubstr("urlencoded"))));
    }
  }
  HttpRequest erase = Get(server.Url("/thing"));
  erase.method = HttpMethod::kDelete;
  Fetch(*transport, erase);
  EXPECT_EQ(server.Requests().back().method, "DELETE");
}

// Has nothing at hand for a while, or for ever.
class EmptyHandedBody final : public HttpBody {
 public:
  uint64_t size_bytes() const override { return 5; }

  absl::StatusOr<size_t> Read(std::span<std::byte>) override { return size_t{0}; }

  void Rewind(std::function<void()>) override {}
};

TEST_F(CurlTransportTest, SaysHowLongABodyIsThatComesPieceByPiece) {
  LoopbackServer server(AnswerOk);
  const auto transport = Make();
  for (const HttpMethod method : {HttpMethod::kPut, HttpMethod::kPost}) {
    for (const size_t size : {size_t{0}, size_t{2'000'000}}) {
      HttpRequest request = Get(server.Url("/up"));
      request.method = method;
      request.body_source = std::make_shared<MemoryBody>(std::string(size, 'b'));
      EXPECT_THAT(Fetch(*transport, request)->status(), IsOk());
      const RawRequest seen = server.Requests().back();
      EXPECT_EQ(seen.method, method == HttpMethod::kPut ? "PUT" : "POST");
      EXPECT_EQ(seen.body.size(), size);
      EXPECT_THAT(seen.head, AllOf(HasSubstr("Content-Length: " + std::to_string(size) + "\r\n"),
                                   Not(HasSubstr("Expect:")), Not(HasSubstr("Transfer-Encoding")),
                                   Not(HasSubstr("Content-Type"))));
    }
  }
}

TEST_F(CurlTransportTest, SendsABodyAgainWhenTheConnectionThatWasKeptIsDead) {
  LoopbackServer server([](const RawRequest& request, RawAnswer& answer) {
    if (request.target == "/up" && request.connection == 1) {
      answer.Reset();
    } else {
      answer.Write(PlainAnswer(200, {}, "ok"));
    }
  });
  const auto transport = Make();
  Fetch(*transport, Get(server.Url("/first")));
  HttpRequest request = Get(server.Url("/up"));
  request.method = HttpMethod::kPut;
  request.body_source = std::make_shared<MemoryBody>(std::string(50'000, 'b'));

  EXPECT_THAT(Fetch(*transport, request)->status(), IsOk());

  const std::vector<RawRequest> seen = server.Requests();
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[2].connection, 2);
  EXPECT_TRUE(seen[2].body == std::string(50'000, 'b'));
}

TEST_F(CurlTransportTest, DoesNotTakeABodyThatIsWaitedForAsASilentServer) {
  LoopbackServer server(AnswerOk);
  const auto transport = Make();
  HttpRequest request = Get(server.Url("/up"));
  request.method = HttpMethod::kPut;
  request.body_source = std::make_shared<EmptyHandedBody>();
  request.idle_timeout = milliseconds(20);
  request.total_timeout = milliseconds(300);

  const auto handler = Fetch(*transport, request);

  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status(), HasMessage(HasSubstr("300")));
}

TEST_F(CurlTransportTest, NeverDecodesABody) {
  const auto handler = FetchRaw(PlainAnswer(200, {{"Content-Encoding", "gzip"}}, "\x1f\x8b not gzip at all"));
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->body(), "\x1f\x8b not gzip at all");
}

TEST_F(CurlTransportTest, ReusesAConnectionAndTheHandlesBehindIt) {
  LoopbackServer server(AnswerOk);
  const auto transport = Make();
  HttpRequest post = Get(server.Url("/1"));
  post.method = HttpMethod::kPost;
  post.body = "leftover";
  post.bearer = Secret("hf_first");
  Fetch(*transport, post);
  Fetch(*transport, Get(server.Url("/2")));

  const std::vector<RawRequest> seen = server.Requests();
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[1].connection, 1);
  EXPECT_EQ(seen[1].method, "GET");
  EXPECT_EQ(seen[1].body, "");
  EXPECT_THAT(seen[1].head, Not(HasSubstr("hf_first")));
}

TEST_F(CurlTransportTest, ReadsHeadsAsTheyComeInTheWild) {
  const auto handler = FetchRaw(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
      "HTTP/1.1 200\r\nx-folded: one\r\n  two\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nX-Trailer: late\r\n\r\n");
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->head().status, 200);
  EXPECT_EQ(handler->head().Find("X-Folded"), "one two");
  EXPECT_EQ(handler->head().Find("Link"), std::nullopt);
  EXPECT_EQ(handler->head().Find("X-Trailer"), std::nullopt);
  EXPECT_EQ(handler->body(), "hello");
}

TEST_F(CurlTransportTest, ReadsABodyWithoutALengthToItsEnd) {
  const auto handler = FetchRaw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->body(), "all of it");
}

TEST_F(CurlTransportTest, NamesEveryKindOfBrokenAnswer) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::pair<std::string, const char*> cases[] = {
      {"", "closed the connection without an answer"},
      {"HTTP/1.1 20", "127.0.0.1"},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "127.0.0.1"},
      {head + "Content-Length: 10\r\n\r\nfive!", "cut short: connection closed after 5 of 10 bytes"},
      {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "cut short: connection closed after 3 bytes"},
      {head + "Transfer-Encoding: chunked\r\n\r\nnonsense", "127.0.0.1"},
  };
  for (const auto& [bytes, words] : cases) {
    const auto handler = FetchRaw(bytes);
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kUnavailable)) << bytes;
    EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable)) << bytes;
    EXPECT_THAT(handler->status(), HasMessage(HasSubstr(words))) << bytes;
    EXPECT_FALSE(NeverSent(handler->status())) << bytes;
  }
}

TEST_F(CurlTransportTest, BoundsHeadersThatNeverEnd) {
  LoopbackServer server([](const RawRequest& request, RawAnswer& answer) {
    answer.Close();
    answer.Write("HTTP/1.1 200 OK\r\n");
    const std::string line = request.target == "/lines" ? "X-More: and more\r\n" : std::string(1000, 'x');
    for (int i = 0; i < 1'000'000; ++i) {
      if (!answer.Write(line)) return;
    }
  });
  const auto transport = Make();
  for (const char* path : {"/lines", "/one-line"}) {
    const auto handler = Fetch(*transport, Get(server.Url(path)));
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kOutOfRange)) << path;
    EXPECT_THAT(handler->status(), HasReason(reason::kAnswerTooLarge)) << path;
  }
}

TEST_F(CurlTransportTest, BoundsInterimAnswersThatNeverEnd) {
  LoopbackServer server([](const RawRequest&, RawAnswer& answer) {
    answer.Close();
    for (int i = 0; i < 1'000'000; ++i) {
      if (!answer.Write("HTTP/1.1 100 Continue\r\nX-More: and more\r\n\r\n")) return;
    }
  });
  const auto transport = Make();
  EXPECT_THAT(Fetch(*transport, Get(server.Url("/")))->status(), HasReason(reason::kAnswerTooLarge));
}

TEST_F(CurlTransportTest, SaysWhyNobodyAnswers) {
  std::string url;
  {
    const LoopbackServer gone(AnswerOk);
    url = gone.Url("/?sig=canary");
  }
  const auto transport = Make();
  const auto handler = Fetch(*transport, Get(url));
  EXPECT_THAT(handler->status(),
              HasMessage(AllOf(StartsWith("cannot connect to 127.0.0.1:"), HasSubstr("connection refused"),
                               Not(HasSubstr("canary")))));
  EXPECT_THAT(HintOf(handler->status()),
              AllOf(HasSubstr("HTTPS_PROXY"), HasSubstr("NO_PROXY"), HasSubstr("HF_HUB_OFFLINE")));
  EXPECT_TRUE(NeverSent(handler->status()));
}

TEST_F(CurlTransportTest, NeverShowsTokenOrQueryInAnError) {
  LoopbackServer server([](const RawRequest&, RawAnswer& answer) {
    answer.Reset();
    answer.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
  });
  const auto transport = Make();
  HttpRequest request = Get(server.Url("/file?X-Amz-Signature=canary"));
  request.bearer = Secret("hf_canary");
  const auto handler = Fetch(*transport, request);
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status().ToString() + HintOf(handler->status()), Not(HasSubstr("canary")));
}

TEST_F(CurlTransportTest, GivesUpOnAServerThatFallsSilent) {
  LoopbackServer server([](const RawRequest& request, RawAnswer& answer) {
    if (request.target == "/half") answer.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    answer.WaitForRelease();
  });
  const auto transport = Make();
  for (const auto& [path, words] : {std::pair{"/nothing", "sent no bytes for 150 ms"},
                                    {"/half", "sent no bytes for 150 ms, after 4 of 100 bytes"}}) {
    HttpRequest request = Get(server.Url(path));
    request.idle_timeout = milliseconds(150);
    const auto handler = Fetch(*transport, request);
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
    EXPECT_THAT(handler->status(), HasMessage(HasSubstr(words)));
  }
}

TEST_F(CurlTransportTest, DoesNotCallASlowLineSilentWhileTheKernelStillSends) {
  constexpr size_t kBytes = 3 << 20;
  SlowServer server(kBytes, 24 << 10);
  const auto transport = Make();
  HttpRequest request = Get(server.Url());
  request.method = HttpMethod::kPut;
  request.body_source = std::make_shared<MemoryBody>(std::string(kBytes, 'b'));
  request.idle_timeout = milliseconds(250);
  EXPECT_THAT(Fetch(*transport, request)->status(), IsOk());
}

TEST_F(CurlTransportTest, WhoHasTakenAWholeBodyMayBeSilentForTwiceAsLong) {
  LoopbackServer server([](const RawRequest&, RawAnswer& answer) { answer.WaitForRelease(); });
  const auto transport = Make();
  HttpRequest request = Get(server.Url("/silent"));
  request.method = HttpMethod::kPut;
  request.body_source = std::make_shared<MemoryBody>(std::string(50'000, 'b'));
  request.idle_timeout = milliseconds(150);
  const auto handler = Fetch(*transport, request);
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status(), HasMessage(HasSubstr("sent no bytes for 300 ms")));
}

TEST_F(CurlTransportTest, DoesNotCallAPausedAnswerSilent) {
  LoopbackServer server([](const RawRequest& request, RawAnswer& answer) {
    if (request.target == "/silent") {
      answer.WaitForRelease();
    } else {
      answer.Write(PlainAnswer(200, {}, "patience"));
    }
  });
  const auto transport = Make();
  const auto paused =
      std::make_shared<RecordingHandler>([first = true](const std::string&, std::string_view) mutable {
        return std::exchange(first, false) ? DataResult::kPause : DataResult::kContinue;
      });
  HttpRequest request = Get(server.Url("/patience"));
  request.idle_timeout = milliseconds(50);
  const CallId call = transport->Start(request, paused);
  ASSERT_TRUE(paused->WaitFor([](const RecordingHandler& h) { return h.pause_count() == 1; }));

  // Another request tells the time: four of the paused one's limits.
  HttpRequest clock = Get(server.Url("/silent"));
  clock.idle_timeout = milliseconds(200);
  EXPECT_THAT(Fetch(*transport, clock)->status(), HasReason(reason::kHubUnreachable));
  EXPECT_FALSE(paused->is_done());
  transport->Resume(call);

  ASSERT_TRUE(paused->WaitUntilDone());
  EXPECT_THAT(paused->status(), IsOk());
  EXPECT_EQ(paused->body(), "patience");
}

TEST_F(CurlTransportTest, KeepsToTheTotalTimeThoughBytesFlow) {
  LoopbackServer server([](const RawRequest&, RawAnswer& answer) {
    answer.Close();
    answer.Write("HTTP/1.1 200 OK\r\n\r\n");
    while (answer.Write(std::string(1000, 'x'))) {
    }
  });
  const auto transport = Make();
  HttpRequest request = Get(server.Url("/for-ever"));
  request.total_timeout = milliseconds(200);
  const auto handler = std::make_shared<RecordingHandler>([](const std::string& so_far, std::string_view) {
    return so_far.empty() ? DataResult::kContinue : DataResult::kPause;
  });
  transport->Start(request, handler);
  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status(), HasMessage(HasSubstr("did not answer whole within 200 ms")));
}

TEST_F(CurlTransportTest, AnswersAnApiCallWhileDownloadsFillTheirPlaces) {
  LoopbackServer server([](const RawRequest& request, RawAnswer& answer) {
    if (request.target == "/weights") return AnswerWhenReleased(request, answer);
    AnswerOk(request, answer);
  });
  const auto transport = Make({.max_connections = 8, .max_connections_per_host = 4});
  std::vector<std::shared_ptr<RecordingHandler>> downloads;
  for (int i = 0; i < 20; ++i) {
    downloads.push_back(std::make_shared<RecordingHandler>());
    transport->Start(Get(server.Url("/weights")), downloads.back());
  }
  ASSERT_TRUE(server.WaitForRequests(3));

  HttpRequest api = Get(server.Url("/api"));
  api.max_body_bytes = 1 << 20;
  EXPECT_EQ(Fetch(*transport, api)->body(), "ok");
  EXPECT_THAT(server.Requests(), SizeIs(4));  // three downloads and the call: the other seventeen wait
  server.Release();

  for (const auto& download : downloads) {
    ASSERT_TRUE(download->WaitUntilDone());
    EXPECT_THAT(download->status(), IsOk());
  }
}

TEST_F(CurlTransportTest, BringsTheInteractiveCallForward) {
  LoopbackServer server(AnswerWhenReleased);
  const auto transport = Make({.max_connections = 1, .max_connections_per_host = 1});
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (const auto& [path, priority] : {std::pair{"/first", Priority::kBackground},
                                       {"/background", Priority::kBackground},
                                       {"/normal", Priority::kNormal},
                                       {"/interactive", Priority::kInteractive}}) {
    HttpRequest request = Get(server.Url(path));
    request.priority = priority;
    handlers.push_back(std::make_shared<RecordingHandler>());
    transport->Start(request, handlers.back());
    if (handlers.size() == 1) {
      ASSERT_TRUE(server.WaitForRequests(1));
    }
  }
  server.Release();
  for (const auto& handler : handlers) ASSERT_TRUE(handler->WaitUntilDone());

  std::vector<std::string> order;
  for (const RawRequest& request : server.Requests()) order.push_back(request.target);
  EXPECT_THAT(order, ::testing::ElementsAre("/first", "/interactive", "/normal", "/background"));
}

TEST_F(CurlTransportTest, BoundsTheCallsThatWait) {
  LoopbackServer server(AnswerWhenReleased);
  const auto transport = Make({.max_connections = 1, .max_connections_per_host = 1, .max_waiting_calls = 2});
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (int i = 0; i < 4; ++i) {
    handlers.push_back(std::make_shared<RecordingHandler>());
    transport->Start(Get(server.Url("/")), handlers.back());
    if (i == 0) {
      ASSERT_TRUE(server.WaitForRequests(1));
    }
  }
  ASSERT_TRUE(handlers[3]->WaitUntilDone());
  EXPECT_THAT(handlers[3]->status(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(handlers[3]->status(), HasReason(reason::kDaemonBusy));
  server.Release();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(handlers[static_cast<size_t>(i)]->WaitUntilDone());
}

TEST_F(CurlTransportTest, StopEndsEverythingAndComesTwice) {
  LoopbackServer server(AnswerWhenReleased);
  const auto transport = Make({.max_connections = 2, .max_connections_per_host = 2});
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (int i = 0; i < 10; ++i) {
    handlers.push_back(std::make_shared<RecordingHandler>());
    transport->Start(Get(server.Url("/")), handlers.back());
  }
  transport->Stop();
  transport->Stop();

  for (const auto& handler : handlers) {
    EXPECT_EQ(handler->done_count(), 1);
    EXPECT_THAT(handler->status(), HasReason(reason::kCancelled));
  }
  const auto unheard = std::make_shared<RecordingHandler>();
  transport->Cancel(transport->Start(Get(server.Url("/")), unheard));
  EXPECT_EQ(unheard->done_count(), 0);
  EXPECT_EQ(unheard.use_count(), 1);
}

TEST_F(CurlTransportTest, TrustsOnlyWhomItIsToldToTrust) {
  const TempFolder folder;
  WriteSelfSignedCertificate(folder / "cert.pem", folder / "key.pem");
  LoopbackServer server(AnswerOk, {.certificate_file = folder / "cert.pem", .key_file = folder / "key.pem"});

  const auto stranger = Fetch(*Make(), Get(server.Url("/")));
  EXPECT_THAT(stranger->status(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(stranger->status(), HasMessage(StartsWith("TLS: the certificate of 127.0.0.1:")));
  EXPECT_THAT(HintOf(stranger->status()), HasSubstr("SSL_CERT_FILE"));
  EXPECT_TRUE(NeverSent(stranger->status()));

  const auto friendly = Fetch(*Make({.ca_file = folder / "cert.pem"}), Get(server.Url("/")));
  EXPECT_THAT(friendly->status(), IsOk());
  EXPECT_EQ(friendly->body(), "ok");

  const auto missing = Fetch(*Make({.ca_file = folder / "none.pem"}), Get(server.Url("/")));
  EXPECT_THAT(missing->status(),
              HasMessage(AllOf(HasSubstr("cannot read certificates"), HasSubstr("none.pem"))));
}

TEST_F(CurlTransportTest, NamesAPlainServerBehindHttps) {
  LoopbackServer server(AnswerOk);
  const auto handler = Fetch(*Make(), Get("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status(), HasMessage(StartsWith("TLS: no secure connection to 127.0.0.1:")));
}

}  // namespace
}  // namespace batuta::transport
