// Who held a state's lock, and how it ended.
#include <utility>

#include "admin/find_state.h"
#include "admin/lock_sessions.h"
#include "admin/lock_trail.h"
#include "admin/run.h"
#include "admin/state_versions.h"
#include "state/lock_rights.h"

namespace stateward {
namespace {

Row SessionRow(const LockSession& session) {
  return {
      TextOrNull(session.lock),     TextOrNull(session.principal), TextOrNull(session.operation),
      TimeOrNull(session.since_ms), TimeOrNull(session.until_ms),  Value(session.end),
      TextOrNull(session.ended_by), TextOrNull(session.reason),    Value(session.versions)};
}

}  // namespace

Result<Reply> RunLockHistory(const Call& call) {
  Result<FoundState> state = FindState(call, RecordsGone::kSeen);
  if (!state.ok()) return std::move(state).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Reply reply;
  LockSessions sessions;
  if (call.service.audit_file().empty()) {
    reply.note =
        "AUDIT_FILE is not set: how locks ended is not known, nor are those that wrote "
        "nothing";
  } else {
    Result<TrailRead> read = AddLockTrail(call.service, state->key, 0, &sessions);
    if (!read.ok()) return std::move(read).status();
    if (!read->whole) reply.note = kOlderLeftOut;
  }
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(*history, state->id, [&](uint64_t, const Result<SealedInfo>& info) {
        if (info.ok()) sessions.Add(info->version);
        return true;
      }));
  const LockKey key = LockKeyOf(state->grant, call.service.rules().write.legacy_read);
  Result<LockView> view = call.service.locker().Look(key);
  if (!view.ok()) return std::move(view).status();
  std::vector<LockRecord> holders = std::move(view->plans);
  if (view->holder) holders.push_back(*std::move(view->holder));
  sessions.End(holders, call.service.clock().NowMs());
  for (const LockSession& session : sessions.all()) reply.rows.push_back(SessionRow(session));
  return reply;
}

}  // namespace stateward
