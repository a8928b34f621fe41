#include "daemon/app/rpc_meter.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

namespace batuta::app {

namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerInterceptorFactoryInterface;
using grpc::experimental::ServerRpcInfo;

constexpr std::string_view kCodes[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string_view CodeText(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < std::size(kCodes) ? kCodes[index] : kCodes[2];
}

// "JobService/StartPull" of "/batuta.v1.JobService/StartPull". What is not ours (health, reflection) is told
// as it is, and what does not exist has no name: callers can make up as many as they like.
std::string_view MethodText(const char* method) {
  std::string_view text = method == nullptr ? std::string_view() : method;
  if (text.starts_with('/')) text.remove_prefix(1);
  constexpr std::string_view kPackage = "batuta.v1.";
  if (text.starts_with(kPackage)) return text.substr(kPackage.size());
  return text.starts_with("grpc.") ? text : std::string_view("other");
}

// Lives as long as its call.
class Meter final : public Interceptor {
 public:
  Meter(const metrics::DaemonMetrics& metrics, ServerRpcInfo& info)
      : metrics_(metrics),
        method_(MethodText(info.method())),
        is_unary_(info.type() == ServerRpcInfo::Type::UNARY),
        begun_(std::chrono::steady_clock::now()) {
    metrics_.rpcs_active.Add(1);
  }

  ~Meter() override {
    metrics_.rpcs_active.Add(-1);
    metrics_.rpcs.Of({method_, CodeText(code_)}).Add();
    if (!is_unary_) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
    metrics_.rpc_seconds.Of({method_}).Observe(took.count());
  }

  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = methods->GetSendStatus().error_code();
    }
    methods->Proceed();
  }

 private:
  const metrics::DaemonMetrics& metrics_;
  const std::string method_;
  const bool is_unary_;
  const std::chrono::steady_clock::time_point begun_;
  grpc::StatusCode code_ = grpc::StatusCode::CANCELLED;  // when it ends without a word
};

class MeterFactory final : public ServerInterceptorFactoryInterface {
 public:
  explicit MeterFactory(const metrics::DaemonMetrics& metrics) : metrics_(metrics) {}

  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override { return new Meter(metrics_, *info); }

 private:
  const metrics::DaemonMetrics& metrics_;
};

}  // namespace

void MeterCalls(const metrics::DaemonMetrics& metrics, grpc::ServerBuilder& builder) {
  std::vector<std::unique_ptr<ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<MeterFactory>(metrics));
  builder.experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace batuta::app
