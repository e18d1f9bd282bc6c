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

// Plans hold a lock together, so several sessions may be open. Of those whose end stands in another
// host's trail that is told only by the lock itself (End).
std::vector<LockSession*> LockSessions::EndedBy(const LockEvent& event) {
  std::vector<LockSession*> ended;
  if (event.lock.empty()) {
    const bool open = !sessions_.empty() && sessions_.front().end == kHeld;
    if (open) ended.push_back(&sessions_.front());
    return ended;
  }
  const auto add = [&](const std::string& lock) {
    LockSession* session = Find(lock);
    if (session != nullptr && session->end == kHeld) ended.push_back(session);
  };
  add(event.lock);
  if (!ended.empty()) return ended;
  for (size_t at = 0; at < event.lock.size();) {
    const size_t end = std::min(event.lock.find(' ', at), event.lock.size());
    add(event.lock.substr(at, end - at));
    at = end + 1;
  }
  return ended;
}

LockSession* LockSessions::Begin(const std::string& lock) {
  sessions_.emplace_front();
  sessions_.front().lock = lock;
  sessions_.front().end = kHeld;
  if (sessions_.size() > kMost) sessions_.pop_back();
  return &sessions_.front();
}

void LockSessions::Add(const LockEvent& event) {
  if (event.action == "lock") {
    if (Find(event.lock) != nullptr) return;  // a repeat
    LockSession* begun = Begin(event.lock);
    begun->principal = event.principal;
    begun->since_ms = event.time_ms;
    return;
  }
  std::vector<LockSession*> ended = EndedBy(event);
  if (ended.empty()) {
    // A repeat, or one of a free state; or a forced one of a lock that was taken by another host.
    if (event.action != "force unlock" || Find(event.lock) != nullptr) return;
    ended.push_back(Begin(event.lock));
  }
  for (LockSession* session : ended) {
    session->until_ms = event.time_ms;
    const bool own = event.action == "unlock" && event.principal == session->principal;
    session->end = own ? kReleased : kForced;
    if (own) continue;
    session->ended_by = event.principal;
    session->reason = event.reason;
  }
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

void LockSessions::End(const std::vector<LockRecord>& holders, int64_t now_ms) {
  for (LockSession& session : sessions_) {
    if (session.end == kHeld) session.end = kUnknown;
  }
  for (const LockRecord& holder : holders) {
    LockSession* open = Find(holder.id);
    if (open == nullptr) open = Begin(holder.id);
    open->end = kHeld;
    // Of a plan a long principal is not kept whole.
    if (!holder.shared || open->principal.empty()) open->principal = holder.principal;
    open->operation = holder.operation;
    open->since_ms = holder.time_ms;
    open->until_ms = 0;
    open->reason = TokenEnded(ReadLockClient(holder.info), now_ms);
  }
}

std::vector<LockSession> LockSessions::Forced() const {
  std::vector<LockSession> forced;
  for (const LockSession& session : sessions_) {
    if (session.end == kForced) forced.push_back(session);
  }
  return forced;
}

}  // namespace stateward
