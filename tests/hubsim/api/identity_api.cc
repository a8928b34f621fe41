#include "tests/hubsim/api/identity_api.h"

#include "tests/hubsim/api/answers.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

json OrgJson(const std::string& name, const std::string& role) {
  return {{"type", "org"},     {"id", ObjectIdFor("org/" + name)},
          {"name", name},      {"fullname", name},
          {"email", nullptr},  {"canPay", false},
          {"avatarUrl", ""},   {"periodEnd", nullptr},
          {"roleInOrg", role}, {"isEnterprise", false}};
}

json AccessTokenJson(const User& user) {
  json token = {
      {"displayName", user.name + "-token"}, {"role", user.role}, {"createdAt", "2024-01-01T00:00:00.000Z"}};
  if (user.role != "fineGrained") return token;
  json scoped = json::array();
  for (const std::string& org : user.orgs) {
    scoped.push_back({{"entity", {{"type", "org"}, {"name", org}}},
                      {"permissions", json::array({"repo.content.read", "repo.write"})}});
  }
  token["fineGrained"] = {{"global", json::array()}, {"scoped", scoped}};
  return token;
}

void CountRepos(const Site& site, const std::string& name, json& overview) {
  struct Row {
    RepoKind kind;
    const char* key;
  };

  for (const Row& row : {Row{RepoKind::kModel, "numModels"}, Row{RepoKind::kDataset, "numDatasets"},
                         Row{RepoKind::kSpace, "numSpaces"}}) {
    int count = 0;
    site.store.ForEach(row.kind, [&](Repo& repo) {
      if (repo.Namespace() == name && !repo.settings.is_private) ++count;
    });
    overview[row.key] = count;
  }
}

}  // namespace

Response WhoAmIAnswer(const Caller& caller) {
  if (caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const User& user = *caller.user;
  json orgs = json::array();
  for (const std::string& org : user.orgs)
    orgs.push_back(OrgJson(org, user.role == "read" ? "read" : "write"));
  return JsonAnswer({{"type", "user"},
                     {"id", ObjectIdFor("user/" + user.name)},
                     {"name", user.name},
                     {"fullname", user.fullname.empty() ? user.name : user.fullname},
                     {"email", user.name + "@users.example"},
                     {"emailVerified", true},
                     {"isPro", user.is_pro},
                     {"canPay", false},
                     {"avatarUrl", ""},
                     {"periodEnd", nullptr},
                     {"billingMode", "prepaid"},
                     {"orgs", orgs},
                     {"auth", {{"type", "access_token"}, {"accessToken", AccessTokenJson(user)}}}});
}

Response AuthCheckAnswer(const RepoCall& call) {
  if (!MayReadFiles(call.repo, call.caller)) {
    return ErrorAnswer(
        call.caller.is_anonymous() ? 401 : 403, "GatedRepo",
        "Access to " + call.repo.id + " is restricted and you are not in the authorized list.");
  }
  const bool wants_write = call.rest.size() > 1 && call.rest[1] == "write";
  if (wants_write && !MayWrite(call.repo, call.caller)) {
    if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
    return ErrorAnswer(403, "", "You don't have the rights to write to " + call.repo.id);
  }
  return JsonAnswer(json::object());
}

Response UserOverview(const Site& site, const std::string& name) {
  const User* user = site.store.FindUserByName(name);
  if (user == nullptr) return ErrorAnswer(404, "", "This user does not exist");
  json overview = {{"user", user->name},   {"fullname", user->fullname.empty() ? user->name : user->fullname},
                   {"type", "user"},       {"isPro", user->is_pro},
                   {"avatarUrl", ""},      {"createdAt", "2024-01-01T00:00:00.000Z"},
                   {"orgs", json::array()}};
  for (const std::string& org : user->orgs) overview["orgs"].push_back(OrgJson(org, "write"));
  CountRepos(site, name, overview);
  return JsonAnswer(overview);
}

Response OrganizationOverview(const Site& site, const std::string& name) {
  if (!site.store.IsOrganization(name)) return ErrorAnswer(404, "", "This organization does not exist");
  json overview = {{"name", name},
                   {"fullname", name},
                   {"type", "org"},
                   {"avatarUrl", ""},
                   {"isVerified", false},
                   {"plan", nullptr},
                   {"numUsers", site.store.MembersOf(name).size()}};
  CountRepos(site, name, overview);
  return JsonAnswer(overview);
}

}  // namespace batuta::hubsim
