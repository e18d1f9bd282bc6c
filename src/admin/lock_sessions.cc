#include "admin/lock_sessions.h"

#include <algorithm>

#include "state/lock_info.h"

namespace stateward {
namespace {

constexpr char kHeld[] = "held";
constexpr char kReleased[] = "released";
constexpr char kForced[] = "forced";
constexpr char kUnknown[] = "unknown";

}  // namespace

LockSession* LockSessions::Find(const std::string& lock) {
  const auto at = std::find_if(sessions_.begin(), sessions_.end(),
                               [&](const LockSession& session) { return session.lock == lock; });
  return at == sessions_.end() ? nullptr : &*at;
}

LockSession* LockSessions::Open() {
  const bool open = !sessions_.empty() && sessions_.front().end == kHeld;
  return open ? &sessions_.front() : nullptr;
}

LockSession* LockSessions::Begin(const std::string& lock) {
  sessions_.emplace_front();
  sessions_.front().lock = lock;
  sessions_.front().end = kHeld;
  if (sessions_.size() > kMost) sessions_.pop_back();
  return &sessions_.front();
}

void LockSessions::Add(const LockEvent& event) {
  LockSession* open = Open();
  if (event.action == "lock") {
    if (Find(event.lock) != nullptr) return;    // a repeat
    if (open != nullptr) open->end = kUnknown;  // its end stands in another host's trail
    LockSession* begun = Begin(event.lock);
    begun->principal = event.principal;
    begun->since_ms = event.time_ms;
    return;
  }
  const bool is_open = open != nullptr && (event.lock.empty() || event.lock == open->lock);
  if (!is_open) {
    // A repeat, or one of a free state; or a forced one of a lock that was taken by another host.
    if (event.action != "force unlock" || Find(event.lock) != nullptr) return;
    if (open != nullptr) open->end = kUnknown;
    open = Begin(event.lock);
  }
  open->until_ms = event.time_ms;
  const bool own = event.action == "unlock" && event.principal == open->principal;
  open->end = own ? kReleased : kForced;
  if (own) return;
  open->ended_by = event.principal;
  open->reason = event.reason;
}

void LockSessions::Add(const VersionInfo& version) {
  if (version.lock_id.empty() || version.kind == RecordKind::kNoOp) return;
  LockSession* session = Find(version.lock_id);
  if (session == nullptr) {
    if (sessions_.size() >= kMost) return;
    sessions_.emplace_back();
    session = &sessions_.back();
    session->lock = version.lock_id;
    session->principal = version.writer;
    session->end = kUnknown;
  }
  session->operation = version.operation;
  ++session->versions;
}

void LockSessions::End(const std::optional<LockRecord>& holder, int64_t now_ms) {
  LockSession* open = Open();
  if (open != nullptr && (!holder || holder->id != open->lock)) {
    open->end = kUnknown;
    open = nullptr;
  }
  if (!holder) return;
  if (open == nullptr) open = Find(holder->id);
  if (open == nullptr) open = Begin(holder->id);
  open->end = kHeld;
  open->principal = holder->principal;
  open->operation = holder->operation;
  open->since_ms = holder->time_ms;
  open->reason = TokenEnded(ReadLockClient(holder->info), now_ms);
}

std::vector<LockSession> LockSessions::Forced() const {
  std::vector<LockSession> forced;
  for (const LockSession& session : sessions_) {
    if (session.end == kForced) forced.push_back(session);
  }
  return forced;
}

}  // namespace stateward
