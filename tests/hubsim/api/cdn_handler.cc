#include "tests/hubsim/api/cdn_handler.h"

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/file_answer.h"

namespace batuta::hubsim {
namespace {

Response XmlError(int status, std::string_view code, std::string_view message) {
  Response response = TextAnswer(
      fmt::format(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>",
          code, message),
      status);
  response.headers.Set("Content-Type", "application/xml");
  return response;
}

// The CDN's own tag, deliberately not the file's sha256.
std::string CdnEtag(const std::string& sha256) {
  return "\"" + Sha256Hex("cdn:" + sha256) + "\"";
}

}  // namespace

bool CdnHandler::IsUnseen(const Request& /*request*/) const {
  return false;
}

Admission CdnHandler::Admit(const Request& /*request*/) {
  return {};
}

Response CdnHandler::Handle(const Request& request, const FaultPlan& plan) {
  if (request.headers.Find("Authorization")) {
    return XmlError(400, "InvalidArgument",
                    "Only one auth mechanism allowed: the token does not belong here");
  }
  const LinkState link = plan.Claims(FaultKind::kExpired) ? LinkState::kExpired : site_.signer.Check(request);
  if (link == LinkState::kForged) return XmlError(403, "SignatureDoesNotMatch", "The signature is wrong");
  if (link == LinkState::kExpired) return XmlError(403, "AccessDenied", "Request has expired");
  if (request.method == "PUT") return Upload(request);
  if (request.method == "GET" || request.method == "HEAD") return Download(request, plan);
  return XmlError(405, "MethodNotAllowed", "The method is not allowed");
}

// /lfs/{repo's object id}/{sha256}/{path}
Response CdnHandler::Download(const Request& request, const FaultPlan& plan) const {
  const std::vector<std::string>& segments = request.segments;
  if (segments.size() < 4 || segments[0] != "lfs") return XmlError(404, "NoSuchKey", "No such object");
  ContentPtr content;
  {
    const std::scoped_lock lock(site_.store.mutex());
    for (const RepoKind kind : {RepoKind::kModel, RepoKind::kDataset, RepoKind::kSpace}) {
      site_.store.ForEach(kind, [&](Repo& repo) {
        if (repo.object_id != segments[1]) return;
        if (const auto object = repo.lfs_objects.find(segments[2]); object != repo.lfs_objects.end()) {
          content = object->second;
        }
      });
    }
  }
  if (content == nullptr) return XmlError(404, "NoSuchKey", "No such object");
  Response response = FileAnswer(
      request, plan,
      {.content = content, .etag = CdnEtag(segments[2]), .content_type = "", .file_name = segments.back()});
  if (const auto disposition = QueryValue(request.query, "response-content-disposition")) {
    response.headers.Set("Content-Disposition", *disposition);
  }
  response.headers.Set("Cache-Control", "public, max-age=31536000");
  return response;
}

// /upload/{oid} or /upload/{oid}/{upload id}/{part number}
Response CdnHandler::Upload(const Request& request) const {
  const std::vector<std::string>& segments = request.segments;
  if (segments.size() == 2 && segments[0] == "upload") {
    const std::string digest = Hex(Sha256Of(*request.body));
    if (digest != segments[1]) return XmlError(400, "BadDigest", "The content's sha256 is " + digest);
    site_.uploads.AddObject(segments[1], request.body);
    Response response = TextAnswer("");
    response.headers.Set("ETag", CdnEtag(digest));
    return response;
  }
  if (segments.size() != 4 || segments[0] != "upload") return XmlError(404, "NoSuchKey", "No such upload");
  const auto number = ParseNumber(segments[3]);
  const auto etag = number ? site_.uploads.AddPart(segments[2], *number, request.body) : std::nullopt;
  if (!etag) return XmlError(404, "NoSuchUpload", "No such upload");
  Response response = TextAnswer("");
  response.headers.Set("ETag", *etag);
  return response;
}

}  // namespace batuta::hubsim
