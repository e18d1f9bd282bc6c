#include "app/kept_kms.h"

#include <utility>

#include "metrics/metered.h"

namespace stateward {

KmsSettings KmsSettingsOf(const Config& config) {
  KmsSettings s;
  s.backend = config.kms_backend;
  s.key = config.kms_key;
  s.keyring = config.kms_keyring;
  s.vault_key_path = config.kms_vault_key_path;
  s.vault_poll_seconds = config.kms_vault_poll_seconds;
  s.transit_engine = config.kms_transit_engine;
  s.transit_key = config.kms_transit_key;
  s.transit_exported = config.kms_transit_exported;
  const VaultConfig& vault = config.vault;
  s.vault.address = vault.addr;
  s.vault.name_space = vault.name_space;
  s.vault.ca_file = vault.cacert;
  s.vault.client_cert = vault.client_cert;
  s.vault.client_key = vault.client_key;
  s.vault.tls_server_name = vault.tls_server_name;
  VaultAuth& auth = s.vault.auth;
  auth.token = vault.token;
  auth.token_file = vault.token_file;
  auth.approle_mount = vault.approle_mount;
  auth.approle_role_id = vault.approle_role_id;
  auth.approle_secret_id = vault.approle_secret_id;
  auth.approle_secret_id_file = vault.approle_secret_id_file;
  auth.kube_mount = vault.kube_auth_name;
  auth.kube_role = vault.kube_auth_role;
  auth.kube_token_file = vault.kube_token_file;
  return s;
}

Result<std::shared_ptr<Kms>> KeptKms::Get(const Config& config, Observer& observer,
                                          const Log& log) {
  KmsSettings settings = KmsSettingsOf(config);
  if (kms_ != nullptr && SameKms(settings, settings_)) return kms_;
  Result<std::unique_ptr<Kms>> opened = OpenKms(settings, &log);
  if (!opened.ok()) return std::move(opened).status();
  kms_ = MeterKms(*std::move(opened), observer, SystemClock());
  settings_ = std::move(settings);
  return kms_;
}

}  // namespace stateward
