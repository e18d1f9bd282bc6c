#include "cli/command_trail.h"

#include <utility>

#include "admin/caller.h"
#include "audit/audit_line.h"
#include "audit/chain_end.h"
#include "state/store_secret.h"
#include "stateward/clock.h"
#include "stateward/disk.h"

namespace stateward {

std::unique_ptr<TrailWriter> OpenCommandTrail(const Config& config, Backends& backends,
                                              Observer& observer, const Log& log) {
  if (!config.audit.on()) return nullptr;
  TrailOptions options;
  options.settings = config.audit;
  options.end_path = ChainEndPath(config.audit.file, config.runtime_dir);
  // Of a closed store, too: a command may have closed it.
  const auto key = [&backends]() -> Result<SecretBytes> {
    Result<StoreIdentity> identity = backends.storage->ReadIdentity();
    if (!identity.ok()) return std::move(identity).status();
    Result<SecretBytes> secret = OpenStoreSecret(*backends.kms, *identity);
    return secret.ok() ? Result<SecretBytes>(AuditKey(*secret)) : std::move(secret).status();
  };
  return std::make_unique<TrailWriter>(std::move(options), key, PosixDisk(), SystemClock(),
                                       observer, log);
}

CommandTrail::CommandTrail(const Config& config, Backends& backends, const std::string& user,
                           std::string action, std::string what)
    : trail_(OpenCommandTrail(config, backends, observer_, log_)) {
  const Caller caller = LocalCaller(user);
  event_.time_ms = SystemClock().NowMs();
  event_.principal = caller.principal;
  event_.identity = caller.IdentityFor({});
  event_.action = std::move(action);
  event_.reason = std::move(what);
}

Status CommandTrail::Begin() {
  if (trail_ == nullptr) return Status();
  AuditHead head;
  return trail_->Intend(&event_, AuditNeed::kBegins, &head);
}

void CommandTrail::NoteRead(const StateKey& key, const AuditVersion& version) {
  if (trail_ == nullptr) return;
  AuditEvent event = event_;
  event.time_ms = SystemClock().NowMs();
  event.project = key.project;
  event.name = key.name;
  event.tenant = key.tenant;
  event.facts.before = event.facts.after = version;
  trail_->Note(event);
}

Status CommandTrail::End(Status end) {
  if (trail_ == nullptr) return end;
  event_.result = end.ok() ? AuditResult::kDone : AuditResult::kFailed;
  if (!end.ok()) event_.reason += ": " + end.detail();
  trail_->Note(event_);
  (void)trail_->Flush();  // the log says why not
  return end;
}

}  // namespace stateward
