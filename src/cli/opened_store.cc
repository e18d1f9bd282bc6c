#include "cli/opened_store.h"

#include <optional>
#include <utility>

#include "base/sha256.h"
#include "state/store_gate.h"

namespace stateward {
namespace {

// Fills *to from the setting, if it is set.
Status Read(const CliContext& cli, const char* name, SecretString* to) {
  Result<std::optional<SecretString>> value = cli.setting(name);
  if (!value.ok()) return Status(value.status()).At(name);
  if (*value && !(*value)->empty()) *to = **std::move(value);
  return Status();
}

Status Read(const CliContext& cli, const char* name, std::string* to) {
  SecretString value;
  STATEWARD_RETURN_IF_ERROR(Read(cli, name, &value));
  if (!value.empty()) *to = std::string(value.Reveal());
  return Status();
}

}  // namespace

Result<KmsSettings> KmsSettingsOf(const CliContext& cli) {
  KmsSettings s;
  s.transit_engine = "transit";
  s.vault.auth.kube_token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  for (const auto& [name, to] : std::initializer_list<std::pair<const char*, SecretString*>>{
           {"KMS_KEY", &s.key},
           {"KMS_KEYRING", &s.keyring},
           {"KMS_TRANSIT_EXPORTED", &s.transit_exported},
           {"VAULT_TOKEN", &s.vault.auth.token},
           {"VAULT_APPROLE_SECRET_ID", &s.vault.auth.approle_secret_id}}) {
    STATEWARD_RETURN_IF_ERROR(Read(cli, name, to));
  }
  for (const auto& [name, to] : std::initializer_list<std::pair<const char*, std::string*>>{
           {"KMS_BACKEND", &s.backend},
           {"KMS_VAULT_KEY_PATH", &s.vault_key_path},
           {"KMS_TRANSIT_ENGINE", &s.transit_engine},
           {"KMS_TRANSIT_KEY", &s.transit_key},
           {"VAULT_ADDR", &s.vault.address},
           {"VAULT_NAMESPACE", &s.vault.name_space},
           {"VAULT_CACERT", &s.vault.ca_file},
           {"VAULT_CLIENT_CERT", &s.vault.client_cert},
           {"VAULT_CLIENT_KEY", &s.vault.client_key},
           {"VAULT_TLS_SERVER_NAME", &s.vault.tls_server_name},
           {"VAULT_APPROLE_MOUNT", &s.vault.auth.approle_mount},
           {"VAULT_APPROLE_ROLE_ID", &s.vault.auth.approle_role_id},
           {"VAULT_KUBE_AUTH_NAME", &s.vault.auth.kube_mount},
           {"VAULT_KUBE_AUTH_ROLE", &s.vault.auth.kube_role},
           {"VAULT_KUBE_TOKEN_FILE", &s.vault.auth.kube_token_file}}) {
    STATEWARD_RETURN_IF_ERROR(Read(cli, name, to));
  }
  return s;
}

Result<std::unique_ptr<OpenedStore>> OpenStore(const CliContext& cli) {
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), cli.env_file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  auto out = std::make_unique<OpenedStore>();
  out->config = std::move(loaded.config);
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(KmsSettingsOf(out->config));
  if (!kms.ok()) return std::move(kms).status();
  out->kms = *std::move(kms);
  Result<Backends> backends = OpenBackends(out->config, PosixDisk(), out->kms);
  if (!backends.ok()) return std::move(backends).status();
  out->backends = *std::move(backends);
  StoreGate gate(*out->backends.storage, *out->backends.locker);
  Result<std::shared_ptr<const StoreMarker>> store = gate.Store();
  if (!store.ok()) return std::move(store).status();
  out->store_id = (*store)->store_id;
  return out;
}

Result<std::vector<StateId>> AllStates(Storage& storage) {
  std::vector<StateId> all;
  const Status listed = storage.List([&all](const StateId& id) {
    all.push_back(id);
    return true;
  });
  if (!listed.ok()) return listed;
  return all;
}

Result<KeyTag> TagOfRecord(Storage& storage, const StateId& id, uint64_t n) {
  Result<Bytes> prefix = storage.GetPrefix(id, n, kFixedHeader + kMaxWrapped);
  if (!prefix.ok()) return std::move(prefix).status();
  Result<Header> header = ParseHeader(*prefix);
  if (!header.ok()) return std::move(header).status();
  return TagOf(*header);
}

Result<KeyTag> SealingTag(EnvelopeKms& kms) {
  SealContext where;
  where.store_id = std::string(32, '0');
  SealedInfo info;
  info.key = {"", "check", "check"};
  where.id = StateId::Of(info.key);
  info.version.sha256 = Sha256(std::string_view());
  Result<Bytes> record = kms.Seal(where, info, {});
  if (!record.ok()) return std::move(record).status();
  Result<Header> header = ParseHeader(*record);
  if (!header.ok()) return std::move(header).status();
  return TagOf(*header);
}

}  // namespace stateward
