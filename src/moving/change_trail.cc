#include "moving/change_trail.h"

namespace stateward {

ChangeTrail::ChangeTrail(AuditTrail* trail, const Clock& clock, const std::string& who,
                         const std::string& action, const StateKey& key, const std::string& reason)
    : trail_(trail) {
  event_.time_ms = clock.NowMs();
  event_.principal = who;
  event_.identity.way = "admin";
  event_.action = action;
  event_.project = key.project;
  event_.name = key.name;
  event_.tenant = key.tenant;
  event_.reason = reason;
}

Status ChangeTrail::Begin(AuditHead* head) {
  if (trail_ == nullptr) return Status();
  return trail_->Intend(&event_, AuditNeed::kBegins, head);
}

void ChangeTrail::End(const Status& end) {
  if (trail_ == nullptr) return;
  event_.result = end.ok() ? AuditResult::kDone : AuditResult::kFailed;
  if (!end.ok()) event_.reason = end.detail();
  trail_->Note(event_);
}

}  // namespace stateward
