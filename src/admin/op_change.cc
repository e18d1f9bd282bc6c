// Changes of one state: an older version put back, deleted, taken back.
#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "admin/locked_change.h"
#include "admin/run.h"
#include "admin/state_diff.h"
#include "admin/state_versions.h"
#include "base/sha256.h"
#include "base/state_name.h"
#include "document/document_scanner.h"
#include "state/guard.h"

namespace stateward {
namespace {

// The newest version cannot be read, and nobody knows its serial. So far above the largest one that
// is known, that no plan which was made from a lost version has the serial of what takes its place:
// more than the writes of many days.
constexpr uint64_t kLostSerials = 1000;

// The largest serial of all records that can be read: where the newest cannot.
Result<uint64_t> LargestSerial(const History& history, const StateId& id) {
  uint64_t largest = 0;
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(history, id, [&largest](uint64_t, const Result<SealedInfo>& info) {
        if (info.ok()) largest = std::max(largest, info->version.serial);
        return true;
      }));
  return largest;
}

// The bytes of `document` with another serial. Nothing else of it changes.
SecretBytes WithSerial(const SecretBytes& document, const DocumentInfo& info, uint64_t serial) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, serial).ptr;
  SecretBytes out;
  out.reserve(document.size() + sizeof digits);
  const auto at = document.begin() + static_cast<ptrdiff_t>(info.serial_at);
  out.insert(out.end(), document.begin(), at);
  out.insert(out.end(), digits, end);
  out.insert(out.end(), at + static_cast<ptrdiff_t>(info.serial_digits), document.end());
  return out;
}

// What takes the place of the newest version.
Result<SecretBytes> RolledBack(const History& history, const FoundState& state,
                               const Newest& newest, uint64_t to, bool lineage_changes) {
  Result<Opened> old = OpenDocument(history, state, to);
  if (!old.ok()) return std::move(old).status();
  Result<DocumentInfo> info = ScanDocument(old->document);
  if (!info.ok()) return std::move(info).status();
  if (info->encrypted) {
    return Status(Code::kConflict,
                  "the client encrypted this version, and its serial is part of what it sealed: "
                  "write it to a file with `get --version " +
                      std::to_string(to) +
                      "`, decrypt it with the client's keys, and push it with `state push -force`");
  }
  const bool known = newest.version && newest.unreadable.ok();
  if (known && to == newest.real && newest.version->info.kind == RecordKind::kState) {
    return Status(Code::kConflict, "this is the newest version already");
  }
  if (known && info->lineage != newest.version->info.lineage && !lineage_changes) {
    return Status(Code::kConflict,
                  "version " + std::to_string(to) +
                      " has another lineage than the newest one: say --lineage-changes if that is "
                      "what you want");
  }
  // What was sealed with an unknown key has a serial, too.
  const bool lost = newest.unreadable.code() == Code::kCorruption;
  if (!known && !lost && !newest.unreadable.ok()) return newest.unreadable;
  Result<uint64_t> serial =
      known ? Result<uint64_t>(newest.version->info.serial) : LargestSerial(history, state.id);
  if (!serial.ok()) return std::move(serial).status();
  const uint64_t step = known ? 1 : kLostSerials;
  if (*serial > std::numeric_limits<uint64_t>::max() - step) {
    return Status(Code::kConflict, "the newest version has the largest serial that there is");
  }
  return WithSerial(old->document, *info, *serial + step);
}

Result<Reply> DryRun(const Call& call, const FoundState& state) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  if (call.args.Has("if-version") && call.args.Number("if-version") != state.newest.real) {
    return Status(Code::kConflict,
                  "the newest version is " + std::to_string(state.newest.real) + " by now");
  }
  const uint64_t to = call.args.Number("to");
  Result<SecretBytes> document =
      RolledBack(*history, state, state.newest, to, call.args.Flag("lineage-changes"));
  if (!document.ok()) return std::move(document).status();
  Result<DocumentInfo> info = ScanDocument(*document);
  if (!info.ok()) return std::move(info).status();
  Changed would;
  would.n = state.newest.head + 1;
  would.info.serial = info->serial;
  would.info.lineage = info->lineage;
  would.info.size = document->size();
  would.info.sha256 = Sha256(*document);
  document->clear();
  Reply reply;
  reply.rows.push_back(ChangeRow(state, "would be rolled back", would));
  const bool there = state.newest.version && state.newest.version->info.kind == RecordKind::kState;
  if (there && state.newest.unreadable.ok() && state.newest.real > 0) {
    Result<std::string> lines = DiffLines(*history, state, state.newest.real, to);
    if (!lines.ok()) return std::move(lines).status();
    reply.note = *std::move(lines);
  }
  reply.note += "To do it: rollback " + StateText(state.key) + " --to " + std::to_string(to) +
                " --if-version " + std::to_string(state.newest.real);
  return reply;
}

StateAnswer Undelete(const Call& call, const ChangeUnderLock& with) {
  if (!with.newest.version || !with.newest.unreadable.ok() ||
      with.newest.version->info.kind != RecordKind::kTombstone) {
    return ChangeFailed({Code::kConflict, StateText(with.state.key) + " is not deleted"});
  }
  const std::string rollback =
      "; `rollback " + StateText(with.state.key) + " --to N` puts an older version in its place";
  Result<uint64_t> n = NewestDocument(with.history, with.state, with.newest.head);
  if (!n.ok()) return ChangeFailed({n.status().code(), n.status().detail() + rollback});
  Result<Opened> last = OpenDocument(with.history, with.state, *n);
  if (!last.ok()) return ChangeFailed(last.status());
  const VersionInfo& deleted = with.newest.version->info;
  const VersionInfo& left = last->info.version;
  if (left.serial != deleted.serial || left.lineage != deleted.lineage) {
    return ChangeFailed({Code::kConflict, "the last version before the deletion (serial " +
                                              std::to_string(deleted.serial) +
                                              ") is gone; the newest that is left is version " +
                                              std::to_string(*n) + rollback});
  }
  return call.service.states().Put(with.state.grant, with.lock_id, last->document, with.note,
                                   LockFor::kOperation);
}

}  // namespace

Result<Reply> RunRollback(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  if (call.args.Flag("dry-run")) return DryRun(call, *state);
  const bool lineage_changes = call.args.Flag("lineage-changes");
  const uint64_t to = call.args.Number("to");
  Reply reply;
  Result<Changed> changed = RunLockedChange(
      call, *state, lineage_changes ? kOperationRollbackLineage : kOperationRollback,
      [&](const ChangeUnderLock& with) {
        Result<SecretBytes> document =
            RolledBack(with.history, with.state, with.newest, to, lineage_changes);
        if (!document.ok()) {
          return ChangeFailed(document.status());
        }
        return call.service.states().Put(with.state.grant, with.lock_id, *document, with.note,
                                         LockFor::kOperation);
      },
      &reply);
  return ChangeReply(*state, "rolled back", std::move(changed), std::move(reply));
}

Result<Reply> RunDelete(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  Reply reply;
  Result<Changed> changed = RunLockedChange(
      call, *state, kOperationDelete,
      [&](const ChangeUnderLock& with) {
        return call.service.states().Delete(with.state.grant, with.lock_id, with.note,
                                            LockFor::kOperation);
      },
      &reply);
  return ChangeReply(*state, "deleted", std::move(changed), std::move(reply));
}

Result<Reply> RunUndelete(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  Reply reply;
  Result<Changed> changed = RunLockedChange(
      call, *state, kOperationUndelete,
      [&](const ChangeUnderLock& with) { return Undelete(call, with); }, &reply);
  return ChangeReply(*state, "undeleted", std::move(changed), std::move(reply));
}

}  // namespace stateward
