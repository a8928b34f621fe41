#include "daemon/metrics/metrics_port.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "daemon/metrics/text_form.h"

namespace batuta::metrics {
namespace {

constexpr std::chrono::seconds kPatience{5};  // for a report
constexpr unsigned kIdleSeconds = 5;
constexpr unsigned kMostConnections = 8;
constexpr size_t kMemoryPerConnection = 16 * 1024;
constexpr int kBacklog = 16;

absl::Status CannotListen(std::string_view where, int error) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kConfigInvalid,
                   fmt::format("metrics.listen: nothing can listen at {}: {}", where,
                               std::generic_category().message(error)),
                   "choose another port, or leave metrics.listen out");
}

std::string TextOf(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof(v6));
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
}

socklen_t SizeOf(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

MHD_Result Answer(MHD_Connection* connection, unsigned code, std::string_view type, const std::string& text) {
  MHD_Response* const response =
      MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, std::string(type).c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result queued = MHD_queue_response(connection, code, response);
  MHD_destroy_response(response);
  return queued;
}

// Nothing when it does not come in time, or the daemon is on its way out.
std::optional<std::string> Ask(const MetricsPort::Report& report) {
  auto promise = std::make_shared<std::promise<std::string>>();
  std::future<std::string> text = promise->get_future();
  report([promise](std::string answer) { promise->set_value(std::move(answer)); });
  promise.reset();
  if (text.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  try {
    return text.get();
  } catch (const std::future_error&) {
    return std::nullopt;  // dropped unanswered
  }
}

struct Stopper {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};

class HttpPort final : public MetricsPort {
 public:
  HttpPort(std::string address, Report report) : address_(std::move(address)), report_(std::move(report)) {}

  // Takes the socket.
  bool Start(UniqueFd socket) {
    const int fd = socket.Release();
    server_.reset(MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, nullptr, nullptr,
                                   &HttpPort::OnRequest, this, MHD_OPTION_LISTEN_SOCKET, fd,
                                   MHD_OPTION_CONNECTION_LIMIT, kMostConnections,
                                   MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
                                   MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection, MHD_OPTION_END));
    if (server_ == nullptr) close(fd);
    return server_ != nullptr;
  }

  std::string address() const override { return address_; }

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url, const char* method,
                              const char* /*version*/, const char* /*data*/, size_t* data_size,
                              void** /*state*/) {
    *data_size = 0;  // nothing that is sent is looked at
    constexpr std::string_view kPlain = "text/plain; charset=utf-8";
    const std::string_view verb(method);
    if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
      return Answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, kPlain, "GET is all there is\n");
    }
    if (std::string_view(url) != "/metrics") {
      return Answer(connection, MHD_HTTP_NOT_FOUND, kPlain, "the metrics are at /metrics\n");
    }
    const std::optional<std::string> text = Ask(static_cast<HttpPort*>(self)->report_);
    if (!text) return Answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, kPlain, "not just now\n");
    return Answer(connection, MHD_HTTP_OK, kContentType, *text);
  }

  const std::string address_;
  const Report report_;
  std::unique_ptr<MHD_Daemon, Stopper> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsPort>> MetricsPort::Listen(const sockaddr_storage& address,
                                                                 Report report) {
  UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (socket.get() < 0 || setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), SizeOf(address)) != 0 ||
      listen(socket.get(), kBacklog) != 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return CannotListen(TextOf(address), errno);
  }
  auto port = std::make_unique<HttpPort>(TextOf(bound), std::move(report));
  if (!port->Start(std::move(socket))) return CannotListen(TextOf(address), errno);
  return port;
}

}  // namespace batuta::metrics
