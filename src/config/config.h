// The settings as typed values, read from the environment, an env file, secret files and systemd's
// credentials; all errors at once.
//
// The env file wins over the process environment, since a reload can read only the file anew.
// A secret NAME is taken from the file that NAME_FILE names; else from the file NAME or name in
// systemd's credentials folder; else from NAME.
#ifndef STATEWARD_CONFIG_CONFIG_H_
#define STATEWARD_CONFIG_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/aws_environment.h"
#include "config/env_file.h"
#include "stateward/secret.h"

namespace stateward {

// How Vault is reached and logged in to.
struct VaultConfig {
  std::string addr;
  SecretString token;
  std::string token_file;  // where the token is read from; "" = `token` is it
  std::string kube_auth_name;
  std::string kube_auth_role;
  std::string kube_token_file;
  std::string approle_mount;
  std::string approle_role_id;
  SecretString approle_secret_id;
  std::string approle_secret_id_file;  // as token_file
  std::string name_space;
  std::string cacert;
  std::string client_cert;
  std::string client_key;
  std::string tls_server_name;
};

// STORAGE_S3_*. Of a secret that comes from a file only the file's name is here: it may change.
struct S3Config {
  std::string endpoint;
  bool use_ssl = true;
  std::string bucket;
  SecretString access_key;
  std::string access_key_file;
  SecretString secret_key;
  std::string secret_key_file;
  SecretString session_token;
  std::string session_token_file;
  std::string credentials_file;
  std::string region;
  std::string prefix;
  std::string path_style;
  std::string ca_file;
  std::string sse;
  std::string sse_kms_key_id;
  AwsConfig aws;
};

struct Config {
  std::string fastcgi_listen;
  std::string fastcgi_allow;
  std::string fastcgi_peer_uids;
  uint32_t workers = 0;
  uint32_t threads = 0;
  std::string runtime_dir;
  uint64_t max_state_bytes = 0;
  uint64_t max_inflight_bytes = 0;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
  std::string metrics_listen_addr;

  std::string storage_backend;
  std::string storage_fs_dir;
  S3Config s3;
  bool storage_init = false;
  uint64_t history_keep = 0;
  uint64_t history_days = 0;
  uint64_t quarantine_max_bytes = 0;
  bool legacy_read = false;

  SecretString postgres_connection;
  uint32_t postgres_pool_size = 0;
  std::string storage_postgres_table;
  std::string lock_postgres_table;

  std::string lock_backend;
  std::string lock_local_dir;  // filled in when the setting is empty
  std::string redis_addr;
  std::string redis_user;
  SecretString redis_password;
  SecretString redis_sentinel_password;
  uint64_t redis_db = 0;
  std::string redis_prefix;
  std::string redis_cleartext;
  std::string lock_s3_prefix;  // filled in when the setting is empty
  bool force_unlock_enabled = false;
  bool write_without_lock = false;
  bool write_guard_strict = true;

  std::string kms_backend;
  SecretString kms_key;
  SecretString kms_keyring;
  std::string kms_vault_key_path;
  uint64_t kms_vault_poll_seconds = 0;
  std::string kms_transit_engine;
  std::string kms_transit_key;
  SecretString kms_transit_exported;
  VaultConfig vault;

  bool auth_basic_enabled = false;
  bool auth_basic_new_tenants = false;
  std::string auth_policy_file;
  bool auth_proxy_enabled = false;
  int64_t lock_grace_s = 0;
  std::string auth_jwt_issuer;
  std::vector<std::string> auth_jwt_audiences;
  bool auth_jwt_any_audience = false;
  std::string auth_jwt_ca_file;

  // From systemd or whoever started the process.
  std::string listen_fds;
  std::string listen_pid;
};

struct LoadedConfig {
  Config config;  // meaningful when errors is empty
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// The process environment. Call before threads exist.
EnvMap ReadEnvironment();
// `env_file` "" = none. Reads files, changes nothing.
LoadedConfig LoadConfig(const EnvMap& environment, const std::string& env_file);

// The file that a secret setting would be read from; "" = none.
std::string SecretFileOf(const EnvMap& environment, const std::string& name);
// One setting's value as LoadConfig would find it (secrets from their files); nullopt: not set.
// For tools that need a setting or two and must not fail because of the others.
Result<std::optional<SecretString>> LookUp(const EnvMap& environment, const std::string& name);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_CONFIG_H_
