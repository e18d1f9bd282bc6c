// The settings as typed values, read from the environment, an env file, secret files and systemd's
// credentials; all errors at once.
//
// The env file wins over the process environment, since a reload can read only the file again.
// A secret NAME is taken from the file that NAME_FILE names; else from the file NAME or name in
// systemd's credentials folder; else from NAME.
//
// The parts of a Config are the settings of the rooms that use them; config/settings.cc says which
// name goes where.
#ifndef STATEWARD_CONFIG_CONFIG_H_
#define STATEWARD_CONFIG_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_settings.h"
#include "auth/auth_settings.h"
#include "base/log.h"
#include "config/env_file.h"
#include "hooks/hook_settings.h"
#include "kms/kms_settings.h"
#include "lock/lock_settings.h"
#include "postgres/pg_settings.h"
#include "s3/s3_settings.h"
#include "state/state_settings.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "storage/storage_settings.h"

namespace stateward {

struct Config {
  std::string fastcgi_listen;
  std::string fastcgi_allow;
  std::string fastcgi_peer_uids;
  uint32_t workers = 0;
  uint32_t threads = 0;
  std::string runtime_dir;
  std::string base_path;
  uint64_t max_state_bytes = 0;
  uint64_t max_inflight_bytes = 0;
  uint64_t memory_share_percent = 0;
  uint64_t client_min_rate = 0;
  uint64_t client_rate_seconds = 0;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
  std::string metrics_listen_addr;

  StorageSettings storage;
  S3Settings s3;
  PgSettings postgres;
  LockSettings lock;
  StateRules rules;
  KmsSettings kms;
  AuthSettings auth;
  AuditSettings audit;
  HookSettings hooks;

  // From systemd, or from what started the process.
  std::string listen_fds;
  std::string listen_pid;
  std::string notify_socket;
};

struct LoadedConfig {
  Config config;  // meaningful when errors is empty
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
  // The settings that have another value than in the running process, and keep theirs there until
  // it starts again.
  std::vector<std::string> need_restart;
};

// Whether tokens of an issuer are taken as the original did (without a policy file): one is named,
// or it is Vault's own.
bool HasTokenIssuer(const Config& config);

// The process environment. Call before threads exist.
EnvMap ReadEnvironment();
// `env_file` "" = none. Reads files, changes nothing. `running`: what this process started with,
// for a reload: a setting that only a start takes keeps its value. nullptr: this is the start.
LoadedConfig LoadConfig(const EnvMap& environment, const std::string& env_file,
                        const Config* running = nullptr);

// The settings of an env file. kUnavailable: cannot be read; kPermissionDenied: it holds a secret,
// and others may read or change it (base/secret_file.h). *problems: as ParseEnvText.
Result<EnvMap> ReadEnvFile(const std::string& path, std::vector<std::string>* problems);

// A credential with this text is no setting.
inline constexpr std::string_view kNoCredential = "#none";

// The file that a secret setting would be read from; "" = none.
std::string SecretFileOf(const EnvMap& environment, const std::string& name);
// One setting's value as LoadConfig would find it (secrets from their files); nullopt: not set.
// For tools that need a setting or two and must not fail because of the others.
Result<std::optional<SecretString>> LookUp(const EnvMap& environment, const std::string& name);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_CONFIG_H_
