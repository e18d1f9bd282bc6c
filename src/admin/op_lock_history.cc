// Who held a state's lock, and how it ended.
#include <optional>
#include <string>
#include <utility>

#include "admin/audit_files.h"
#include "admin/find_state.h"
#include "admin/lock_sessions.h"
#include "admin/run.h"
#include "admin/state_versions.h"
#include "audit/audit_line.h"
#include "state/lock_rights.h"

namespace stateward {
namespace {

std::string TextOf(const AuditLine& line, const char* member) {
  return line.json.String(member).value_or("");
}

// nullopt: it says nothing of this state's lock.
std::optional<LockEvent> EventOf(const AuditLine& line, const std::string& state) {
  if (line.kind != kAuditDone || TextOf(line, "state") != state ||
      TextOf(line, "result") != "done") {
    return std::nullopt;
  }
  LockEvent event;
  event.action = TextOf(line, "action");
  if (event.action != "lock" && event.action != "unlock" && event.action != "force unlock") {
    return std::nullopt;
  }
  event.lock = TextOf(line, "lock_id");
  // A forced one that found nothing to release names none. Of the operation that means any.
  if (event.action == "force unlock" && event.lock.empty()) return std::nullopt;
  event.principal = TextOf(line, "principal");
  event.reason = TextOf(line, "reason");
  std::string seconds = TextOf(line, "time");  // "2026-11-26T12:00:00.123Z"
  if (seconds.size() > 20) seconds = seconds.substr(0, 19) + "Z";
  (void)ParseTimeText(seconds, &event.time_ms);
  return event;
}

Status AddTrail(const Call& call, const std::string& state, LockSessions* sessions) {
  Result<SecretBytes> key = TrailKey(call.service);
  if (!key.ok()) return std::move(key).status();
  Result<std::vector<std::string>> files = TrailFiles(call.service, {});
  if (!files.ok()) return std::move(files).status();
  // Cheap enough to tell the lines that may be meant from all others, before their MACs are made.
  const std::string mark = "\"state\":\"" + state + "\"";
  return EachTrailLine(*files, nullptr, [&](const std::string&, std::string_view text, bool) {
    if (text.find(mark) == std::string_view::npos) return true;
    Result<AuditLine> line = ReadAuditLine(*key, text);
    if (!line.ok()) return true;  // `audit verify` names it
    std::optional<LockEvent> event = EventOf(*line, state);
    if (event) sessions->Add(*event);
    return true;
  });
}

Row SessionRow(const LockSession& session) {
  return {
      TextOrNull(session.lock),     TextOrNull(session.principal), TextOrNull(session.operation),
      TimeOrNull(session.since_ms), TimeOrNull(session.until_ms),  Value(session.end),
      TextOrNull(session.ended_by), TextOrNull(session.reason),    Value(session.versions)};
}

}  // namespace

Result<Reply> RunLockHistory(const Call& call) {
  Result<FoundState> state = FindState(call);
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
    STATEWARD_RETURN_IF_ERROR(AddTrail(call, StateText(state->key), &sessions));
  }
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(*history, state->id, [&](uint64_t, const Result<SealedInfo>& info) {
        if (info.ok()) sessions.Add(info->version);
        return true;
      }));
  const LockKey key = LockKeyOf(state->grant, call.service.rules().write.legacy_read);
  Result<LockView> view = call.service.locker().Look(key);
  if (!view.ok()) return std::move(view).status();
  sessions.End(view->holder);
  for (const LockSession& session : sessions.all()) reply.rows.push_back(SessionRow(session));
  return reply;
}

}  // namespace stateward
