#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "batuta/v1/hub_service.pb.h"

#include "client/output/json_writer.h"
#include "client/output/output.h"
#include "common/time/clock.h"

namespace batuta::client {

// {"repos":[{"repo","type","downloads","likes","private","gated","task","library","tags","created","last_modified"}],"as_of"};
// quiet: the ids.
void PrintSearch(Output& output, const v1::SearchResponse& response, WallTime now);

// {"repo","type","revision","commit","hub_id","author","private","gated","disabled","downloads","likes","task","library",
// "license","base_models","tags","parameters","file_count","used_storage_bytes","created","last_modified","as_of"};
// quiet: the commit.
void PrintRepo(Output& output, const v1::GetRepoResponse& repo, std::string_view revision, WallTime now);

// FileListing prints the files of a revision as they arrive, whatever their number.
// {"repo","type","revision","commit","files":[{"path","size_bytes","blob"}],"file_count","total_bytes","as_of"};
// quiet: the paths.
class FileListing {
 public:
  // `output` outlives the listing.
  FileListing(Output& output, const v1::RepoId& repo, std::string_view revision, WallTime now);
  void Add(const v1::ListFilesResponse& part);

  // After the last part; without it the document is not whole.
  void End();

 private:
  void Begin(std::string_view commit);

  Output& output_;
  v1::RepoId repo_;
  std::string revision_;
  const WallTime now_;
  std::optional<google::protobuf::Timestamp> as_of_;
  JsonWriter json_;
  bool has_begun_ = false;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

// Tells people how old an answer is that the hub was not asked for: `as of 40 s ago; --refresh asks again`.
void TellAge(Output& output, const google::protobuf::Timestamp& as_of, WallTime now);

// The same of an answer that may have been asked for.
template <typename Response>
void TellAge(Output& output, const Response& response, WallTime now) {
  if (response.has_as_of()) TellAge(output, response.as_of(), now);
}

// Where the token came from, for PrintIdentity().
struct TokenOrigin {
  std::string_view source;  // "variable", "file"
  std::string_view location;
};

// {"name","full_name","email","kind","organizations","token":{"name","role","source","location"},"as_of"};
// quiet: the name.
void PrintIdentity(Output& output, const v1::WhoAmIResponse& who, const TokenOrigin& origin);

}  // namespace batuta::client
