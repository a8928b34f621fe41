// CdnHandler is the file CDN: signed, expiring URLs to objects, and the PUT side of uploads. It refuses any
// request that carries a token, as object stores do, so a client that leaks one fails at once.
#pragma once

#include "tests/hubsim/api/site.h"
#include "tests/hubsim/net/http_server.h"

namespace batuta::hubsim {

class CdnHandler final : public RequestHandler {
 public:
  explicit CdnHandler(const Site& site) : site_(site) {}

  bool IsUnseen(const Request& request) const override;
  Admission Admit(const Request& request) override;
  Response Handle(const Request& request, const FaultPlan& plan) override;

 private:
  Response Download(const Request& request, const FaultPlan& plan) const;
  Response Upload(const Request& request) const;

  const Site& site_;
};

}  // namespace batuta::hubsim
