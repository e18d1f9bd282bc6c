#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/settings.h"

namespace stateward {
namespace {

// The settings of a large installation fit many times.
constexpr size_t kMaxEnvFile = 1 << 20;

std::optional<bool> ParseBool(std::string_view text) {
  for (std::string_view yes : {"true", "1", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"false", "0", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseNumber(std::string_view text, bool with_unit) {
  uint64_t factor = 1;
  if (with_unit && !text.empty()) {
    size_t unit = std::string_view("KMG").find(text.back());
    if (unit != std::string_view::npos) {
      factor = uint64_t{1} << (10 * (unit + 1));
      text.remove_suffix(1);
    }
  }
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (value > UINT64_MAX / factor) return std::nullopt;
  return value * factor;
}

bool IsChoice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    size_t bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

std::string Lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string Plain(const EnvMap& env, const char* name) {
  auto it = env.find(name);
  return it == env.end() ? "" : std::string(it->second.Reveal());
}

// "" when the value is of the setting's type; else what would be right.
std::string WhatIsWrong(const Setting& row, std::string_view value) {
  switch (row.type) {
    case SettingType::kText:
      return "";
    case SettingType::kBool:
      return ParseBool(value) ? "" : "is to be true or false";
    case SettingType::kChoice: {
      if (IsChoice(row.choices, value)) return "";
      std::string list(row.choices);
      std::replace(list.begin(), list.end(), '|', ' ');
      return "is to be one of: " + list;
    }
    case SettingType::kNumber:
    case SettingType::kBytes: {
      auto number = ParseNumber(value, row.type == SettingType::kBytes);
      if (number && *number >= row.min && *number <= row.max) return "";
      return "is to be a number from " + std::to_string(row.min) + " to " +
             std::to_string(row.max) +
             (row.type == SettingType::kBytes ? " (K, M and G may follow)" : "");
    }
  }
  return "";
}

// Collects the values of all settings, and everything that is wrong.
class Reader {
 public:
  Reader(const EnvMap& env, LoadedConfig* out) : env_(env), out_(out) {}

  std::string Text(const char* name) { return std::string(Raw(name).Reveal()); }
  bool Bool(const char* name) { return ParseBool(Raw(name).Reveal()).value_or(false); }
  uint64_t Number(const char* name) {
    bool bytes = FindSetting(name)->type == SettingType::kBytes;
    return ParseNumber(Raw(name).Reveal(), bytes).value_or(0);
  }
  SecretString Secret(const char* name) { return Raw(name); }
  // A secret that its user reads by itself when it comes from a file, since that may change, or
  // come later than we do: then only *file is set.
  SecretString SecretOrFile(const char* name, std::string* file) {
    *file = SecretFileOf(env_, name);
    return file->empty() ? Raw(name) : SecretString();
  }
  bool IsSet(const char* name) const {
    auto it = env_.find(name);
    return it != env_.end() && !it->second.empty();
  }
  void Error(std::string what) { out_->errors.push_back(std::move(what)); }

  void NoteUnknownNames(const EnvMap& from_file);

 private:
  SecretString Raw(const char* name);

  const EnvMap& env_;
  LoadedConfig* out_;
};

SecretString Reader::Raw(const char* name) {
  const Setting* row = FindSetting(name);
  Result<std::optional<SecretString>> found = LookUp(env_, name);
  if (!found.ok()) {
    out_->errors.push_back(std::string(name) + "_FILE: " + found.status().detail());
    return SecretString(row->fallback);
  }
  if (!found->has_value() || (*found)->empty()) return SecretString(row->fallback);
  std::string wrong = WhatIsWrong(*row, (*found)->Reveal());
  if (wrong.empty()) return std::move(**found);
  std::string shown = row->secret ? "" : " \"" + std::string((*found)->Reveal()) + "\"";
  out_->errors.push_back(std::string(name) + shown + " " + wrong);
  return SecretString(row->fallback);
}

bool IsOurs(std::string_view name) {
  for (std::string_view prefix : {"STORAGE_", "LOCK_", "KMS_", "AUTH_", "POSTGRES_", "REDIS_"}) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

// The name that the table knows: NAME_FILE of a secret counts as NAME.
bool IsKnown(std::string_view name) {
  if (FindSetting(name) != nullptr || IsAwsName(name)) return true;
  constexpr std::string_view kSuffix = "_FILE";
  if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) {
    return false;
  }
  const Setting* row = FindSetting(name.substr(0, name.size() - kSuffix.size()));
  return row != nullptr && row->secret;
}

void Reader::NoteUnknownNames(const EnvMap& from_file) {
  for (const char* name : {"LISTEN_ADDR", "TLS_KEY", "TLS_CERT"}) {
    if (env_.count(name) == 0) continue;
    out_->warnings.push_back(std::string(name) +
                             " belongs to the web server now (nginx or Apache listens and speaks "
                             "TLS); it is not used");
  }
  if (env_.count("VAULT_SKIP_VERIFY") > 0) {
    out_->warnings.emplace_back(
        "VAULT_SKIP_VERIFY is not heeded: Vault's certificate is always checked (VAULT_CACERT)");
  }
  for (const auto& [name, value] : env_) {
    if (IsKnown(name) || !(IsOurs(name) || from_file.count(name) > 0)) continue;
    if (name == "LISTEN_ADDR" || name == "TLS_KEY" || name == "TLS_CERT") continue;
    std::string_view nearest = NearestSetting(name);
    out_->warnings.push_back(
        name + " is no setting of Stateward" +
        (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?"));
  }
}

LogLevel ParseLevel(std::string_view text) {
  constexpr std::string_view kNames[] = {"fatal", "error", "warning", "info", "debug", "trace"};
  for (size_t i = 0; i < 6; ++i) {
    if (kNames[i] == text) return static_cast<LogLevel>(i);
  }
  return LogLevel::kInfo;
}

void FillVault(Reader* r, VaultConfig* v) {
  v->addr = r->Text("VAULT_ADDR");
  v->token = r->SecretOrFile("VAULT_TOKEN", &v->token_file);
  v->kube_auth_name = r->Text("VAULT_KUBE_AUTH_NAME");
  v->kube_auth_role = r->Text("VAULT_KUBE_AUTH_ROLE");
  v->kube_token_file = r->Text("VAULT_KUBE_TOKEN_FILE");
  v->approle_mount = r->Text("VAULT_APPROLE_MOUNT");
  v->approle_role_id = r->Text("VAULT_APPROLE_ROLE_ID");
  v->approle_secret_id = r->SecretOrFile("VAULT_APPROLE_SECRET_ID", &v->approle_secret_id_file);
  v->name_space = r->Text("VAULT_NAMESPACE");
  v->cacert = r->Text("VAULT_CACERT");
  v->client_cert = r->Text("VAULT_CLIENT_CERT");
  v->client_key = r->Text("VAULT_CLIENT_KEY");
  v->tls_server_name = r->Text("VAULT_TLS_SERVER_NAME");
}

// Between commas, without the blanks around.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

void FillAuth(Reader* r, Config* c) {
  c->auth_policy_file = r->Text("AUTH_POLICY_FILE");
  // Whoever has a policy knows their users by it, and secrets open namespaces only if they say so.
  bool basic_counts = c->auth_policy_file.empty() || r->IsSet("AUTH_BASIC_ENABLED");
  c->auth_basic_enabled = r->Bool("AUTH_BASIC_ENABLED") && basic_counts;
  c->auth_basic_new_tenants = r->Bool("AUTH_BASIC_NEW_TENANTS");
  c->auth_proxy_enabled = r->Bool("AUTH_PROXY_ENABLED");
  c->lock_grace_s = static_cast<int64_t>(r->Number("LOCK_GRACE"));
  if (c->auth_proxy_enabled && c->auth_policy_file.empty()) {
    r->Error("AUTH_PROXY_ENABLED needs AUTH_POLICY_FILE: its rules say what they may do");
  }
  c->auth_jwt_issuer = r->Text("AUTH_JWT_OIDC_ISSUER_URL");
  c->auth_jwt_audiences = SplitList(r->Text("AUTH_JWT_AUDIENCE"));
  c->auth_jwt_any_audience = r->Bool("AUTH_JWT_ALLOW_ANY_AUDIENCE");
  c->auth_jwt_ca_file = r->Text("AUTH_JWT_CA_FILE");
}

void FillS3(Reader* r, S3Config* c) {
  c->endpoint = r->Text("STORAGE_S3_ENDPOINT");
  c->use_ssl = r->Bool("STORAGE_S3_USE_SSL");
  c->bucket = r->Text("STORAGE_S3_BUCKET");
  c->access_key = r->SecretOrFile("STORAGE_S3_ACCESS_KEY", &c->access_key_file);
  c->secret_key = r->SecretOrFile("STORAGE_S3_SECRET_KEY", &c->secret_key_file);
  c->session_token = r->SecretOrFile("STORAGE_S3_SESSION_TOKEN", &c->session_token_file);
  c->credentials_file = r->Text("STORAGE_S3_CREDENTIALS_FILE");
  c->region = r->Text("STORAGE_S3_REGION");
  c->prefix = r->Text("STORAGE_S3_PREFIX");
  c->path_style = r->Text("STORAGE_S3_PATH_STYLE");
  c->ca_file = r->Text("STORAGE_S3_CA_FILE");
  c->sse = r->Text("STORAGE_S3_SSE");
  c->sse_kms_key_id = r->Text("STORAGE_S3_SSE_KMS_KEY_ID");
}

void Fill(Reader* r, Config* c) {
  c->fastcgi_listen = r->Text("FASTCGI_LISTEN");
  c->fastcgi_allow = r->Text("FASTCGI_ALLOW");
  c->fastcgi_peer_uids = r->Text("FASTCGI_PEER_UIDS");
  c->workers = static_cast<uint32_t>(r->Number("WORKERS"));
  c->threads = static_cast<uint32_t>(r->Number("THREADS"));
  c->runtime_dir = r->Text("RUNTIME_DIR");
  c->max_state_bytes = r->Number("MAX_STATE_BYTES");
  c->max_inflight_bytes = r->Number("MAX_INFLIGHT_BYTES");
  c->log_level = ParseLevel(r->Text("LOG_LEVEL"));
  c->log_format = r->Text("LOG_FORMAT") == "json" ? LogFormat::kJson : LogFormat::kLogfmt;
  c->metrics_listen_addr = r->Text("METRICS_LISTEN_ADDR");
  c->storage_backend = r->Text("STORAGE_BACKEND");
  c->storage_fs_dir = r->Text("STORAGE_FS_DIR");
  FillS3(r, &c->s3);
  c->storage_init = r->Bool("STORAGE_INIT");
  c->history_keep = r->Number("HISTORY_KEEP");
  c->history_days = r->Number("HISTORY_DAYS");
  c->quarantine_max_bytes = r->Number("QUARANTINE_MAX_BYTES");
  c->legacy_read = r->Bool("LEGACY_READ");
  c->postgres_connection = r->Secret("POSTGRES_CONNECTION");
  c->postgres_pool_size = static_cast<uint32_t>(r->Number("POSTGRES_POOL_SIZE"));
  c->storage_postgres_table = r->Text("STORAGE_POSTGRES_TABLE");
  c->lock_postgres_table = r->Text("LOCK_POSTGRES_TABLE");
  c->lock_backend = r->Text("LOCK_BACKEND");
  c->lock_local_dir = r->Text("LOCK_LOCAL_DIR");
  if (c->lock_local_dir.empty()) c->lock_local_dir = c->storage_fs_dir + "/locks";
  c->redis_addr = r->Text("REDIS_ADDR");
  c->redis_user = r->Text("REDIS_USER");
  c->redis_password = r->Secret("REDIS_PASSWORD");
  c->redis_sentinel_password = r->Secret("REDIS_SENTINEL_PASSWORD");
  c->redis_db = r->Number("REDIS_DB");
  c->redis_prefix = r->Text("REDIS_PREFIX");
  c->redis_cleartext = r->Text("REDIS_CLEARTEXT");
  c->lock_s3_prefix = r->Text("LOCK_S3_PREFIX");
  if (c->lock_s3_prefix.empty()) c->lock_s3_prefix = c->s3.prefix + "locks/";
  c->force_unlock_enabled = r->Bool("FORCE_UNLOCK_ENABLED");
  c->write_without_lock = r->Bool("WRITE_WITHOUT_LOCK");
  c->write_guard_strict = r->Text("WRITE_GUARD") == "strict";
  c->kms_backend = r->Text("KMS_BACKEND");
  c->kms_key = r->Secret("KMS_KEY");
  c->kms_keyring = r->Secret("KMS_KEYRING");
  c->kms_vault_key_path = r->Text("KMS_VAULT_KEY_PATH");
  c->kms_vault_poll_seconds = r->Number("KMS_VAULT_POLL_SECONDS");
  c->kms_transit_engine = r->Text("KMS_TRANSIT_ENGINE");
  c->kms_transit_key = r->Text("KMS_TRANSIT_KEY");
  c->kms_transit_exported = r->Secret("KMS_TRANSIT_EXPORTED");
  FillVault(r, &c->vault);
  FillAuth(r, c);
}

}  // namespace

EnvMap ReadEnvironment() {
  EnvMap env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    env[std::string(text.substr(0, equals))] = SecretString(text.substr(equals + 1));
  }
  return env;
}

std::string SecretFileOf(const EnvMap& environment, const std::string& name) {
  std::string path = Plain(environment, (name + "_FILE").c_str());
  const std::string credentials = Plain(environment, "CREDENTIALS_DIRECTORY");
  if (!path.empty() || credentials.empty()) return path;
  for (const std::string& file : {name, Lower(name)}) {
    std::string candidate = credentials + "/" + file;
    if (access(candidate.c_str(), F_OK) == 0) return candidate;
  }
  return "";
}

Result<std::optional<SecretString>> LookUp(const EnvMap& environment, const std::string& name) {
  const Setting* row = FindSetting(name);
  if (row != nullptr && row->secret) {
    const std::string path = SecretFileOf(environment, name);
    if (!path.empty()) {
      const bool is_key =
          name == "KMS_KEY" || name == "KMS_KEYRING" || name == "KMS_TRANSIT_EXPORTED";
      Result<SecretString> secret =
          ReadSecretFile(path, is_key ? FileAccess::kOwnerOnly : FileAccess::kGroupMayRead);
      if (!secret.ok()) return std::move(secret).status();
      return std::optional<SecretString>(std::move(*secret));
    }
  }
  auto it = environment.find(name);
  if (it == environment.end()) return std::optional<SecretString>();
  return std::optional<SecretString>(it->second);
}

LoadedConfig LoadConfig(const EnvMap& environment, const std::string& env_file) {
  LoadedConfig out;
  EnvMap from_file;
  if (!env_file.empty()) {
    Result<SecretBytes> text = ReadSmallFile(env_file, kMaxEnvFile);
    if (!text.ok()) {
      out.errors.push_back("--env-file: " + text.status().detail());
      return out;
    }
    for (std::string& problem : ParseEnvText(ByteView(*text).AsString(), &from_file)) {
      out.errors.push_back(env_file + ": " + problem);
    }
  }
  EnvMap merged = from_file;
  merged.insert(environment.begin(), environment.end());
  Reader reader(merged, &out);
  Fill(&reader, &out.config);
  out.config.s3.aws = ReadAwsEnvironment(merged);
  reader.NoteUnknownNames(from_file);
  out.config.listen_fds = Plain(environment, "LISTEN_FDS");
  out.config.listen_pid = Plain(environment, "LISTEN_PID");
  return out;
}

}  // namespace stateward
