#pragma once

#include <cstdint>

#include "batuta/v1/daemon_service.pb.h"

#include "daemon/service/service_context.h"

// What the daemon says of itself.
namespace batuta::service {

// What only a look at the disk can tell; 0 where it could not.
struct DiskReading {
  uint64_t cache_free_bytes = 0;

  // Only with details:
  uint64_t cache_bytes = 0;
  uint64_t state_free_bytes = 0;
  eviction::Quota quota = {};
};

// As the configuration says; info where it does not.
LogLevel ConfiguredLogLevel(const ServiceContext& services);

// Disk pool.
DiskReading ReadDisk(const ServiceContext& services, bool details);

// Core sequence.
void FillStatus(const ServiceContext& services, const DiskReading& disk, v1::GetStatusResponse* response);

// Core sequence. Warnings may name repos and folders of anybody: whoever `may_see_warnings` gets them.
void FillDetails(const ServiceContext& services, const DiskReading& disk, bool may_see_warnings,
                 v1::GetStatusResponse* response);

}  // namespace batuta::service
