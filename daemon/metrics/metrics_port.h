#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include <sys/socket.h>

namespace batuta::metrics {

// MetricsPort serves `GET /metrics` over HTTP on one address, for Prometheus and for people with curl. One
// thread of its own; a few connections at a time, each for some seconds at most.
class MetricsPort {
 public:
  // Tells the text by calling `done`, from any thread, or never.
  using Report = std::function<void(absl::AnyInvocable<void(std::string)> done)>;

  //   kFailedPrecondition (CONFIG_INVALID)  nobody can listen there; the message says why.
  static absl::StatusOr<std::unique_ptr<MetricsPort>> Listen(const sockaddr_storage& address, Report report);

  // Ends what is under way and joins the thread.
  virtual ~MetricsPort() = default;

  // "127.0.0.1:9469", with the port that was found for 0.
  virtual std::string address() const = 0;
};

}  // namespace batuta::metrics
