#pragma once

#include <future>
#include <memory>
#include <utility>

#include "common/sync/sequence.h"

namespace batuta::app {

// Runs `drain` on the core sequence and waits until it has called back.
template <typename Drain>
void DrainOn(Sequence& core, Drain drain) {
  auto drained = std::make_shared<std::promise<void>>();
  const std::future<void> is_drained = drained->get_future();
  core.Post([drain = std::move(drain), drained = std::move(drained)]() mutable {
    drain([drained = std::move(drained)] { drained->set_value(); });
  });
  is_drained.wait();
}

}  // namespace batuta::app
