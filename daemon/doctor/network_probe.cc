#include "daemon/doctor/network_probe.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"
#include "daemon/transport/header_fields.h"

namespace batuta::doctor {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kResolverPatience{8};
constexpr milliseconds kConnectTimeout{8'000};
constexpr milliseconds kTotalTimeout{10'000};
constexpr std::chrono::seconds kAnswerPatience{12};

struct Lookup {
  std::string trouble;
  int addresses = 0;
};

Lookup LookUp(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // An IPv6 address stands in brackets in a URL.
  const std::string name = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  const int error = getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  if (error == EAI_SYSTEM) return {.trouble = std::generic_category().message(errno)};
  if (error != 0) return {.trouble = gai_strerror(error)};
  Lookup lookup;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) ++lookup.addresses;
  freeaddrinfo(found);
  return lookup;
}

// The resolver cannot be told to hurry: it goes on by itself and nobody listens.
Lookup LookUpSoon(const std::string& host) {
  auto promise = std::make_shared<std::promise<Lookup>>();
  std::future<Lookup> lookup = promise->get_future();
  std::thread([promise, host] { promise->set_value(LookUp(host)); }).detach();
  if (lookup.wait_for(kResolverPatience) == std::future_status::ready) return lookup.get();
  return {.trouble = fmt::format("no answer within {}", FormatDuration(kResolverPatience))};
}

struct HubAnswer {
  absl::Status status;
  int code = 0;
  std::optional<WallTime> date;
};

class OneAnswer final : public transport::HttpHandler {
 public:
  void OnHead(const transport::HttpHead& head) override {
    answer_.code = head.status;
    if (const auto date = head.Find("Date")) answer_.date = transport::ParseHttpDate(*date);
  }

  transport::DataResult OnData(std::span<const std::byte> /*bytes*/) override {
    return transport::DataResult::kStop;
  }

  void OnDone(const absl::Status& status) override {
    answer_.status = status;
    promise_.set_value(std::move(answer_));
  }

  std::future<HubAnswer> answer() { return promise_.get_future(); }

 private:
  HubAnswer answer_;
  std::promise<HubAnswer> promise_;
};

void AskHub(transport::HttpTransport& http, const Clock& clock, NetworkFacts& facts) {
  transport::HttpRequest request;
  request.method = transport::HttpMethod::kHead;
  request.url = facts.endpoint + "/";
  request.connect_timeout = kConnectTimeout;
  request.idle_timeout = kTotalTimeout;
  request.total_timeout = kTotalTimeout;
  request.priority = Priority::kInteractive;
  request.may_wait = false;
  const auto handler = std::make_shared<OneAnswer>();
  std::future<HubAnswer> coming = handler->answer();
  const SteadyTime begun = clock.steady();
  const transport::CallId call = http.Start(std::move(request), handler);
  if (coming.wait_for(kAnswerPatience) != std::future_status::ready) {
    http.Cancel(call);
    facts.trouble = fmt::format("no answer within {}", FormatDuration(kAnswerPatience));
    return;
  }
  const HubAnswer answer = coming.get();
  facts.took = std::chrono::duration_cast<milliseconds>(clock.steady() - begun);
  facts.status = answer.code;
  facts.is_rate_limited = ReasonOf(answer.status) == reason::kHubRateLimited;
  if (answer.code == 0 && !answer.status.ok()) facts.trouble = MessageOf(answer.status);
  // The header is cut to whole seconds, and the answer took its time.
  if (answer.date) {
    facts.clock_ahead = std::chrono::duration_cast<std::chrono::seconds>(
        clock.wall() - *answer.date - std::chrono::duration_cast<WallTime::duration>(facts.took) / 2);
  }
}

std::string CaTrouble(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path);
  if (!file) return std::generic_category().message(errno);
  constexpr std::string_view kBegin = "-----BEGIN ";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kBegin) && line.find("CERTIFICATE") != std::string::npos) return {};
  }
  return "no certificate in PEM is in it";
}

std::string OtherCaVariable(const Environment& environment) {
  for (const char* const name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    if (!environment(name).value_or("").empty()) return name;
  }
  return {};
}

std::string HostOf(std::string_view url) {
  // A proxy may be written without its scheme.
  const std::string whole =
      url.find("://") == std::string_view::npos ? fmt::format("http://{}", url) : std::string(url);
  const size_t host = whole.find("://") + 3;
  const size_t at = whole.rfind('@');
  const std::string bare = at == std::string::npos || at < host ? whole.substr(host) : whole.substr(at + 1);
  const absl::StatusOr<UrlParts> parts = SplitUrl("http://" + bare);
  return parts.ok() ? parts->host : std::string();
}

}  // namespace

NetworkFacts ProbeNetwork(const NetworkSubject& subject, transport::HttpTransport& http, const Clock& clock,
                          bool without_network) {
  NetworkFacts facts;
  facts.endpoint = subject.endpoint;
  facts.proxies = ReadProxies(subject.environment);
  facts.proxy = ProxyFor(facts.proxies, subject.endpoint);
  facts.ca_file = subject.ca_file;
  facts.ca_trouble = CaTrouble(subject.ca_file);
  if (subject.ca_file.empty()) facts.other_ca_variable = OtherCaVariable(subject.environment);
  facts.host = HostOf(facts.proxy.empty() ? subject.endpoint : facts.proxy);
  if (without_network || subject.offline) {
    facts.was_asked = false;
    facts.why_not = without_network ? "as was asked for" : "it is offline (HF_HUB_OFFLINE)";
    return facts;
  }
  Lookup lookup = LookUpSoon(facts.host);
  facts.addresses = lookup.addresses;
  facts.dns_trouble = std::move(lookup.trouble);
  if (facts.dns_trouble.empty()) AskHub(http, clock, facts);
  return facts;
}

}  // namespace batuta::doctor
