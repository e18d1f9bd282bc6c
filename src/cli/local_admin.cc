#include "cli/local_admin.h"

#include <utility>

#include "stateward/clock.h"

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
  out->trail_ = OpenCommandTrail(config, b, out->observer_, out->log_);
  out->service_ = std::make_unique<AdminService>(
      AdminParts{*b.storage, *b.locker, *b.kms, *out->gate_, *out->states_, SystemClock(), rules,
                 rules.uploads, config.audit.file, out->trail_.get()});
  return out;
}

}  // namespace stateward
