#include "cli/local_admin.h"

#include <utility>

#include "audit/audit_line.h"
#include "audit/chain_end.h"
#include "state/store_secret.h"
#include "stateward/clock.h"
#include "stateward/disk.h"

namespace stateward {

Result<std::unique_ptr<LocalAdmin>> LocalAdmin::Open(const CliContext& cli, For purpose) {
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return std::move(store).status();
  std::unique_ptr<LocalAdmin> out(new LocalAdmin);
  out->store_ = *std::move(store);
  Backends& b = out->store_->backends;
  const Config& config = out->store_->config;
  out->gate_ = std::make_unique<StoreGate>(*b.storage, *b.locker, config.rules.read_only);
  StateRules rules = config.rules;
  rules.write.write_without_lock = true;
  rules.force_unlock_enabled = true;
  rules.new_tenants = true;
  if (purpose == For::kAdoption) {
    rules.write.legacy_read = true;
    rules.hold_names = false;
  }
  out->states_ = std::make_unique<StateService>(*b.storage, *b.locker, *b.kms, *out->gate_,
                                                SystemClock(), out->observer_, out->log_, rules);
  out->OpenTrail();
  out->service_ = std::make_unique<AdminService>(
      AdminParts{*b.storage, *b.locker, *b.kms, *out->gate_, *out->states_, SystemClock(), rules,
                 rules.uploads, config.audit.file, out->trail_.get()});
  return out;
}

// Its lines go where the server's go.
void LocalAdmin::OpenTrail() {
  const Config& config = store_->config;
  if (!config.audit.on()) return;
  TrailOptions options;
  options.settings = config.audit;
  options.end_path = ChainEndPath(config.audit.file, config.runtime_dir);
  const auto key = [this]() -> Result<SecretBytes> {
    StoreSecret secret;
    Backends& b = store_->backends;
    Result<SecretBytes> found = secret.Get(*gate_, *b.storage, *b.kms);
    return found.ok() ? Result<SecretBytes>(AuditKey(*found)) : std::move(found).status();
  };
  trail_ = std::make_unique<TrailWriter>(std::move(options), key, PosixDisk(), SystemClock(),
                                         observer_, log_);
}

}  // namespace stateward
