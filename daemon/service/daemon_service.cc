#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "batuta/v1/daemon_service.grpc.pb.h"

#include "common/status/status.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/services.h"

namespace batuta::service {

namespace {

// From /proc/self/statm; 0 where there is none.
uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  statm >> pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

class GrpcDaemonService final : public v1::DaemonService::CallbackService {
 public:
  GrpcDaemonService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* /*context*/,
                                      const v1::GetStatusRequest* /*request*/,
                                      v1::GetStatusResponse* response) override {
    const UnaryCall call(context_);
    context_.disk.Post([&services = context_, call, response] {
      const absl::StatusOr<SpaceInfo> space = services.cache.Space();
      services.core.Post([&services, call, response, free_bytes = space.ok() ? space->free_bytes : 0] {
        call.Answer([&] {
          FillStatus(services, response);
          response->set_cache_free_bytes(free_bytes);
        });
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* /*context*/,
                                      const v1::GetConfigRequest* /*request*/,
                                      v1::GetConfigResponse* response) override {
    const UnaryCall call(context_);
    call.Answer([&] {
      for (const ConfigEntry& entry : context_.config()) {
        v1::ConfigValue* value = response->add_values();
        value->set_key(entry.key);
        value->set_value(entry.value);
        value->set_origin(entry.origin);
        value->set_help(entry.help);
      }
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* SetBandwidthLimit(grpc::CallbackServerContext* /*context*/,
                                              const v1::SetBandwidthLimitRequest* request,
                                              v1::SetBandwidthLimitResponse* response) override {
    const UnaryCall call(context_);
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

  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* /*context*/,
                                     const v1::ShutdownRequest* /*request*/,
                                     v1::ShutdownResponse* /*response*/) override {
    const UnaryCall call(context_);
    if (const absl::Status permission = RequireAdmin(context_.rights, uid_, "stop it"); !permission.ok()) {
      return call.Finish(permission), call.reactor();
    }
    call.Finish(absl::OkStatus());
    context_.shut_down();
    return call.reactor();
  }

 private:
  // Core sequence.
  static void FillStatus(const ServiceContext& services, v1::GetStatusResponse* response) {
    const DaemonFacts& facts = services.facts;
    response->set_version(facts.version);
    response->set_pid(getpid());
    Encode(facts.started, response->mutable_started());
    response->set_endpoint(facts.endpoint);
    response->set_cache_path(facts.cache_path);
    response->set_state_path(facts.state_path);
    response->set_socket_path(facts.socket_path);
    response->set_uid(facts.uid);
    response->set_active_jobs(static_cast<uint32_t>(services.jobs.active()));
    response->set_connections(services.open_connections());
    response->set_resident_bytes(ResidentBytes());
    response->set_offline(facts.offline);
    response->set_mode(facts.mode);
    response->set_limit_bytes_per_second(services.overall_limit.bytes_per_second());
    response->set_configured_limit_bytes_per_second(services.overall_limit.configured());
    for (const std::string& notice : facts.notices) response->add_notices(notice);
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDaemonService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcDaemonService>(context, uid);
}

}  // namespace batuta::service
