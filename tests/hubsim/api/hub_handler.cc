#include "tests/hubsim/api/hub_handler.h"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/commit_api.h"
#include "tests/hubsim/api/discussion_api.h"
#include "tests/hubsim/api/identity_api.h"
#include "tests/hubsim/api/info_api.h"
#include "tests/hubsim/api/manage_api.h"
#include "tests/hubsim/api/refs_api.h"
#include "tests/hubsim/api/repo_route.h"
#include "tests/hubsim/api/resolve_api.h"
#include "tests/hubsim/api/tree_api.h"
#include "tests/hubsim/api/upload_api.h"

namespace batuta::hubsim {
namespace {

constexpr std::string_view kAdminPrefix = "/__hubsim/";
constexpr Quotas kUnlimited{.api = 1'000'000, .resolvers = 1'000'000, .pages = 1'000'000};

int QuotaOf(const Quotas& quotas, Bucket bucket) {
  switch (bucket) {
    case Bucket::kApi:
      return quotas.api;
    case Bucket::kResolvers:
      return quotas.resolvers;
    default:
      return quotas.pages;
  }
}

// What a request does that has a limit of its own.
std::optional<Bucket> ActionOf(const Request& request) {
  const std::vector<std::string>& segments = request.segments;
  if (request.method != "POST" || segments.size() < 3 || segments[0] != "api") return std::nullopt;
  if (segments[1] == "repos")
    return segments[2] == "create" ? std::optional(Bucket::kRepoCreations) : std::nullopt;
  // /api/models/[namespace/]name/commit/revision
  const bool is_commit = segments.size() > 4 && (segments[3] == "commit" || segments[4] == "commit");
  return is_commit ? std::optional(Bucket::kCommits) : std::nullopt;
}

Bucket BucketOf(const Request& request) {
  const std::vector<std::string>& segments = request.segments;
  const bool is_api = !segments.empty() && segments[0] == "api";
  if (is_api) {
    return segments.size() > 1 && segments[1] == "resolve-cache" ? Bucket::kResolvers : Bucket::kApi;
  }
  if (request.path.find("/resolve/") != std::string::npos ||
      request.path.find("/raw/") != std::string::npos) {
    return Bucket::kResolvers;
  }
  // Which bucket Git LFS calls belong to is not published; they are API calls in nature.
  return request.path.find(".git/info/lfs/") != std::string::npos ? Bucket::kApi : Bucket::kPages;
}

bool IsCompletion(const Request& request) {
  const std::vector<std::string>& segments = request.segments;
  return request.method == "POST" && segments.size() > 1 && segments[0] == "api" &&
         segments[1] == "complete_multipart";
}

Response NotFound() {
  return ErrorAnswer(404, "", "Sorry, we can't find the page you are looking for.");
}

using RepoAction = Response (*)(const RepoCall&);

Response RevisionInfo(const RepoCall& call) {
  return InfoAnswer(call, SplitRevision(call.rest, 1).revision);
}

// What the sub-resources of a repo do, by method.
RepoAction FindAction(const std::string& method, const std::string& sub) {
  using Key = std::pair<std::string, std::string>;
  static const std::map<Key, RepoAction> kActions = {
      {{"GET", "revision"}, RevisionInfo},
      {{"GET", "tree"}, TreeAnswer},
      {{"GET", "treesize"}, TreeSizeAnswer},
      {{"POST", "paths-info"}, PathsInfoAnswer},
      {{"GET", "refs"}, RefsAnswer},
      {{"GET", "commits"}, CommitsAnswer},
      {{"GET", "compare"}, CompareAnswer},
      {{"GET", "auth-check"}, AuthCheckAnswer},
      {{"GET", "scan"}, ScanAnswer},
      {{"PUT", "settings"}, SettingsAnswer},
      {{"POST", "branch"}, CreateBranchAnswer},
      {{"DELETE", "branch"}, DeleteBranchAnswer},
      {{"POST", "tag"}, CreateTagAnswer},
      {{"DELETE", "tag"}, DeleteTagAnswer},
      {{"POST", "super-squash"}, SuperSquashAnswer},
      {{"POST", "preupload"}, PreuploadAnswer},
      {{"POST", "commit"}, CommitAnswer},
      {{"POST", "lfs"}, LfsVerifyAnswer},
      {{"GET", "discussions"}, DiscussionsAnswer},
      {{"POST", "discussions"}, DiscussionActionAnswer},
  };
  // HEAD is answered as GET; the writer leaves out the body.
  const auto action = kActions.find({method == "HEAD" ? "GET" : method, sub});
  return action == kActions.end() ? nullptr : action->second;
}

}  // namespace

bool HubHandler::IsUnseen(const Request& request) const {
  return request.path.starts_with(kAdminPrefix);
}

Admission HubHandler::Admit(const Request& request) {
  const Bucket bucket = BucketOf(request);
  std::string identity = "address " + request.peer;
  Quotas quotas = site_.options.anonymous;
  {
    const std::scoped_lock lock(site_.store.mutex());
    if (const Caller caller = IdentifyCaller(site_.store, request); caller.user != nullptr) {
      identity = "token " + caller.user->token;
      quotas = caller.user->is_pro ? site_.options.pro : site_.options.free;
    }
  }
  const bool is_limited = site_.options.rate_limits_enabled;
  const int quota = QuotaOf(is_limited ? quotas : kUnlimited, bucket);
  const RateVerdict verdict = limiter_.Count(identity, bucket, quota);
  const std::string name = BucketName(bucket);
  const std::string rate_limit =
      fmt::format(R"("{}";r={};t={})", name, verdict.remaining, verdict.reset_in.count());
  Admission admission{.bucket = name, .headers = {}, .refusal = {}};
  if (site_.options.quota_fields == QuotaFields::kEveryAnswer) {
    admission.headers.Add("RateLimit", rate_limit);
    admission.headers.Add("RateLimit-Policy", fmt::format(R"("fixed window";"{}";q={};w={})", name, quota,
                                                          limiter_.window().count()));
  }
  admission.headers.Add(
      "X-Request-Id",
      "Root=1-" + Sha256Hex(fmt::format("{} {}", request.connection_id, rate_limit)).substr(0, 24));
  if (!verdict.is_allowed && is_limited) {
    admission.refusal =
        ErrorAnswer(429, "", "We had to rate limit you. Wait for the window to end, or use a token.");
    if (site_.options.quota_fields == QuotaFields::kRefusalsOnly) {
      admission.refusal->headers.Set("Retry-After", std::to_string(verdict.reset_in.count()));
    }
  } else {
    admission.refusal = CountAction(request, identity);
  }
  return admission;
}

std::optional<Response> HubHandler::CountAction(const Request& request, const std::string& identity) {
  const std::optional<Bucket> action = ActionOf(request);
  if (!action) return std::nullopt;
  const bool is_commit = *action == Bucket::kCommits;
  const int limit = is_commit ? site_.options.commits_per_hour : site_.options.repo_creations_per_hour;
  if (limit == 0 || actions_.Count(identity, *action, limit).is_allowed) return std::nullopt;
  return ErrorAnswer(429, "",
                     fmt::format("The hourly quota for this action is used up: {}. Try again later.",
                                 is_commit ? "commit" : "repo creation"));
}

Response HubHandler::Handle(const Request& request, const FaultPlan& plan) {
  try {
    if (IsUnseen(request)) return admin_(request);
    // Hashes a whole object, which must not keep the others waiting for the store.
    if (IsCompletion(request)) return CompleteMultipartAnswer(site_, request);
    return Route(request, plan);
  } catch (const std::exception& error) {
    return ErrorAnswer(500, "",
                       fmt::format("simulator: {} {}: {}", request.method, request.path, error.what()));
  }
}

Response HubHandler::Route(const Request& request, const FaultPlan& plan) const {
  const std::scoped_lock lock(site_.store.mutex());
  const Caller caller = IdentifyCaller(site_.store, request);
  if (caller.has_bad_token) return ErrorAnswer(401, "", "Invalid credentials in Authorization header");
  if (!request.segments.empty() && request.segments[0] == "api") {
    return WithEtag(request, ApiAnswer(request, plan, caller));
  }
  return PageAnswer(request, plan, caller);
}

Response HubHandler::ApiAnswer(const Request& request, const FaultPlan& plan, const Caller& caller) const {
  const std::vector<std::string>& segments = request.segments;
  if (segments.size() < 2) return NotFound();
  const std::string& area = segments[1];
  if (area == "resolve-cache" && segments.size() > 4) {
    const auto kind = KindFromPlural(segments[2]);
    if (!kind) return NotFound();
    RepoRoute route{
        .kind = *kind, .id = segments[3] + "/" + segments[4], .id_at = 3, .id_count = 2, .rest = {""}};
    const bool is_bare = site_.store.Find(*kind, segments[3]) != nullptr;
    if (is_bare) route = {.kind = *kind, .id = segments[3], .id_at = 3, .id_count = 1, .rest = {""}};
    route.rest.insert(route.rest.end(), segments.begin() + static_cast<std::ptrdiff_t>(3 + route.id_count),
                      segments.end());
    auto found = FindRepo(site_.store, request, route, caller);
    if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
    return ResolveCacheAnswer({.site = site_,
                               .request = request,
                               .plan = plan,
                               .caller = caller,
                               .repo = *std::get<Repo*>(found),
                               .rest = route.rest});
  }
  if (area == "whoami-v2") return WhoAmIAnswer(caller);
  if (area == "telemetry") return TextAnswer("");
  if (area == "validate-yaml" && request.method == "POST") return ValidateYamlAnswer(request);
  if (area == "repos" && segments.size() == 3) return ReposAnswer(site_, request, caller, segments[2]);
  if (area == "users" && segments.size() == 4 && segments[3] == "overview")
    return UserOverview(site_, segments[2]);
  if (area == "organizations" && segments.size() == 4 && segments[3] == "overview") {
    return OrganizationOverview(site_, segments[2]);
  }
  if (area == "models-tags-by-type") return TagCatalogue(site_, request, RepoKind::kModel);
  if (area == "datasets-tags-by-type") return TagCatalogue(site_, request, RepoKind::kDataset);

  const auto kind = KindFromPlural(area);
  if (!kind) return NotFound();
  if (segments.size() == 2) return ListAnswer(site_, request, caller, *kind);
  const RepoRoute route = ApiRoute(site_.store, *kind, segments, 2);
  auto found = FindRepo(site_.store, request, route, caller);
  if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
  return RepoAnswer({.site = site_,
                     .request = request,
                     .plan = plan,
                     .caller = caller,
                     .repo = *std::get<Repo*>(found),
                     .rest = route.rest});
}

Response HubHandler::RepoAnswer(const RepoCall& call) const {
  const std::string& method = call.request.method;
  if (call.rest.empty()) {
    return method == "GET" || method == "HEAD" ? InfoAnswer(call, "")
                                               : ErrorAnswer(405, "", "Method not allowed");
  }
  // Xet is not spoken here: its token routes are 404 like anything unknown, and clients fall back to plain
  // HTTP.
  const RepoAction action = FindAction(method, call.rest[0]);
  return action == nullptr ? NotFound() : action(call);
}

Response HubHandler::PageAnswer(const Request& request, const FaultPlan& plan, const Caller& caller) const {
  std::optional<RepoRoute> route = PageRoute(request.segments);
  if (!route) return TextAnswer("<!doctype html><title>hub</title>");
  const bool is_lfs_batch = request.method == "POST" && request.path.ends_with(".git/info/lfs/objects/batch");
  if (is_lfs_batch && route->id.ends_with(".git")) route->id.resize(route->id.size() - 4);
  auto found = FindRepo(site_.store, request, *route, caller);
  if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
  const RepoCall call{.site = site_,
                      .request = request,
                      .plan = plan,
                      .caller = caller,
                      .repo = *std::get<Repo*>(found),
                      .rest = route->rest};
  if (is_lfs_batch) return LfsBatchAnswer(call);
  const std::string sub = call.rest.empty() ? std::string() : call.rest[0];
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (!is_read) return ErrorAnswer(405, "", "Method not allowed");
  if (sub == "resolve") return ResolveAnswer(call);
  if (sub == "raw") return RawAnswer(call);
  if (sub.empty() || sub == "tree" || sub == "blob")
    return TextAnswer("<!doctype html><title>" + call.repo.id + "</title>");
  return NotFound();
}

}  // namespace batuta::hubsim
