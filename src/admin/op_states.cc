// One state: what is known of it, and its bytes.
#include <optional>
#include <utility>

#include "admin/find_state.h"
#include "admin/gate_of.h"
#include "admin/run.h"
#include "admin/state_names.h"
#include "base/hex.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "state/legacy.h"
#include "state/lock_rights.h"
#include "state/refusal.h"

namespace stateward {
namespace {

std::string ConditionOf(const Newest& newest) {
  if (!newest.unreadable.ok()) return UnreadableWord(newest.unreadable);
  if (newest.version && newest.version->legacy) return "original";
  if (!newest.version) return "empty";
  const RecordKind kind = newest.version->info.kind;
  if (kind == RecordKind::kMoved) return "moved";
  return kind == RecordKind::kTombstone ? "deleted" : "ok";
}

// A digest of the document lets who has it guess what is in it: `reads` is asked for it.
void AddVersion(const Newest& newest, bool reads, Row* row) {
  if (!newest.version || !newest.unreadable.ok()) {
    row->resize(row->size() + 8);
    return;
  }
  const VersionInfo& info = newest.version->info;
  const bool document = info.kind == RecordKind::kState;
  row->insert(row->end(),
              {newest.version->legacy ? Value() : Value(newest.real), Value(info.serial),
               TextOrNull(info.lineage), TextOrNull(info.terraform_version),
               document && !newest.version->legacy ? Value(info.size) : Value(),
               document && reads ? Value(HexEncode(info.sha256)) : Value(),
               TimeOrNull(info.time_ms), TextOrNull(info.writer)});
}

Status AddCounts(const Call& call, const FoundState& state, Row* row) {
  Result<std::vector<uint64_t>> versions = call.service.storage().Versions(state.id);
  if (!versions.ok()) return std::move(versions).status();
  row->push_back(uint64_t{versions->size()});
  Result<std::vector<KeptUpload>> uploads = call.service.storage().ListUploads();
  if (!uploads.ok()) return std::move(uploads).status();
  uint64_t count = 0;
  for (const KeptUpload& entry : *uploads) count += entry.id == state.id ? 1 : 0;
  row->push_back(count);
  return Status();
}

// A lock that is being taken, or whose LOCK broke off, is told by the list of all locks alone.
Result<LockView> LookOrList(const Call& call, const FoundState& state) {
  Locker& locker = call.service.locker();
  Result<LockView> view =
      locker.Look(LockKeyOf(state.grant, call.service.rules().write.legacy_read));
  if (view.ok()) return view;
  LockView listed;
  const Status told = locker.EachHeld([&](const StateId& id, const Result<LockRecord>& holder) {
    if (id == state.id && holder.ok()) listed.holder = *holder;
    return id.hex() < state.id.hex();
  });
  return told.ok() && listed.holder ? Result<LockView>(std::move(listed)) : view;
}

Status AddLock(const Call& call, const FoundState& state, Row* row, Reply* reply) {
  Result<LockView> view = LookOrList(call, state);
  if (!view.ok()) return std::move(view).status();
  if (!view->plans.empty()) view->holder = view->plans.front();
  if (view->plans.size() > 1) reply->note = "plans hold the lock: " + PlanFacts(view->plans);
  if (!view->holder) {
    const std::string unseen = UnseenLocks(call, state).note;
    if (!unseen.empty()) reply->note = "no lock is seen" + unseen;
    row->resize(row->size() + 4);
    return Status();
  }
  const LockRecord& holder = *view->holder;
  if (holder.unconfirmed) {
    reply->note = "the lock's LOCK was not answered yet, or with an error: a repeat completes it";
  }
  row->insert(row->end(), {Value(holder.id), TextOrNull(holder.principal),
                           TimeOrNull(holder.time_ms), TextOrNull(holder.operation)});
  return Status();
}

Status NoDocument(const SealedInfo& sealed) {
  const VersionInfo& info = sealed.version;
  switch (info.kind) {
    case RecordKind::kPurged:
      return Status::NotFound("this version was " + info.note);
    case RecordKind::kMoved:
      return Status::NotFound("the state " + WhereNow(sealed.key, info.moved_to));
    case RecordKind::kNoOp:
      return Status::NotFound("this version is a no-op record; it holds nothing");
    default:
      return Status::NotFound("this version is a deletion; it holds no document");
  }
}

Result<Reply> Document(Opened opened) {
  if (opened.info.version.kind != RecordKind::kState) return NoDocument(opened.info);
  Reply reply;
  reply.tag = HexEncode(opened.info.version.sha256);
  reply.document = std::move(opened.document);
  return reply;
}

Result<Reply> GetVersion(const Call& call, const History& history, const FoundState& state) {
  const uint64_t n = call.args.Number("version");
  Result<Opened> opened = history.Open(state.id, n);
  if (!opened.ok() && opened.status().code() == Code::kNotFound) {
    return Status::NotFound(StateText(state.key) + " has no version " + std::to_string(n));
  }
  if (!opened.ok()) return std::move(opened).status();
  if (opened->info.version.kind == RecordKind::kNoOp) {
    return Status::NotFound("version " + std::to_string(n) +
                            " is a no-op record; it holds nothing");
  }
  call.audit.facts.before = call.audit.facts.after = {n, opened->info.version.serial};
  return Document(*std::move(opened));
}

}  // namespace

Result<Reply> RunShow(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  Row row = NameRow(state->key);
  row.emplace_back(ConditionOf(state->newest));
  AddVersion(state->newest, call.caller.On(state->key).Has(Right::kRead), &row);
  STATEWARD_RETURN_IF_ERROR(AddCounts(call, *state, &row));
  Reply reply;
  STATEWARD_RETURN_IF_ERROR(AddLock(call, *state, &row, &reply));
  row.push_back(GateOf(call, state->key));
  reply.rows.push_back(std::move(row));
  return reply;
}

Result<Reply> RunGet(const Call& call) {
  const bool newest_meant = !call.args.Has("version");
  Result<FoundState> state =
      FindState(call, newest_meant ? RecordsGone::kRefused : RecordsGone::kSeen);
  if (!state.ok()) return std::move(state).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  if (!newest_meant) return GetVersion(call, *history, *state);
  Result<std::optional<Opened>> newest = history->OpenNewest(state->id);
  if (!newest.ok()) return std::move(newest).status();
  if (newest->has_value()) return Document(**std::move(newest));
  Result<std::optional<LegacyState>> legacy =
      ReadLegacy(call.service.storage(), call.service.kms(), state->grant, state->id);
  if (!legacy.ok()) return std::move(legacy).status();
  if (!legacy->has_value()) return Status::NotFound("the state has no version yet");
  Reply reply;
  reply.document = std::move((*legacy)->document);
  return reply;
}

}  // namespace stateward
