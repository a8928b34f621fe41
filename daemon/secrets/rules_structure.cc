#include "daemon/secrets/rule.h"

namespace batuta::secrets {
namespace {

using enum Tier;
using enum Place;
using enum Check;

#define BATUTA_AUTHORITY R"(://[^\s/?#"'<>@:\\]{0,128}:([^\s/?#"'<>@\\]{3,256})@[^\s"'<>@\\])"

// clang-format off
constexpr Rule kRules[] = {
    {"private-key", "private key (PEM)", kCertain, kInside, "PRIVATE KEY", "-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----", kPem},
    {"putty-key", "PuTTY private key", kCertain, kStart, "Private-Lines: ", R"(Private-Lines: [0-9]{1,4}\r?\n([A-Za-z0-9+/=]{32,}))"},
    {"jwt", "JSON web token", kCertain, kStart, "eyJ", R"(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})", kJwt},
    {"database-url", "password in the URL of a database or queue", kCertain, kInside, "://",
     "(?i)(?:postgres|postgresql|mysql|mariadb|mongodb|redis|rediss|amqp|amqps|mssql|sqlserver|snowflake|clickhouse|ftp|ftps|sftp|ldap|ldaps|kafka|nats|oracle)(?:\\+[a-z0-9_]{1,24})?" BATUTA_AUTHORITY, kUrl},
    {"basic-auth-url", "password in a URL", kCertain, kInside, "://", "(?i)(?:https?|git|ssh|s3|wss?|socks5h?)" BATUTA_AUTHORITY, kUrl},
    {"authorization-basic", "HTTP Basic login", kCertain, kStart, "Basic ", R"(Basic\s{1,4}([A-Za-z0-9+/]{8,512}={0,2}))", kBasic},
    {"connection-string-password", "password in a connection string", kLikely, kAfter, "password=|pwd=|password =", R"([^\s;"'<>{}$%&]{6,128})", kConnection},
    {"authorization-bearer", "HTTP Bearer token", kLikely, kAfter, "authorization", R"(Bearer\s{1,4}([A-Za-z0-9._~+/-]{20,1000}=*))", kRandom | kNoWords | kTwoDigits},
    {"django-secret-key", "Django secret key", kLikely, kStart, "django-insecure-", R"(django-insecure-[^\s"'\\]{40,60})"},
    {"rails-secret", "Rails secret key base", kLikely, kAfter, "secret_key_base", "[0-9a-f]{128}", kRandom},
    {"laravel-key", "Laravel application key", kLikely, kStart, "base64:", "base64:([A-Za-z0-9+/]{43}=)", kBytes32},
    {"generic-secret", "a value that looks like a secret", kPossible, kAssignment,
     "password|passwd|pwd|passphrase|secret|token|api_key|apikey|api-key|access_key|accesskey|auth_key|authkey|private_key|credential", "", kGeneric},
};

constexpr NameRule kNameRules[] = {
    {"dotenv-file", "file of environment variables with values", ".env|.env.*|*.env|.envrc|.flaskenv", "*.example|*.sample|*.template|*.tmpl|*.dist|*.default|*.defaults|*.schema|*.test|*.ci|*.md|*.example.env|*.sample.env|*.d.ts|*.py|*.js|*.ts", NameCondition::kAssigned},
    {"private-key-file", "file of a private key", "id_rsa|id_dsa|id_ecdsa|id_ed25519|id_*_sk|*.ppk|*.p8", "*.pub", NameCondition::kNotPublic},
    {"key-store", "key store or password vault", "*.p12|*.pfx|*.jks|*.keystore|*.bks|*.kdbx|*.kdb", "debug.keystore|cacerts|truststore*", NameCondition::kMagic},
    {"login-file", "file of logins", ".pgpass|.mylogin.cnf|.git-credentials|.htpasswd|.s3cfg|.boto|.dockercfg|application_default_credentials.json|.databrickscfg|.snowflake/connections.toml|.azure/accesstokens.json|.aws/credentials|.kube/config", "", NameCondition::kNotPublic},
    {"machine-learning-login", "login of a machine-learning service", "kaggle.json|.comet.config|huggingface/token|stored_tokens|.streamlit/secrets.toml|.modal.toml|clearml.conf|lightning/credentials.json|.replicate/auth", "", NameCondition::kNotPublic},
    {"secret-file", "file that is secret by its name", "master.key|vault_pass*|terraform.tfstate|terraform.tfstate.*|*.tfvars", "*.example|*.sample|*.template", NameCondition::kNotPublic},
    {"shell-history", "history of typed commands", ".bash_history|.zsh_history|.python_history|.psql_history|.mysql_history|.node_repl_history", "", NameCondition::kNotEmpty},
    {"keyring-file", "file of a keyring or browser profile", ".gnupg/*|login.keychain|login.keychain-db|key4.db|.ssh/id_*", "*.pub|.gnupg/*.conf", NameCondition::kNotEmpty},
};
// clang-format on

}  // namespace

std::span<const Rule> StructureRules() {
  return kRules;
}

std::span<const NameRule> NameRules() {
  return kNameRules;
}

}  // namespace batuta::secrets
