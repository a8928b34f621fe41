#include "client/commands/hf_account.h"

#include <utility>

#include <fmt/format.h>

#include "client/commands/offline.h"
#include "client/commands/patience.h"
#include "client/output/hub_view.h"
#include "client/output/json_writer.h"
#include "common/config/hub_token.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::string_view kTokenPage = "make one at https://huggingface.co/settings/tokens";

// A token in a variable wins over the stored one: say so, or the next call surprises.
void TellOfVariable(Context& context, std::string_view consequence) {
  for (const char* variable : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (context.environment(variable).value_or("").empty()) continue;
    context.output.Warn(fmt::format("batuta: note: {} is set and {}", variable, consequence));
    return;
  }
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? std::string()
                                    : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

std::string_view HfWhoami::examples() const {
  return "batuta hf whoami\n"
         "HF_TOKEN=hf_… batuta hf whoami --format json\n";
}

absl::Status HfWhoami::Run(Context& context) {
  ASSIGN_OR_RETURN(const HubToken token, FindHubToken(context.environment));
  if (token.source == HubToken::Source::kNone) {
    return MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                     "not logged in: there is no token", "batuta hf login, or set HF_TOKEN");
  }
  v1::WhoAmIRequest request;
  RETURN_IF_ERROR(memory_.Put(context.environment, &request));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.token = token.token}));
  ASSIGN_OR_RETURN(const v1::WhoAmIResponse who,
                   Patience().Await(context, [&] { return connection.client->WhoAmI(request); }));
  PrintIdentity(context.output, who,
                {token.source == HubToken::Source::kVariable ? "variable" : "file", token.location});
  TellAge(context.output, who, context.clock.wall());
  return absl::OkStatus();
}

std::string_view HfLogin::examples() const {
  return "batuta hf login  asks for the token, without showing it\n"
         "batuta hf login --token-stdin < token.txt\n";
}

void HfLogin::DefineFlags(Flags& flags) {
  flags.Switch(&token_stdin_, "--token-stdin", "read the token from the standard input");
}

absl::StatusOr<Secret> HfLogin::ReadToken(Context& context) const {
  if (!token_stdin_ && !context.console.can_ask()) {
    return UsageError("a token is needed and there is no terminal to ask on",
                      "batuta hf login --token-stdin < FILE");
  }
  absl::StatusOr<Secret> typed = Secret();
  if (token_stdin_) {
    const absl::StatusOr<std::string> line = context.console.ReadLine();
    typed = line.ok() ? absl::StatusOr<Secret>(Secret(*line)) : line.status();
  } else {
    typed = context.console.ReadSecret("Token (not shown): ");
  }
  if (typed.status().code() == absl::StatusCode::kOutOfRange) typed = Secret();
  RETURN_IF_ERROR(typed.status());
  Secret token(Trimmed(typed->Reveal()));
  if (token.empty()) return UsageError("the token is empty", kTokenPage);
  return token;
}

absl::Status HfLogin::Run(Context& context) {
  RETURN_IF_ERROR(RefuseWhenOffline(context.environment, "whether a token is good"));
  ASSIGN_OR_RETURN(const Secret token, ReadToken(context));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.token = token}));
  v1::WhoAmIRequest request;
  request.set_refresh(true);  // a token may have been revoked since it was last asked for
  const absl::StatusOr<v1::WhoAmIResponse> who =
      Patience().Await(context, [&] { return connection.client->WhoAmI(request); });
  if (!who.ok()) return Annotate(who.status(), "the token was not stored");
  RETURN_IF_ERROR(StoreHubToken(context.environment, token));
  ASSIGN_OR_RETURN(const std::filesystem::path path, HubTokenFile(context.environment));
  context.output.Talk(
      fmt::format("logged in as {}; the token is in {}", Printable(who->name()), Printable(path.native())));
  TellOfVariable(context, "wins over the stored token");
  if (context.output.json()) PrintIdentity(context.output, *who, {"file", path.native()});
  return absl::OkStatus();
}

std::string_view HfLogout::examples() const {
  return "batuta hf logout\n";
}

absl::Status HfLogout::Run(Context& context) {
  ASSIGN_OR_RETURN(const bool was_there, RemoveHubToken(context.environment));
  context.output.Talk(was_there ? "logged out: the stored token is gone" : "there was no stored token");
  TellOfVariable(context, "still holds a token");
  if (context.output.json()) {
    JsonWriter json;
    json.BeginObject().Field("removed", was_there).EndObject();
    context.output.Data(json.Take());
  }
  return absl::OkStatus();
}

}  // namespace batuta::client
