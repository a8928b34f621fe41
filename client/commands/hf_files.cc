#include "client/commands/hf_files.h"

#include "client/output/hub_view.h"
#include "common/status/status.h"

namespace batuta::client {

std::string_view HfFiles::examples() const {
  return "batuta hf files model acme/otter-tiny\n"
         "batuta hf files dataset acme/river-notes --revision refs/pr/3\n"
         "batuta hf files model acme/otter-gguf --format quiet | grep Q4  the paths alone\n";
}

absl::Status HfFiles::Run(Context& context) {
  v1::ListFilesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_repo(), repo_.Parse());
  request.set_revision(repo_.revision);
  RETURN_IF_ERROR(memory_.Put(context.environment, &request));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  FileListing listing(context.output, request.repo(), repo_.revision_or_main(), context.clock.wall());
  // A listing that is refused is refused before its first part.
  RETURN_IF_ERROR(patience_.Await(context, [&] {
    return connection.client->ListFiles(request, [&](const v1::ListFilesResponse& part) {
      listing.Add(part);
      return !context.output.reader_left();
    });
  }));
  listing.End();
  return absl::OkStatus();
}

}  // namespace batuta::client
