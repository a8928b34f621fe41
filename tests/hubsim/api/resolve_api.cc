#include "tests/hubsim/api/resolve_api.h"

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/file_answer.h"
#include "tests/hubsim/net/fault_effects.h"

namespace batuta::hubsim {
namespace {

constexpr std::size_t kCommitDigits = 40;

std::string FileName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

struct Located {
  const Commit* commit = nullptr;
  const Node* node = nullptr;
  std::string path;
};

Response GateRefusal(const RepoCall& call) {
  const std::string text =
      call.caller.is_anonymous()
          ? fmt::format(
                "Access to {} {} is restricted. You must have access to it and be authenticated to access "
                "it. "
                "Please log in.",
                KindName(call.repo.kind), call.repo.id)
          : fmt::format(
                "Access to {} {} is restricted and you are not in the authorized list. Visit {}/{}{} to ask "
                "for access.",
                KindName(call.repo.kind), call.repo.id, call.site.endpoint, PagePrefix(call.repo.kind),
                call.repo.id);
  return PlainErrorAnswer(call.caller.is_anonymous() ? 401 : 403, "GatedRepo", text);
}

// The file a resolver path is about, or the refusal. Order: disabled, revision, gate, file.
std::optional<Response> Locate(const RepoCall& call, Located& located) {
  if (call.repo.settings.is_disabled) {
    return PlainErrorAnswer(403, "", "Access to this resource is disabled.");
  }
  const RevisionPath where = SplitRevision(call.rest, 1);
  located.path = where.path;
  located.commit = call.repo.Resolve(where.revision);
  if (located.commit == nullptr) {
    return PlainErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + where.revision);
  }
  if (!MayReadFiles(call.repo, call.caller)) {
    Response refusal = GateRefusal(call);
    refusal.headers.Set("X-Repo-Commit", located.commit->id);
    return refusal;
  }
  const auto entry = located.commit->tree->find(where.path);
  if (entry == located.commit->tree->end() || entry->second.is_directory) {
    Response refusal = PlainErrorAnswer(404, "EntryNotFound", "Entry not found");
    refusal.headers.Set("X-Repo-Commit", located.commit->id);
    return refusal;
  }
  located.node = &entry->second;
  return std::nullopt;
}

std::string LinkedEtag(const RepoCall& call, const Node& node) {
  const std::string etag = "\"" + node.etag() + "\"";
  return call.plan.Claims(FaultKind::kNewContent) ? AlteredEtag(etag) : etag;
}

void SetFileHeaders(Response& response, const RepoCall& call, const Located& located) {
  response.headers.Set("X-Repo-Commit", located.commit->id);
  if (located.node->is_lfs()) response.headers.Set("X-Linked-Size", std::to_string(located.node->size));
  response.headers.Set("X-Linked-ETag", LinkedEtag(call, *located.node));
  response.headers.Set("Accept-Ranges", "bytes");
}

Response CdnRedirect(const RepoCall& call, const Located& located) {
  const std::string name = PercentEncode(FileName(located.path));
  const auto validity = call.plan.Claims(FaultKind::kExpired) ? std::chrono::milliseconds(-60'000)
                                                              : call.site.options.signed_url_validity;
  const std::string disposition = fmt::format("inline; filename*=UTF-8''{0}; filename=\"{0}\";", name);
  const std::string target =
      call.site.signer.Sign("GET", CdnObjectPath(call.repo, located.path, *located.node), validity,
                            "response-content-disposition=" + PercentEncode(disposition));
  Response response = RedirectAnswer(302, call.site.cdn_endpoint + target);
  response.headers.Set("Cache-Control", "no-store");
  SetFileHeaders(response, call, located);
  return response;
}

Response CacheHop(const RepoCall& call, const Located& located) {
  Response response = RedirectAnswer(
      307, fmt::format("/api/resolve-cache/{}/{}/{}/{}?{}=&etag={}", KindPlural(call.repo.kind), call.repo.id,
                       located.commit->id, EncodePath(located.path), PercentEncode(call.request.path),
                       PercentEncode(LinkedEtag(call, *located.node))));
  SetFileHeaders(response, call, located);
  return response;
}

Response DirectAnswer(const RepoCall& call, const Located& located) {
  Response response = FileAnswer(call.request, call.plan,
                                 {.content = located.node->content,
                                  .etag = "\"" + located.node->etag() + "\"",
                                  .content_type = ContentTypeFor(located.path),
                                  .file_name = FileName(located.path)});
  SetFileHeaders(response, call, located);
  return response;
}

}  // namespace

std::string CdnObjectPath(const Repo& repo, const std::string& path, const Node& node) {
  return fmt::format("/lfs/{}/{}/{}", repo.object_id, Hex(*node.sha256), path);
}

Response ResolveAnswer(const RepoCall& call) {
  Located located;
  if (auto refusal = Locate(call, located)) return *std::move(refusal);
  if (located.node->is_lfs()) return CdnRedirect(call, located);
  return call.site.options.regular_via_resolve_cache ? CacheHop(call, located) : DirectAnswer(call, located);
}

Response ResolveCacheAnswer(const RepoCall& call) {
  const RevisionPath where = SplitRevision(call.rest, 1);
  if (where.revision.size() != kCommitDigits ||
      where.revision.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return PlainErrorAnswer(400, "", "Invalid commit: " + where.revision);
  }
  Located located;
  if (auto refusal = Locate(call, located)) return *std::move(refusal);
  return located.node->is_lfs() ? CdnRedirect(call, located) : DirectAnswer(call, located);
}

Response RawAnswer(const RepoCall& call) {
  Located located;
  if (auto refusal = Locate(call, located)) return *std::move(refusal);
  const Node& node = *located.node;
  const ContentPtr content =
      node.is_lfs() ? MemoryContent(LfsPointer(*node.sha256, node.size)) : node.content;
  Response response = FileAnswer(call.request, call.plan,
                                 {.content = content,
                                  .etag = "\"" + Hex(node.oid) + "\"",
                                  .content_type = "text/plain; charset=utf-8",
                                  .file_name = FileName(located.path)});
  response.headers.Set("X-Repo-Commit", located.commit->id);
  return response;
}

}  // namespace batuta::hubsim
