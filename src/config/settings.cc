#include "config/settings.h"

#include <string>
#include <vector>

#include "base/address_rules.h"
#include "base/edit_distance.h"
#include "base/secret_file.h"

namespace stateward {
namespace {

using T = SettingType;
constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;

// Of a setting that names a file with secrets in it.
std::string WrongRights(const std::string& path) {
  return path.empty() ? "" : CheckSecretFile(path).detail();
}
std::string CredentialsFile(const Config& c) {
  return WrongRights(c.s3.credentials.credentials_file);
}
std::string VaultClientKey(const Config& c) { return WrongRights(c.kms.vault.client_key); }
std::string PolicyRights(const Config& c) { return WrongRights(c.auth.policy_file); }

std::string NeedsPolicy(const Config& config) {
  if (!config.auth.proxy_enabled || !config.auth.policy_file.empty()) return "";
  return "needs AUTH_POLICY_FILE: its rules say what they may do";
}

std::string NeedsAuditFile(const Config& config) {
  if (!config.audit.required || !config.audit.file.empty()) return "";
  return "needs AUDIT_FILE: syslog and the journal do not say what they have kept";
}

std::string BasePathIsPath(const Config& config) {
  const Result<std::vector<std::string>> parsed = ParseBasePath(config.base_path);
  return parsed.ok() ? "" : parsed.status().detail();
}

std::string NeedsTrail(const Config& config) {
  if (!config.hooks.on() || !config.audit.file.empty()) return "";
  return "needs AUDIT_FILE: events are taken from the audit trail";
}

#define AT(field) \
  [](Config & c) -> auto& { return c.field; }
// A secret whose user reads the file by itself; the file's name has a field of its own.
#define SECRET_AT(field) [](Config& c) { return SecretPlace{&c.field, &c.field##_file}; }

// name, type, place, default, secret, reload, meaning, choices, min, max
constexpr Setting kSettings[] = {
    // The process
    {"FASTCGI_LISTEN", T::kText, AT(fastcgi_listen), "unix:/run/stateward/fcgi.sock", false, false,
     "Where the web server reaches Stateward: unix:/path, host:port or [v6]:port; ignored when a "
     "listening socket is inherited."},
    {"FASTCGI_ALLOW", T::kText, AT(fastcgi_allow), "", false, false,
     "Addresses or CIDR ranges, separated by commas, that may connect over TCP in addition to "
     "loopback."},
    {"FASTCGI_PEER_UIDS", T::kText, AT(fastcgi_peer_uids), "", false, false,
     "User ids, separated by commas, that may connect over the unix socket; empty: everybody whom "
     "the socket's mode 0660 lets in."},
    {"WORKERS", T::kNumber, AT(workers), "2", false, false,
     "Worker processes when Stateward runs alone. At most 64, the slots for metrics.", "", 1, 64},
    {"THREADS", T::kNumber, AT(threads), "8", false, false,
     "Requests that one worker works on at the same time; clients that send or read slowly hold "
     "none. At most 256: each may hold a whole state.",
     "", 1, 256},
    {"RUNTIME_DIR", T::kText, AT(runtime_dir), "/run/stateward", false, false,
     "Folder for what processes of one host share while they run: metrics, and who does the jobs. "
     "One for each store: of a second store no jobs are done, which /ready and the log say."},
    {"BASE_PATH", T::kText, AT(base_path), "/state", false, true,
     "Where states have their addresses: BASE_PATH/PROJECT/NAME. The web server's configuration "
     "must pass the same path.",
     "", 0, 0, BasePathIsPath},
    {"NESTED_NAMES", T::kBool, AT(rules.nested_names), "false", false, true,
     "A state's name may have slashes: PROJECT/network/prod/vpc, as Terragrunt's folders do. Each "
     "part is a name of its own, none of them lock, outputs, outputs.tfstate or versions; all are "
     "at most 512 bytes. A policy's rule over the whole store is then */**, since */* takes in no "
     "name with slashes."},
    {"MAX_STATE_BYTES", T::kBytes, AT(max_state_bytes), "256M", false, true,
     "Largest state document; a larger one is 413 before it is read. At most 1G, what one "
     "request may hold in memory.",
     "", 1 * kKiB, 1 * kGiB},
    {"MAX_INFLIGHT_BYTES", T::kBytes, AT(max_inflight_bytes), "1G", false, false,
     "Bodies that have arrived and answers that wait for their clients, in the memory of one "
     "worker; beyond it the answer is 503 with Retry-After: 2. A sixteenth is kept for small ones "
     "(64K: locks).",
     "", 1 * kMiB, 64 * kGiB},
    {"MEMORY_SHARE_PERCENT", T::kNumber, AT(memory_share_percent), "50", false, false,
     "The share of MAX_INFLIGHT_BYTES that large bodies and answers of one principal may take.", "",
     1, 100},
    {"CLIENT_MIN_RATE", T::kBytes, AT(client_min_rate), "512", false, false,
     "The slowest rate, in bytes a second, at which a client may send or read: a slower sender is "
     "answered 503, a slower reader is cut off.",
     "", 1, 1 * kMiB},
    {"CLIENT_RATE_SECONDS", T::kNumber, AT(client_rate_seconds), "60", false, false,
     "Seconds over which CLIENT_MIN_RATE is measured. What a client reads shows in pieces of up to "
     "64 KiB: with fewer seconds a reader has to be faster than the rate.",
     "", 1, 3600},
    {"LOG_LEVEL", T::kChoice, AT(log_level), "info", false, true, "What is logged.",
     "fatal|error|warning|info|debug|trace"},
    {"LOG_FORMAT", T::kChoice, AT(log_format), "logfmt", false, true, "How a log line is written.",
     "logfmt|json"},
    {"METRICS_LISTEN_ADDR", T::kText, AT(metrics_listen_addr), "", false, false,
     "host:port that serves /metrics for Prometheus; empty: none. The log says when it cannot be "
     "had."},
    // Audit
    {"AUDIT_FILE", T::kText, AT(audit.file), "", false, false,
     "File that each access to a state is written to, one JSON line each (docs/audit.md); empty: "
     "none. Each store needs one of its own."},
    {"AUDIT_JOURNAL", T::kBool, AT(audit.journal), "false", false, false,
     "Send the same lines to systemd's journal."},
    {"AUDIT_SYSLOG", T::kText, AT(audit.syslog), "", false, false,
     "Send the same lines to syslog: path of its socket, such as /dev/log; empty: no."},
    {"AUDIT_REQUIRED", T::kBool, AT(audit.required), "false", false, false,
     "No change without its line: the line that announces a change is on the disk before the "
     "change is made; if that fails, the answer is 503. Needs AUDIT_FILE.",
     "", 0, 0, NeedsAuditFile},
    // Webhook
    {"WEBHOOK_URL", T::kText, AT(hooks.url), "", true, false,
     "https address that events are sent to (docs/webhooks.md); empty: none. Needs AUDIT_FILE.", "",
     0, 0, NeedsTrail},
    {"WEBHOOK_SECRET", T::kText, AT(hooks.secret), "", true, false,
     "What events are signed with: whsec_ and 24 to 64 random bytes in base64."},
    {"WEBHOOK_EVENTS", T::kText, AT(hooks.events), "", false, false,
     "Which events are sent, separated by commas: state.written, maintenance.*; empty: all."},
    {"WEBHOOK_ALLOW_PRIVATE", T::kBool, AT(hooks.allow_private), "false", false, false,
     "Send also to loopback, link-local and private addresses, and over http://."},
    {"WEBHOOK_CA_FILE", T::kText, AT(hooks.ca_file), "", false, false,
     "CAs that sign the receiver's certificate, PEM; empty: the system's."},
    {"WEBHOOK_STALE_LOCK_SECONDS", T::kNumber, AT(hooks.stale_lock_s), "21600", false, false,
     "After so many seconds a lock that is held is the event lock.stale.", "", 60, 31536000},
    // Storage
    {"STORAGE_BACKEND", T::kChoice, AT(storage.backend), "fs", false, false,
     "Where states are kept.", "fs|postgres|s3"},
    {"STORAGE_FS_DIR", T::kText, AT(storage.fs_dir), "./states", false, false,
     "Folder of the fs storage; terraform-backend's files in it are read where they lie."},
    {"STORAGE_S3_ENDPOINT", T::kText, AT(s3.endpoint), "s3.amazonaws.com", false, false,
     "host or host:port of the S3 service."},
    {"STORAGE_S3_USE_SSL", T::kBool, AT(s3.use_ssl), "true", false, false,
     "Reach the S3 service by HTTPS; false: in clear text."},
    {"STORAGE_S3_BUCKET", T::kText, AT(s3.bucket), "terraform-state", false, false,
     "The bucket; made by `statewardctl init` (or STORAGE_INIT) when it is missing."},
    {"STORAGE_S3_ACCESS_KEY", T::kText, SECRET_AT(s3.credentials.access_key), "", true, true,
     "Access key id; without it and the secret key, the standard AWS sources are tried "
     "(docs/storage.md)."},
    {"STORAGE_S3_SECRET_KEY", T::kText, SECRET_AT(s3.credentials.secret_key), "", true, true,
     "Secret access key."},
    {"STORAGE_S3_SESSION_TOKEN", T::kText, SECRET_AT(s3.credentials.session_token), "", true, true,
     "Session token, for temporary keys."},
    {"STORAGE_S3_CREDENTIALS_FILE", T::kText, AT(s3.credentials.credentials_file), "", false, true,
     "File with aws_access_key_id, aws_secret_access_key and perhaps aws_session_token; read "
     "again when it changes.",
     "", 0, 0, CredentialsFile},
    {"STORAGE_S3_REGION", T::kText, AT(s3.region), "", false, false,
     "Region of the bucket; empty: AWS_REGION, else us-east-1 or what the service answers."},
    {"STORAGE_S3_PREFIX", T::kText, AT(s3.prefix), "", false, false,
     "In front of every key, with '/' at its end; terraform-backend's objects are read without "
     "it."},
    {"STORAGE_S3_PATH_STYLE", T::kChoice, AT(s3.path_style), "auto", false, false,
     "Where the bucket stands: true: in the path; false: in the host name; auto: in the path "
     "unless the service is AWS.",
     "auto|true|false"},
    {"STORAGE_S3_CA_FILE", T::kText, AT(s3.ca_file), "", false, false,
     "PEM file of the certificate authorities to trust; empty: the system's."},
    {"STORAGE_S3_SSE", T::kChoice, AT(s3.sse), "", false, false,
     "Server-side encryption that is asked for with each object; empty: as the bucket is set "
     "up.",
     "AES256|aws:kms"},
    {"STORAGE_S3_SSE_KMS_KEY_ID", T::kText, AT(s3.sse_kms_key_id), "", false, false,
     "KMS key for STORAGE_S3_SSE=aws:kms."},
    {"STORAGE_INIT", T::kBool, AT(storage.init), "false", false, false,
     "Make the store at start if the place is empty or holds nothing but terraform-backend's data. "
     "Leave it off afterwards: a disk that is not mounted looks empty."},
    {"READ_ONLY", T::kBool, AT(rules.read_only), "false", false, false,
     "A standby over a replicated store: reads answer, what is not found is 503, everything else "
     "is refused; no lock service is needed and no job runs (docs/standby.md)."},
    {"HISTORY_KEEP", T::kNumber, AT(rules.history.keep), "100", false, true,
     "Versions of a state that are kept at least; with HISTORY_DAYS, whichever keeps more.", "", 1,
     1000000},
    {"HISTORY_DAYS", T::kNumber, AT(rules.history.days), "30", false, true,
     "Days for which each version is kept at least; with HISTORY_KEEP, whichever keeps more.", "",
     0, 36500},
    {"DIFF_VALUES", T::kBool, AT(rules.diff_values), "true", false, true,
     "Let `diff --values` show values that are neither marked sensitive nor named like a secret; "
     "false: only addresses and names of attributes."},
    {"KEPT_UPLOADS_MAX_BYTES", T::kBytes, AT(rules.uploads.max_bytes), "1G", false, true,
     "Bytes of refused uploads that are kept for one principal; each counts as 64 KiB at least. "
     "Nothing younger than 7 days is removed for a new one; what cannot be kept is 503.",
     "", 1 * kMiB, 1024 * kGiB},
    {"KEPT_UPLOADS_TOTAL_BYTES", T::kBytes, AT(rules.uploads.total_bytes), "8G", false, true,
     "Bytes of refused uploads that are kept for all principals together, counted in the same way. "
     "With basic auth a secret is a principal and costs nothing, so this is what bounds the disk.",
     "", 1 * kMiB, 65536 * kGiB},
    {"KEPT_UPLOADS_DAYS", T::kNumber, AT(rules.uploads.days), "90", false, true,
     "Days for which a refused upload is kept; older ones are removed. At least 7: the sender may "
     "have lost the only other copy.",
     "", 7, 36500},
    {"LEGACY_READ", T::kBool, AT(rules.write.legacy_read), "true", false, true,
     "Read states that terraform-backend wrote, where they lie; the first write stores them as "
     "Stateward does."},
    // Postgres
    {"POSTGRES_CONNECTION", T::kText, AT(postgres.pool.connection),
     "postgres://postgres:postgres@localhost:5432/postgres?sslmode=disable", true, false,
     "Where Postgres is, for STORAGE_BACKEND and LOCK_BACKEND: a postgres:// URL or key=value text "
     "as libpq reads it; several hosts are tried in turn for the primary."},
    {"POSTGRES_POOL_SIZE", T::kNumber, AT(postgres.pool.pool_size), "8", false, false,
     "The most connections of one worker. With as many as THREADS no request waits; Postgres "
     "allows 100 by default, which all workers of all hosts share.",
     "", 1, 256},
    {"STORAGE_POSTGRES_TABLE", T::kText, AT(postgres.storage_table), "states", false, false,
     "terraform-backend's table of states, read where it lies: a name or schema.name, as SQL reads "
     "it."},
    {"LOCK_POSTGRES_TABLE", T::kText, AT(postgres.lock_table), "locks", false, false,
     "terraform-backend's table of locks; one that it still holds there is respected until it is "
     "released."},
    // Locks
    {"LOCK_BACKEND", T::kChoice, AT(lock.backend), "local", false, false, "Where locks are kept.",
     "local|postgres|redis|s3"},
    {"LOCK_LOCAL_DIR", T::kText, AT(lock.local_dir), "", false, false,
     "Folder of the local lock; empty: locks in STORAGE_FS_DIR."},
    {"REDIS_ADDR", T::kText, AT(lock.redis.address), "localhost:6379", false, false,
     "Where Redis keeps the locks: host:port, [v6]:port, unix:/path, or "
     "sentinel:NAME@host:port,host:port for the master that the sentinels know as NAME."},
    {"REDIS_USER", T::kText, AT(lock.redis.user), "", false, true,
     "ACL user for Redis; empty: the default user."},
    {"REDIS_PASSWORD", T::kText, AT(lock.redis.password), "", true, true, "Password for Redis."},
    {"REDIS_SENTINEL_PASSWORD", T::kText, AT(lock.redis.sentinel_password), "", true, true,
     "Password for the sentinels."},
    {"REDIS_DB", T::kNumber, AT(lock.redis.database), "0", false, false,
     "Database number in Redis.", "", 0, 1000000},
    {"REDIS_PREFIX", T::kText, AT(lock.redis_prefix), "stateward:", false, false,
     "The beginning of the name of each key in Redis."},
    {"REDIS_CLEARTEXT", T::kChoice, AT(lock.redis.cleartext), "warn", false, false,
     "A Redis on another host is reached without TLS: warn (log and /ready say so), allow, "
     "or refuse. TLS is stunnel's work (docs/lock.md).",
     "warn|allow|refuse"},
    {"LOCK_S3_PREFIX", T::kText, AT(lock.s3_prefix), "", false, false,
     "In front of every key of the lock s3, with '/' at its end; empty: locks/ behind "
     "STORAGE_S3_PREFIX. The connection is that of STORAGE_S3_*."},
    {"FORCE_UNLOCK_ENABLED", T::kBool, AT(rules.force_unlock_enabled), "true", false, true,
     "An UNLOCK without a lock ID (terraform force-unlock) releases whatever is held; false: 403."},
    {"PLAN_LOCKS", T::kChoice, AT(rules.plan_locks.shared), "exclusive", false, true,
     "shared: LOCKs of plans hold a state together, and a LOCK of anything else waits for them; "
     "exclusive: one lock at a time. The policy can say it for some projects.",
     "shared|exclusive"},
    {"PLAN_LOCKS_WRITER_WAIT", T::kNumber, AT(rules.plan_locks.writer_wait_s), "60", false, true,
     "Seconds for which a LOCK that waits for plans keeps new plans from the lock, at the most; "
     "then they have as long before the same principal can do so again. 0: it keeps none.",
     "", 0, 3600},
    {"WRITE_WITHOUT_LOCK", T::kBool, AT(rules.write.write_without_lock), "true", false, true,
     "A state that nobody has locked may be written without a lock (the clients' -lock=false)."},
    {"WRITE_GUARD", T::kChoice, AT(rules.write.strict), "strict", false, true,
     "strict: a write needs the same lineage and a larger serial; lock: the lock alone guards.",
     "strict|lock"},
    // Keys
    {"KMS_BACKEND", T::kChoice, AT(kms.backend), "local", false, false,
     "Where the key that seals new versions comes from; all other keys that are set open older "
     "versions.",
     "local|vault|transit"},
    {"KMS_KEY", T::kText, AT(kms.key), "", true, true,
     "The key that seals new versions: 32 bytes in base64 (statewardctl keygen)."},
    {"KMS_KEYRING", T::kText, AT(kms.keyring), "", true, true,
     "More keys for reading, each 32 bytes in base64, separated by blanks, commas or lines."},
    {"KMS_VAULT_KEY_PATH", T::kText, AT(kms.vault_key_path), "", false, true,
     "Secret of Vault's KV engine, version 2, whose field key holds a key in each version, e.g. "
     "kv/data/terraform-backend; the newest seals."},
    {"KMS_VAULT_POLL_SECONDS", T::kNumber, AT(kms.vault_poll_seconds), "60", false, true,
     "How often a new version of that secret is looked for; an unknown key is looked up at once.",
     "", 1, 86400},
    {"KMS_TRANSIT_ENGINE", T::kText, AT(kms.transit_engine), "transit", false, true,
     "Path at which Vault's Transit engine is mounted."},
    {"KMS_TRANSIT_KEY", T::kText, AT(kms.transit_key), "", false, true,
     "Name of the Transit key that wraps the data key of each version."},
    {"KMS_TRANSIT_EXPORTED", T::kText, AT(kms.transit_exported), "", true, true,
     "The Transit key's versions as Vault exports them, in base64 as in KMS_KEYRING: with them "
     "what Vault wrapped opens without Vault."},
    // Vault
    {"VAULT_ADDR", T::kText, AT(kms.vault.address), "", false, true,
     "Vault's address, https://host:port; http:// is meant for loopback."},
    {"VAULT_TOKEN", T::kText, SECRET_AT(kms.vault.auth.token), "", true, true,
     "Token for Vault; as VAULT_TOKEN_FILE it is read again whenever the file changes."},
    {"VAULT_KUBE_AUTH_NAME", T::kText, AT(kms.vault.auth.kube_mount), "kubernetes", false, true,
     "Path at which Vault's Kubernetes login is mounted."},
    {"VAULT_KUBE_AUTH_ROLE", T::kText, AT(kms.vault.auth.kube_role), "", false, true,
     "Role for the Kubernetes login; empty: no such login."},
    {"VAULT_KUBE_TOKEN_FILE", T::kText, AT(kms.vault.auth.kube_token_file),
     "/var/run/secrets/kubernetes.io/serviceaccount/token", false, true,
     "The service account's token for the Kubernetes login."},
    {"VAULT_APPROLE_MOUNT", T::kText, AT(kms.vault.auth.approle_mount), "approle", false, true,
     "Path at which Vault's AppRole login is mounted."},
    {"VAULT_APPROLE_ROLE_ID", T::kText, AT(kms.vault.auth.approle_role_id), "", false, true,
     "Role ID for the AppRole login; empty: no such login."},
    {"VAULT_APPROLE_SECRET_ID", T::kText, SECRET_AT(kms.vault.auth.approle_secret_id), "", true,
     true,
     "Secret ID for the AppRole login; as VAULT_APPROLE_SECRET_ID_FILE it is read at each login."},
    {"VAULT_NAMESPACE", T::kText, AT(kms.vault.name_space), "", false, true,
     "Namespace of Vault Enterprise or OpenBao."},
    {"VAULT_CACERT", T::kText, AT(kms.vault.ca_file), "", false, true,
     "PEM file with the authorities that may have signed Vault's certificate; empty: the "
     "system's."},
    {"VAULT_CLIENT_CERT", T::kText, AT(kms.vault.client_cert), "", false, true,
     "PEM file with the certificate that Vault is shown; needs VAULT_CLIENT_KEY."},
    {"VAULT_CLIENT_KEY", T::kText, AT(kms.vault.client_key), "", false, true,
     "PEM file with its private key.", "", 0, 0, VaultClientKey},
    {"VAULT_TLS_SERVER_NAME", T::kText, AT(kms.vault.tls_server_name), "", false, true,
     "Name in Vault's certificate, when VAULT_ADDR has another."},
    // Who may
    {"AUTH_BASIC_ENABLED", T::kBool, AT(auth.basic_enabled), "true", false, true,
     "terraform-backend's basic auth: user basic, and each secret is a namespace of its own. With "
     "AUTH_POLICY_FILE it is off unless this is set."},
    {"AUTH_BASIC_NEW_TENANTS", T::kBool, AT(rules.new_tenants), "true", false, true,
     "A secret under which nothing is stored yet opens a new namespace; false: 401, so that a "
     "mistyped secret does not look like an empty namespace. With an issuer of tokens or "
     "AUTH_POLICY_FILE it is false unless this is set: strangers must not take names from "
     "identified users."},
    {"AUTH_POLICY_FILE", T::kText, AT(auth.policy_file), "", false, true,
     "File of issuers, users, machine tokens and rules (docs/policy.md); read again when it "
     "changes. "
     "Empty: none.",
     "", 0, 0, PolicyRights},
    {"AUTH_PROXY_ENABLED", T::kBool, AT(auth.proxy_enabled), "false", false, true,
     "Take STATEWARD_USER and STATEWARD_CERT_SUBJECT from the web server for who the client is: "
     "over a unix socket or from an address of FASTCGI_ALLOW. Needs AUTH_POLICY_FILE.",
     "", 0, 0, NeedsPolicy},
    {"LOCK_GRACE", T::kNumber, AT(auth.lock_grace_s), "7200", false, true,
     "Seconds for which an expired token may still read, write and unlock the state whose lock was "
     "taken with it; 0: none. At most a day: that is how long a released lock is remembered.",
     "", 0, 86400},
    {"AUTH_JWT_OIDC_ISSUER_URL", T::kText, AT(auth.jwt.url), "", false, true,
     "Issuer of tokens (JWT) whose claim terraform-backend says which states their bearer may use; "
     "exactly as in a token's iss. Empty: Vault's own, VAULT_ADDR/v1/identity/oidc, when "
     "VAULT_ADDR and AUTH_JWT_AUDIENCE are set; else none."},
    {"AUTH_JWT_AUDIENCE", T::kText, AT(auth.jwt.audiences), "", false, true,
     "Audiences, separated by commas, of which a token must name one, because an issuer makes "
     "tokens for other services, too."},
    {"AUTH_JWT_ALLOW_ANY_AUDIENCE", T::kBool, AT(auth.jwt.any_audience), "false", false, true,
     "Take tokens that the issuer made for any service, as terraform-backend did."},
    {"AUTH_JWT_CA_FILE", T::kText, AT(auth.jwt.ca_file), "", false, true,
     "PEM file with the CAs that the issuer's certificate is checked against; empty: the "
     "system's."},
};

#undef AT
#undef SECRET_AT

}  // namespace

SettingTable Settings() { return {kSettings, sizeof kSettings / sizeof kSettings[0]}; }

const Setting* FindSetting(std::string_view name) {
  for (const Setting& row : Settings()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string_view NearestSetting(std::string_view name) {
  std::string_view best;
  size_t best_distance = TooFar(name);
  for (const Setting& row : Settings()) {
    size_t distance = EditDistance(name, row.name);
    if (distance < best_distance) {
      best_distance = distance;
      best = row.name;
    }
  }
  return best;
}

std::string_view TypeName(SettingType type) {
  switch (type) {
    case T::kText:
      return "text";
    case T::kBool:
      return "bool";
    case T::kNumber:
      return "number";
    case T::kBytes:
      return "bytes";
    case T::kChoice:
      return "choice";
  }
  return "text";
}

}  // namespace stateward
