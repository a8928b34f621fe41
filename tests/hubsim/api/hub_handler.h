// HubHandler is the hub's site: it counts requests against quotas and routes them to the parts of the API.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tests/hubsim/api/site.h"
#include "tests/hubsim/net/http_server.h"

namespace batuta::hubsim {

class HubHandler final : public RequestHandler {
 public:
  // Answers requests under /__hubsim/.
  using AdminHandler = std::function<Response(const Request&)>;

  // `actions` counts what is limited by the hour.
  HubHandler(const Site& site, RateLimiter& limiter, RateLimiter& actions, AdminHandler admin)
      : site_(site), limiter_(limiter), actions_(actions), admin_(std::move(admin)) {}

  bool IsUnseen(const Request& request) const override;
  Admission Admit(const Request& request) override;
  Response Handle(const Request& request, const FaultPlan& plan) override;

 private:
  // The refusal of an action whose hourly limit is reached.
  std::optional<Response> CountAction(const Request& request, const std::string& identity);
  Response Route(const Request& request, const FaultPlan& plan) const;
  Response ApiAnswer(const Request& request, const FaultPlan& plan, const Caller& caller) const;
  Response PageAnswer(const Request& request, const FaultPlan& plan, const Caller& caller) const;
  Response RepoAnswer(const RepoCall& call) const;

  const Site& site_;
  RateLimiter& limiter_;
  RateLimiter& actions_;
  const AdminHandler admin_;
};

}  // namespace batuta::hubsim
