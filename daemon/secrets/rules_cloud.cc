#include "daemon/secrets/rule.h"

namespace batuta::secrets {
namespace {

using enum Tier;
using enum Place;
using enum Check;

#define BATUTA_UUID "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

// clang-format off
constexpr Rule kRules[] = {
    {"aws-access-key-id", "AWS access key id", kCertain, kStart, "AKIA|ASIA|ABIA|ACCA|A3T", "(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}", kRandom | kNotPeptide},
    {"aws-secret-key", "AWS secret key", kLikely, kAfter, "aws|secret", "[A-Za-z0-9/+]{40}", kNamed | kMixedCase | kRandom | kNotHash | kNoWords},
    {"aws-secret-near-id", "AWS secret key beside its id", kLikely, kAfter, "akia", "[A-Za-z0-9/+]{40}", kMixedCase | kRandom | kNotHash | kNoWords},
    {"aws-session-token", "AWS session token", kLikely, kAfter, "session_token|sessiontoken|session-token", "[A-Za-z0-9/+]{100,}={0,2}", kRandom | kMixedCase},
    {"aws-bedrock-key", "AWS Bedrock key", kCertain, kStart, "ABSK", "ABSK[A-Za-z0-9+/]{109,269}={0,2}", kRandom},
    {"aws-bedrock-short-key", "AWS Bedrock key for a short time", kCertain, kStart, "bedrock-api-key-", "bedrock-api-key-YmVkcm9j[A-Za-z0-9+/_-]{20,}={0,2}"},
    {"azure-storage-key", "Azure storage account key", kCertain, kStart, "AccountKey=", "AccountKey=([A-Za-z0-9+/]{86}==)", kBytes64},
    {"azure-storage-marked-key", "Azure storage account key", kCertain, kInside, "+ASt", R"([A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/]{6}==)", kBytes64},
    {"azure-cosmos-key", "Azure Cosmos DB key", kCertain, kInside, "ACDb", "[A-Za-z0-9+/]{76}ACDb[A-Za-z0-9+/]{6}==", kBytes64},
    {"azure-batch-key", "Azure Batch key", kCertain, kInside, "+ABa", R"([A-Za-z0-9+/]{76}\+ABa[A-Za-z0-9+/]{6}==)", kBytes64},
    {"azure-ml-classic-key", "Azure Machine Learning (classic) key", kCertain, kInside, "+AMC", R"([A-Za-z0-9+/]{76}\+AMC[A-Za-z0-9+/]{6}==)", kBytes64},
    {"azure-apim-key", "Azure API Management key", kCertain, kInside, "APIM", "[A-Za-z0-9+/]{76}APIM[A-Za-z0-9+/]{6}==", kBytes64},
    {"azure-shared-access-key", "Azure shared access key", kCertain, kStart, "SharedAccessKey=", "SharedAccessKey=([A-Za-z0-9+/]{43}=)", kBytes32},
    {"azure-service-key", "Azure Service Bus, Event Hubs, Relay, IoT, Event Grid or Redis key", kCertain, kInside, "+ASb|+AEh|+ARm|AIoT|AZEG|AzCa",
     R"([A-Za-z0-9+/]{33}(?:\+ASb|\+AEh|\+ARm|AIoT|AZEG|AzCa)[A-Za-z0-9+/]{6}=)", kBytes32},
    {"azure-annotated-key", "Azure key (OpenAI, AI services, DevOps, …)", kCertain, kInside, "JQQJ9", "[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{26}"},
    {"azure-openai-legacy-key", "Azure OpenAI key (old form)", kLikely, kAfter, "azure_openai|azureopenai|azure-openai|openai.azure.com|cognitiveservices", "[0-9a-f]{32}", kNamed | kNotHash},
    {"entra-client-secret", "Microsoft Entra client secret", kCertain, kInside, "Q~", "[A-Za-z0-9~_.]{3}[78]Q~[A-Za-z0-9~_.-]{31,34}", kRandom},
    {"azure-sas-url", "Azure signed URL", kCertain, kStart, "sig=", "sig=((?:[A-Za-z0-9+/]|%2[BbFf]){43,44}(?:=|%3[Dd]){0,2})", kSas | kRandom},
    {"azure-registry-key", "Azure Container Registry, Search or Functions key", kCertain, kInside, "+ACR|AzSe|AzFu",
     R"([A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}|[A-Za-z0-9]{42}AzSe[A-Za-z0-9]{6}|[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{6}==)"},
    {"gcp-service-account", "Google Cloud service account", kCertain, kStart, "\"private_key_id\"", R"re("private_key_id"\s{0,8}:\s{0,8}"([0-9a-f]{40})")re", kServiceAccount},
    {"gcp-user-login", "Google Cloud application-default credentials", kCertain, kStart, "\"refresh_token\"", R"re("refresh_token"\s{0,8}:\s{0,8}"([^"\s]{20,512})")re", kUserLogin},
    {"google-oauth-secret", "Google OAuth client secret", kCertain, kStart, "GOCSPX-", "GOCSPX-[A-Za-z0-9_-]{28}", kRandom},
    {"google-access-token", "Google OAuth access token", kCertain, kStart, "ya29.", R"(ya29\.[A-Za-z0-9_-]{20,})", kRandom},
    {"google-refresh-token", "Google OAuth refresh token", kCertain, kStart, "1//0", "1//0[A-Za-z0-9_-]{40,}", kRandom},
    {"alibaba-key-id", "Alibaba Cloud access key id", kCertain, kStart, "LTAI", "LTAI[A-Za-z0-9]{17,21}", kRandom},
    {"alibaba-secret", "Alibaba Cloud secret", kLikely, kAfter, "alibaba|aliyun|alicloud", "[A-Za-z0-9]{30}", kNamed | kMixedCase | kRandom | kNoWords},
    {"yandex-key", "Yandex Cloud API key", kCertain, kStart, "AQVN", "AQVN[A-Za-z0-9_-]{35,38}", kRandom},
    {"ibm-key", "IBM Cloud API key", kLikely, kAfter, "ibm", "[A-Za-z0-9_-]{44}", kNamed | kMixedCase | kRandom | kNoWords},
    {"ovh-secret", "OVH application secret", kLikely, kAfter, "ovh", "[A-Za-z0-9]{32}", kNamed | kMixedCase | kRandom | kNoWords},
    {"digitalocean-token", "DigitalOcean token", kCertain, kStart, "dop_v1_|doo_v1_|dor_v1_", "do[opr]_v1_[0-9a-f]{64}"},
    {"heroku-key", "Heroku API key", kCertain, kStart, "HRKU-AA", "HRKU-AA[A-Za-z0-9_-]{58}"},
    {"heroku-legacy-key", "Heroku API key (old form)", kLikely, kAfter, "heroku", BATUTA_UUID, kNamed},
    {"cloudflare-token", "Cloudflare token", kCertain, kStart, "cfk_|cfut_|cfat_", "cf(?:k|ut|at)_[A-Za-z0-9]{40}[0-9a-f]{8}"},
    {"cloudflare-legacy-token", "Cloudflare API token (old form)", kLikely, kAfter, "cloudflare", "[A-Za-z0-9_-]{40}", kNamed | kMixedCase | kRandom | kNoWords},
    {"cloudflare-global-key", "Cloudflare global API key", kLikely, kAfter, "cloudflare", "[0-9a-f]{37}", kNamed | kNotHash},
    {"vault-token", "HashiCorp Vault token", kCertain, kStart, "hvs.", R"(hvs\.[A-Za-z0-9_-]{90,120})", kRandom},
    {"vault-batch-token", "HashiCorp Vault batch token", kCertain, kStart, "hvb.", R"(hvb\.[A-Za-z0-9_-]{138,300})", kRandom},
    {"terraform-token", "Terraform Cloud token", kCertain, kInside, ".atlasv1.", R"([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70})", kRandom},
    {"doppler-token", "Doppler token", kCertain, kStart, "dp.pt.", R"(dp\.pt\.[A-Za-z0-9]{43})", kRandom},
    {"pulumi-token", "Pulumi access token", kCertain, kStart, "pul-", "pul-[0-9a-f]{40}", kRandom},
    {"tailscale-key", "Tailscale key", kCertain, kStart, "tskey-", "tskey-(?:api|auth|client)-[A-Za-z0-9_-]{20,70}", kRandom},
    {"fly-token", "Fly.io token", kCertain, kStart, "fo1_|fm2_", "fo1_[A-Za-z0-9_-]{43}|fm2_[A-Za-z0-9+/]{100,}={0,2}", kRandom},
    {"vercel-token", "Vercel token", kCertain, kStart, "vcp_|vci_|vca_|vcr_|vck_", "vc[piark]_[A-Za-z0-9_-]{56}", kRandom},
    {"supabase-token", "Supabase access token", kCertain, kStart, "sbp_", "sbp_[0-9a-f]{40}", kRandom},
    {"supabase-secret-key", "Supabase secret key", kCertain, kStart, "sb_secret_", "sb_secret_[A-Za-z0-9_-]{31}", kRandom},
    {"neon-key", "Neon API key", kCertain, kStart, "napi_", "napi_[A-Za-z0-9]{64}", kRandom},
    {"planetscale-token", "PlanetScale token", kCertain, kStart, "pscale_tkn_", "pscale_tkn_[A-Za-z0-9_.=-]{32,64}", kRandom},
};
// clang-format on

}  // namespace

std::span<const Rule> CloudRules() {
  return kRules;
}

}  // namespace batuta::secrets
