#include "app/backend_settings.h"

#include <string>
#include <utility>

namespace stateward {
namespace {

S3Settings S3SettingsOf(const S3Config& c) {
  S3Settings s;
  s.endpoint = c.endpoint;
  s.use_ssl = c.use_ssl;
  s.bucket = c.bucket;
  s.region = c.region;
  s.prefix = c.prefix;
  s.path_style = c.path_style;
  s.ca_file = c.ca_file;
  s.sse = c.sse;
  s.sse_kms_key_id = c.sse_kms_key_id;
  S3CredentialSettings& k = s.credentials;
  k.access_key = c.access_key;
  k.access_key_file = c.access_key_file;
  k.secret_key = c.secret_key;
  k.secret_key_file = c.secret_key_file;
  k.session_token = c.session_token;
  k.session_token_file = c.session_token_file;
  k.credentials_file = c.credentials_file;
  k.aws = {c.aws.access_key_id,
           c.aws.secret_access_key,
           c.aws.session_token,
           c.aws.region,
           c.aws.role_arn,
           c.aws.role_session_name,
           c.aws.web_identity_token_file,
           c.aws.sts_endpoint,
           c.aws.container_relative_uri,
           c.aws.container_full_uri,
           c.aws.container_token_file,
           c.aws.container_token,
           c.aws.metadata_endpoint,
           c.aws.metadata_disabled};
  return s;
}

// Where the store is, and what guards it.
constexpr std::string Config::*kFixed[] = {
    &Config::storage_backend, &Config::storage_fs_dir, &Config::lock_backend,
    &Config::lock_local_dir,  &Config::lock_s3_prefix, &Config::redis_addr,
    &Config::redis_prefix,    &Config::kms_backend,
};
constexpr std::string S3Config::*kFixedS3[] = {
    &S3Config::endpoint,   &S3Config::bucket,  &S3Config::region, &S3Config::prefix,
    &S3Config::path_style, &S3Config::ca_file, &S3Config::sse,    &S3Config::sse_kms_key_id,
};

// True when it was another.
template <typename T>
bool Keep(const T& old, T* now) {
  bool moved = old != *now;
  *now = old;
  return moved;
}

}  // namespace

StorageSettings StorageSettingsOf(const Config& config) {
  StorageSettings s;
  s.backend = config.storage_backend;
  s.fs_dir = config.storage_fs_dir;
  s.quarantine_max_bytes = config.quarantine_max_bytes;
  s.s3 = S3SettingsOf(config.s3);
  if (config.lock_backend == "s3") s.lock_s3_prefix = config.lock_s3_prefix;
  return s;
}

LockSettings LockSettingsOf(const Config& config) {
  LockSettings s;
  s.backend = config.lock_backend;
  s.local_dir = config.lock_local_dir;
  s.redis.address = config.redis_addr;
  s.redis.user = config.redis_user;
  s.redis.password = config.redis_password;
  s.redis.sentinel_password = config.redis_sentinel_password;
  s.redis.database = config.redis_db;
  s.redis.cleartext = config.redis_cleartext;
  // One for each thread, and one for the gauges.
  s.redis.max_connections = config.threads + 1;
  s.redis_prefix = config.redis_prefix;
  s.s3 = S3SettingsOf(config.s3);
  s.s3_prefix = config.lock_s3_prefix;
  return s;
}

void KeepFixedSettings(const Config& old, Config* config, const Log& log) {
  bool moved = Keep(old.s3.use_ssl, &config->s3.use_ssl);
  moved |= Keep(old.redis_db, &config->redis_db);
  for (auto field : kFixed) moved |= Keep(old.*field, &(config->*field));
  for (auto field : kFixedS3) moved |= Keep(old.s3.*field, &(config->s3.*field));
  if (moved)
    log.Warning("STORAGE_*, LOCK_*, REDIS_ADDR and KMS_BACKEND change only with a new start");
  config->redis_cleartext = old.redis_cleartext;
  config->postgres_connection = old.postgres_connection;
  config->postgres_pool_size = old.postgres_pool_size;
  config->storage_postgres_table = old.storage_postgres_table;
  config->lock_postgres_table = old.lock_postgres_table;
}

}  // namespace stateward
