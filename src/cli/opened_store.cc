#include "cli/opened_store.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/sha256.h"
#include "config/setting_value.h"
#include "config/settings.h"
#include "state/store_gate.h"

namespace stateward {
namespace {

bool IsOfKeys(std::string_view name) {
  return name.substr(0, 4) == "KMS_" || name.substr(0, 6) == "VAULT_";
}

}  // namespace

Result<KmsSettings> KmsSettingsOf(const CliContext& cli) {
  Config config;
  for (const Setting& row : Settings()) {
    if (!IsOfKeys(row.name)) continue;
    Result<std::optional<SecretString>> value = cli.setting(std::string(row.name));
    // As LoadConfig: a setting that cannot be read is a wrong one.
    if (!value.ok()) {
      return Status::InvalidArgument(std::string(row.name) + ": " + value.status().detail());
    }
    const bool set = value->has_value() && !(*value)->empty();
    const std::string wrong = set ? WhatIsWrong(row, (*value)->Reveal()) : "";
    if (!wrong.empty()) return Status::InvalidArgument(std::string(row.name) + " " + wrong);
    PutSetting(row, set ? **value : SecretString(row.fallback), &config);
  }
  return config.kms;
}

Result<std::unique_ptr<OpenedStore>> OpenStore(const CliContext& cli) {
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), cli.env_file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  auto out = std::make_unique<OpenedStore>();
  out->config = std::move(loaded.config);
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(out->config.kms);
  if (!kms.ok()) return std::move(kms).status();
  out->kms = *std::move(kms);
  Result<Backends> backends = OpenBackends(out->config, PosixDisk(), out->kms);
  if (!backends.ok()) return std::move(backends).status();
  out->backends = *std::move(backends);
  StoreGate gate(*out->backends.storage, *out->backends.locker, out->config.rules.read_only);
  Result<std::shared_ptr<const StoreIdentity>> store = gate.Store();
  if (!store.ok()) return std::move(store).status();
  out->store_id = (*store)->store_id;
  return out;
}

Result<std::vector<StateId>> AllStates(Records& records) {
  std::vector<StateId> all;
  const Status listed = records.List([&all](const StateId& id) {
    all.push_back(id);
    return true;
  });
  if (!listed.ok()) return listed;
  return all;
}

Result<KeyTag> TagOfRecord(Records& records, const StateId& id, uint64_t n) {
  Result<Bytes> prefix = records.GetPrefix(id, n, kFixedHeader + kMaxWrapped);
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
