#include "client/commands/hf_info.h"

#include "client/output/hub_view.h"
#include "common/status/status.h"

namespace batuta::client {

std::string_view HfInfo::examples() const {
  return "batuta hf info model acme/otter-tiny\n"
         "batuta hf info model acme/otter-tiny --revision v1.0 --format json\n"
         "batuta hf info model acme/otter-tiny --format quiet  the commit alone\n";
}

absl::Status HfInfo::Run(Context& context) {
  v1::GetRepoRequest request;
  ASSIGN_OR_RETURN(*request.mutable_repo(), repo_.Parse());
  request.set_revision(repo_.revision);
  RETURN_IF_ERROR(memory_.Put(context.environment, &request));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const v1::GetRepoResponse response,
                   patience_.Await(context, [&] { return connection.client->GetRepo(request); }));
  PrintRepo(context.output, response, repo_.revision_or_main(), context.clock.wall());
  return absl::OkStatus();
}

}  // namespace batuta::client
