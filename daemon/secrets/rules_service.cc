#include "daemon/secrets/rule.h"

namespace batuta::secrets {
namespace {

using enum Tier;
using enum Place;
using enum Check;

#define BATUTA_UUID "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

// clang-format off
constexpr Rule kRules[] = {
    {"github-token", "GitHub token", kCertain, kStart, "ghp_|gho_|ghu_|ghs_", "gh[pous]_[A-Za-z0-9]{36}", kGithubCrc},
    {"github-refresh-token", "GitHub refresh token", kCertain, kStart, "ghr_", "ghr_(?:[A-Za-z0-9]{76}|[A-Za-z0-9]{36})", kGithubCrc},
    {"github-stateless-token", "GitHub server token", kCertain, kStart, "ghs_", R"(ghs_[0-9]{1,20}_(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}))"},
    {"github-fine-grained-token", "GitHub fine-grained token", kCertain, kStart, "github_pat_", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"},
    {"gitlab-token", "GitLab personal access token", kCertain, kStart, "glpat-", "glpat-[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-routable-token", "GitLab token", kCertain, kStart, "glpat-|glrt-t|gldt-", R"((?:glpat-|glrt-t[0-9]_|gldt-)[A-Za-z0-9_-]{27,300}\.[0-9a-z]{2}\.[0-9a-z]{9})", kGitlabCrc},
    {"gitlab-deploy-token", "GitLab deploy token", kCertain, kStart, "gldt-", "gldt-[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-runner-token", "GitLab runner token", kCertain, kStart, "glrt-|GR1348941", "(?:glrt-|GR1348941)[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-feed-token", "GitLab feed token", kCertain, kStart, "glft-", "glft-[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-scim-token", "GitLab SCIM token", kCertain, kStart, "glsoat-", "glsoat-[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-feature-flags-token", "GitLab feature flags token", kCertain, kStart, "glffct-", "glffct-[A-Za-z0-9_-]{20}", kRandom},
    {"gitlab-mail-token", "GitLab incoming mail token", kCertain, kStart, "glimt-", "glimt-[A-Za-z0-9_-]{25}", kRandom},
    {"gitlab-agent-token", "GitLab agent token", kCertain, kStart, "glagent-", "glagent-[A-Za-z0-9_-]{50}", kRandom},
    {"gitlab-trigger-token", "GitLab pipeline trigger token", kCertain, kStart, "glptt-", "glptt-[0-9a-f]{40}", kRandom},
    {"gitlab-oauth-secret", "GitLab OAuth secret", kCertain, kStart, "gloas-", "gloas-[A-Za-z0-9_-]{64}", kRandom},
    {"gitlab-job-token", "GitLab CI job token", kCertain, kStart, "glcbt-", "glcbt-[0-9A-Za-z]{1,5}_[A-Za-z0-9_-]{20}", kRandom},
    {"npm-token", "npm access token", kCertain, kStart, "npm_", "npm_[A-Za-z0-9]{36}", kGithubCrc},
    {"npmrc-auth", "npm login", kCertain, kStart, "_authToken|_auth", R"(_auth(?:Token)?\s{0,4}=\s{0,4}["']?([A-Za-z0-9+/_=-]{16,200}))"},
    {"pypi-token", "PyPI token", kCertain, kStart, "pypi-AgE", "pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBp)[A-Za-z0-9_-]{50,}"},
    {"netrc-password", "login in a netrc file", kCertain, kStart, "machine ", R"(machine\s{1,4}[^\s]{1,128}\s{1,8}login\s{1,4}[^\s]{1,128}\s{1,8}password\s{1,4}([^\s"'<>]{6,256}))", kHostedLogin},
    {"docker-auth", "Docker registry login", kCertain, kStart, "\"auth\"", R"re("auth"\s{0,8}:\s{0,8}"([A-Za-z0-9+/]{8,512}={0,2})")re", kBasic},
    {"docker-hub-token", "Docker Hub token", kCertain, kStart, "dckr_pat_|dckr_oat_", "dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})", kRandom},
    {"kubernetes-client-key", "key in a kubeconfig", kCertain, kStart, "client-key-data", R"(client-key-data["']?\s{0,4}:\s{0,4}["']?(LS0tLS1CRUdJTi[A-Za-z0-9+/]{64,}={0,2}))"},
    {"slack-bot-token", "Slack bot token", kCertain, kStart, "xoxb-", "xoxb-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{23,25}"},
    {"slack-user-token", "Slack user token", kCertain, kStart, "xoxp-|xoxe-", "xox[pe]-[0-9]{10,13}-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{28,34}"},
    {"slack-app-token", "Slack app token", kCertain, kStart, "xapp-", "xapp-[0-9]-A[A-Z0-9]{8,12}-[0-9]{10,13}-[A-Za-z0-9]{60,70}"},
    {"slack-config-token", "Slack configuration token", kCertain, kStart, "xoxe.xox", R"(xoxe\.xox[bp]-[0-9]-[A-Za-z0-9]{163,166})"},
    {"slack-session-token", "Slack session token", kCertain, kStart, "xoxc-|xoxd-", "xox(?:c-[0-9]{10,13}-[0-9]{10,13}-[0-9]{10,13}-[0-9a-f]{64}|d-[A-Za-z0-9%+/=_-]{60,})"},
    {"slack-webhook", "Slack webhook", kCertain, kStart, "hooks.slack.com/", "hooks\\.slack\\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{23,25})"},
    {"discord-bot-token", "Discord bot token", kLikely, kAfter, "discord|bot_token|bot.run|client.run", R"([MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})", kDiscordId},
    {"discord-webhook", "Discord webhook", kCertain, kStart, "/api/webhooks/", "/api/webhooks/([0-9]{17,19}/[A-Za-z0-9_-]{68})"},
    {"stripe-key", "Stripe live key", kCertain, kStart, "sk_live_|rk_live_", "[sr]k_live_[A-Za-z0-9]{24,99}", kRandom},
    {"sendgrid-key", "SendGrid API key", kCertain, kStart, "SG.", R"(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"},
    {"twilio-secret", "Twilio secret", kLikely, kAfter, "twilio", "[A-Za-z0-9]{32}", kNamed | kNotHash | kTwoDigits},
    {"mailgun-key", "Mailgun key", kCertain, kStart, "key-", "key-[0-9a-f]{32}", kRandom},
    {"mailchimp-key", "Mailchimp key", kCertain, kInside, "-us", "[0-9a-f]{32}-us[0-9]{1,2}"},
    {"brevo-key", "Brevo key", kCertain, kStart, "xkeysib-", "xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"},
    {"telegram-bot-token", "Telegram bot token", kCertain, kInside, ":AA", "[0-9]{8,10}:(A[A-Za-z0-9_-]{34})", kRandom | kMixedCase},
    {"grafana-service-token", "Grafana service account token", kCertain, kStart, "glsa_", "glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}", kGrafanaCrc},
    {"grafana-cloud-token", "Grafana Cloud token", kCertain, kStart, "glc_", "glc_(eyJ[A-Za-z0-9+/]{32,}={0,2})", kJsonInBase64},
    {"sentry-org-token", "Sentry organisation token", kCertain, kStart, "sntrys_", "sntrys_eyJ[A-Za-z0-9+/]{40,}={0,2}_[A-Za-z0-9+/]{43}"},
    {"sentry-user-token", "Sentry user token", kCertain, kStart, "sntryu_", "sntryu_[0-9a-f]{64}"},
    {"new-relic-key", "New Relic key", kCertain, kStart, "NRAK-", "NRAK-[A-Z0-9]{27}", kRandom},
    {"new-relic-insert-key", "New Relic insert key", kCertain, kStart, "NRII-", "NRII-[A-Za-z0-9_-]{32}", kRandom},
    {"datadog-key", "Datadog key", kLikely, kAfter, "datadog|dd_api_key|dd_app_key", "(?:[0-9a-f]{40}|[0-9a-f]{32})", kNamed | kNotHash},
    {"linear-key", "Linear API key", kCertain, kStart, "lin_api_", "lin_api_[A-Za-z0-9]{40}", kRandom},
    {"notion-token", "Notion token", kCertain, kStart, "ntn_", "ntn_[0-9]{11}[A-Za-z0-9]{35}", kRandom},
    {"figma-token", "Figma token", kCertain, kStart, "figd_", "figd_[A-Za-z0-9_-]{38,42}", kRandom},
    {"postman-key", "Postman API key", kCertain, kStart, "PMAK-", "PMAK-[0-9a-f]{24}-[0-9a-f]{34}"},
    {"airtable-token", "Airtable token", kCertain, kStart, "pat", R"(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})"},
    {"atlassian-token", "Atlassian API token", kCertain, kStart, "ATATT3", "ATATT3[A-Za-z0-9_=-]{186}", kAtlassianCrc},
    {"bitbucket-token", "Bitbucket access token", kCertain, kStart, "BBDC-", "BBDC-[A-Za-z0-9+/@_-]{40,50}={0,2}", kRandom},
    {"shopify-token", "Shopify token", kCertain, kStart, "shpat_|shpca_|shppa_|shpss_", "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", kRandom},
    {"square-token", "Square access token", kCertain, kStart, "EAAA|sq0atp-", "(?:EAAA[A-Za-z0-9_-]{56,60}|sq0atp-[A-Za-z0-9_-]{22,60})", kRandom | kMixedCase},
    {"jfrog-key", "JFrog API key", kCertain, kStart, "AKCp", "AKCp[1-9A-HJ-NP-Za-km-z]{69}", kRandom},
    {"jfrog-reference-token", "JFrog reference token", kCertain, kStart, "cmVmdGtu", "cmVmdGtuO[A-Za-z0-9+/=]{55,}"},
    {"nuget-key", "NuGet API key", kCertain, kStart, "oy2", "oy2[a-z2-7]{43}", kRandom | kTwoDigits},
    {"rubygems-key", "RubyGems API key", kCertain, kStart, "rubygems_", "rubygems_[0-9a-f]{48}"},
    {"crates-token", "crates.io token", kCertain, kStart, "cio", "cio[A-Za-z0-9]{32}", kRandom | kMixedCase | kNoWords},
    {"clojars-token", "Clojars deploy token", kCertain, kStart, "CLOJARS_", "CLOJARS_[0-9a-z]{60}"},
    {"onepassword-token", "1Password service account token", kCertain, kStart, "ops_eyJ", "ops_eyJ[A-Za-z0-9+/_-]{250,}={0,2}"},
    {"age-key", "age secret key", kCertain, kStart, "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}", kBech32},
    {"facebook-token", "Facebook access token", kCertain, kStart, "EAA", "EAA[A-Za-z0-9]{100,400}", kRandom | kMixedCase},
    {"dropbox-token", "Dropbox token", kCertain, kStart, "sl.", R"(sl\.[A-Za-z0-9_=-]{135,})", kRandom | kMixedCase},
    {"mongodb-atlas-secret", "MongoDB Atlas service account secret", kCertain, kStart, "mdb_sa_sk_", "mdb_sa_sk_[A-Za-z0-9_-]{40}", kRandom},
    {"buildkite-token", "Buildkite token", kCertain, kStart, "bkua_", "bkua_(?:[0-9a-z]{53}|[0-9a-z]{40})", kRandom},
    {"circleci-token", "CircleCI token", kCertain, kStart, "CCIPAT_", "CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}"},
};
// clang-format on

}  // namespace

std::span<const Rule> ServiceRules() {
  return kRules;
}

}  // namespace batuta::secrets
