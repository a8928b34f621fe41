#include "client/commands/hf_card.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "client/commands/repo_arguments.h"
#include "client/output/card_view.h"
#include "client/serving/folder_server.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {

std::string_view HfCard::examples() const {
  return "batuta hf card ./my-model\n"
         "batuta hf card ./my-model --diff  what would be added to the README.md that is there\n"
         "batuta hf card ./my-model --repo acme/otter > README.md  to go on by hand\n";
}

void HfCard::DefineFlags(Flags& flags) {
  flags.Required(&path_, "PATH", "the folder of a model");
  flags.Value(&repo_, "--repo", "ID",
              "the repo that it is for: [NAMESPACE/]NAME (default: the folder's name)");
  flags.Switch(&shows_diff_, "--diff", "show what changes in README.md, and not all of it");
}

absl::Status HfCard::Run(Context& context) {
  v1::PreviewCardRequest request;
  std::error_code error;
  // The daemon has a working folder of its own.
  const std::filesystem::path folder = std::filesystem::canonical(path_, error);
  if (error) return ErrnoError(error.value(), fmt::format("open {}", Quoted(path_)));
  request.set_path(folder.native());
  if (!repo_.empty()) {
    const RepoArguments arguments{.type = "model", .id = repo_, .revision = {}};
    ASSIGN_OR_RETURN(*request.mutable_repo(), arguments.Parse());
  }
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  std::unique_ptr<FolderServer> server;
  if (MustServe(context.environment, connection.status)) {
    ASSIGN_OR_RETURN(server, FolderServer::Start(context.connector, folder));
    request.set_folder_id(server->folder_id());
  }
  ASSIGN_OR_RETURN(const v1::PreviewCardResponse card, connection.client->PreviewCard(request));
  PrintCard(context.output, card, shows_diff_ ? CardPart::kDiff : CardPart::kReadme);
  return absl::OkStatus();
}

}  // namespace batuta::client
