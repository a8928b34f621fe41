#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "batuta/v1/daemon_service.grpc.pb.h"

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/metrics/text_form.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/metrics_report.h"
#include "daemon/service/services.h"
#include "daemon/service/status_report.h"

namespace batuta::service {

namespace {

v1::CheckStatus Encode(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return v1::CHECK_STATUS_OK;
    case CheckStatus::kWarn:
      return v1::CHECK_STATUS_WARN;
    case CheckStatus::kFail:
      return v1::CHECK_STATUS_FAIL;
  }
  return v1::CHECK_STATUS_UNSPECIFIED;
}

void Encode(Check check, v1::Check* out) {
  out->set_name(std::move(check.name));
  out->set_status(Encode(check.status));
  out->set_detail(Sendable(std::move(check.detail)));
  out->set_hint(Sendable(std::move(check.hint)));
}

class GrpcDaemonService final : public v1::DaemonService::CallbackService {
 public:
  GrpcDaemonService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* /*context*/,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.disk.Post([&services = context_, call, response, details = request->details(),
                        is_admin = IsAdmin(context_.rights, uid_)] {
      services.core.Post([&services, call, response, details, is_admin, disk = ReadDisk(services, details)] {
        call.Answer([&] {
          FillStatus(services, disk, response);
          if (details) FillDetails(services, disk, /*may_see_warnings=*/is_admin, response);
        });
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* /*context*/,
                                      const v1::GetConfigRequest* /*request*/,
                                      v1::GetConfigResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    call.Answer([&] {
      for (const ConfigEntry& entry : context_.config()) {
        v1::ConfigValue* value = response->add_values();
        value->set_key(entry.key);
        value->set_value(entry.value);
        value->set_origin(entry.origin);
        value->set_help(entry.help);
        if (entry.key != "log.level" || GetLogLevel() == ConfiguredLogLevel(context_)) continue;
        value->set_value(std::string(ToString(GetLogLevel())));
        value->set_origin(fmt::format("daemon log-level (configured: {}, {})", entry.value, entry.origin));
      }
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* SetBandwidthLimit(grpc::CallbackServerContext* /*context*/,
                                              const v1::SetBandwidthLimitRequest* request,
                                              v1::SetBandwidthLimitResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    if (const absl::Status permission = RequireAdmin(context_.rights, uid_, "limit its bandwidth");
        !permission.ok()) {
      return call.Finish(permission), call.reactor();
    }
    std::optional<uint64_t> limit;
    if (request->has_limit_bytes_per_second()) limit = request->limit_bytes_per_second();
    context_.core.Post([&overall = context_.overall_limit, call, response, limit] {
      overall.Set(limit);
      call.Answer([&] { response->set_limit_bytes_per_second(overall.bytes_per_second()); });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* /*context*/,
                                       const v1::GetMetricsRequest* /*request*/,
                                       v1::GetMetricsResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    ReportMetrics(context_, [call, response](std::string text) {
      call.Answer([&] {
        response->set_text(std::move(text));
        response->set_content_type(std::string(metrics::kContentType));
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* Diagnose(grpc::CallbackServerContext* /*context*/,
                                     const v1::DiagnoseRequest* request,
                                     v1::DiagnoseResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.operations.diagnose(request->without_network(), [call, response](std::vector<Check> checks) {
      call.Answer([&] {
        for (Check& check : checks) Encode(std::move(check), response->add_checks());
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* /*context*/,
                                        const v1::SetLogLevelRequest* request,
                                        v1::SetLogLevelResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    if (const absl::Status permission = RequireAdmin(context_.rights, uid_, "change what it logs");
        !permission.ok()) {
      return call.Finish(permission), call.reactor();
    }
    LogLevel level = ConfiguredLogLevel(context_);
    if (!request->level().empty() && !ParseLogLevel(request->level(), &level)) {
      call.Finish(MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                            fmt::format("{} is no log level", Quoted(request->level())),
                            "say trace, debug, info, warn, error or off"));
      return call.reactor();
    }
    // On the side of the change on which it is seen.
    const bool is_quieter = level > GetLogLevel();
    if (!is_quieter) batuta::SetLogLevel(level);
    LogInfo("log level set", Field("level", ToString(level)), Field("uid", uid_));
    if (is_quieter) batuta::SetLogLevel(level);
    call.Answer([&] {
      response->set_level(std::string(ToString(level)));
      response->set_configured_level(std::string(ToString(ConfiguredLogLevel(context_))));
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* /*context*/,
                                     const v1::ShutdownRequest* /*request*/,
                                     v1::ShutdownResponse* /*response*/) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    if (const absl::Status permission = RequireAdmin(context_.rights, uid_, "stop it"); !permission.ok()) {
      return call.Finish(permission), call.reactor();
    }
    call.Finish(absl::OkStatus());
    context_.shut_down();
    return call.reactor();
  }

 private:
  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDaemonService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcDaemonService>(context, uid);
}

}  // namespace batuta::service
