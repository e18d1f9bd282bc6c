#include "admin/locked_change.h"

#include <optional>
#include <utility>

#include "admin/state_versions.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

SecretBytes LockInfo(const std::string& id, std::string_view operation, const Call& call) {
  JsonWriter info;
  info.BeginObject().Key("ID").String(id).Key("Operation").String(operation);
  info.Key("Info").String(call.args.Text("reason")).Key("Who").String(call.caller.principal);
  info.Key("Version").String("").Key("Created").String(FormatTime(call.service.clock().NowMs()));
  info.Key("Path").String("").EndObject();
  return {info.text().begin(), info.text().end()};
}

// A lock's ID under --change-id: the caller's ID, and behind it which change it stands for.
constexpr std::string_view kIdStart = "change-";
constexpr size_t kChangeDigits = 16;

std::string StartOfId(const std::string& change_id) {
  return std::string(kIdStart) + change_id + "-";
}

// What tells one change of a state from another. The reason does not: it is a remark.
std::string WhichChange(const Call& call) {
  std::string which;
  for (const char* what : {"to", "version", "upload"}) which += ":" + call.args.Text(what);
  return which;
}

// The version that was written under this lock within a day; nullopt: none was. kConflict: one was
// written under the same --change-id by another change.
Result<std::optional<Changed>> WrittenUnder(const History& history, const FoundState& state,
                                            const std::string& change_id,
                                            const std::string& lock_id, int64_t now_ms) {
  const std::string start = StartOfId(change_id);
  std::optional<Changed> found;
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(history, state.id, [&](uint64_t n, const Result<SealedInfo>& info) {
        if (!info.ok()) return true;
        const VersionInfo& version = info->version;
        const bool it = version.kind != RecordKind::kNoOp &&
                        version.lock_id.size() == start.size() + kChangeDigits &&
                        version.lock_id.compare(0, start.size(), start) == 0;
        if (it) found = {n, version};
        return !it && version.time_ms >= now_ms - kReleasedIdsKeptMs;
      }));
  if (!found || found->info.lock_id == lock_id) return found;
  return Status(Code::kConflict, "the ID " + change_id + " belongs to another change (" +
                                     found->info.operation + ", version " +
                                     std::to_string(found->n) + "): give this one its own ID");
}

class LockedRun {
 public:
  LockedRun(const Call& call, const FoundState& state, const History& history, ChangeLock* lock)
      : call_(call),
        state_(state),
        history_(history),
        lock_(*lock),
        note_(call.args.Text("reason")) {}

  Result<Changed> Run(const ChangeFn& change) {
    Result<Changed> done = Change(change);
    Status freed = lock_.Free();
    if (freed.ok() || !done.ok()) return done;
    return Status(freed.code(), "the change is made as version " + std::to_string(done->n) +
                                    ", but its lock " + lock_.id() +
                                    " could not be released: " + freed.detail());
  }

 private:
  Result<Newest> Look() const {
    return LoadNewest(history_, state_.grant, state_.id, call_.service.rules().write.legacy_read);
  }

  Result<Changed> Change(const ChangeFn& change) {
    Result<Newest> newest = Look();
    if (!newest.ok()) return std::move(newest).status();
    if (call_.args.Has("if-version") && call_.args.Number("if-version") != newest->real) {
      return Status(Code::kConflict,
                    "the newest version is " + std::to_string(newest->real) + " by now");
    }
    NoteNewest(call_, *newest);
    const StateAnswer answer = change({history_, state_, *newest, lock_.id(), note_});
    if (answer.audit.resources) call_.audit.facts.resources = answer.audit.resources;
    if (!answer.status.ok()) return Explained(answer);
    newest = Look();
    if (!newest.ok()) return std::move(newest).status();
    if (!newest->version || !newest->unreadable.ok()) {
      return Status::Corruption("what was written cannot be read");
    }
    call_.audit.facts.after = {newest->real, newest->version->info.serial};
    return Changed{newest->real, newest->version->info};
  }

  const Call& call_;
  const FoundState& state_;
  const History& history_;
  ChangeLock& lock_;
  const std::string note_;
};

}  // namespace

ChangeLock::ChangeLock(const Call& call, const Grant& grant, std::string_view operation,
                       const std::string& seed)
    : call_(call), grant_(grant), operation_(operation), seed_(seed), id_(IdOf(0)) {}

ChangeLock ChangeLock::Named(const Call& call, const Grant& grant, std::string_view operation,
                             const std::string& id) {
  ChangeLock lock(call, grant, operation, "");
  lock.named_ = true;
  lock.id_ = StartOfId(id) +
             HexEncode(Sha256(lock.operation_ + WhichChange(call))).substr(0, kChangeDigits);
  return lock;
}

// `spent`: how many IDs of the row are left out.
std::string ChangeLock::IdOf(size_t spent) const {
  const std::string more = spent == 0 ? "" : ":" + std::to_string(spent);
  return std::string(kIdStart) + HexEncode(Sha256(operation_ + ":" + seed_ + more)).substr(0, 32);
}

bool ChangeLock::Has(const std::string& id) const {
  if (named_) return id == id_;
  for (size_t spent = 0; spent <= kReleasedIdsKept; ++spent) {
    if (id == IdOf(spent)) return true;
  }
  return false;
}

StateAnswer ChangeLock::Lock() {
  return call_.service.states().Lock(grant_, LockInfo(id_, operation_, call_));
}

Status ChangeLock::Take(Reply* reply) {
  StateAnswer locked = Lock();
  // Runs before this one ended without a write, and their IDs are spent. No more are remembered.
  for (size_t spent = 1; spent <= kReleasedIdsKept && !named_; ++spent) {
    if (locked.status.code() != Code::kGone) break;
    id_ = IdOf(spent);
    locked = Lock();
  }
  shared_ = locked.repeated;
  if (locked.locked) {
    reply->holder = locked.holder;
    return Status();
  }
  return locked.status.ok() ? Status() : Explained(locked);
}

Status ChangeLock::Free() {
  const StateAnswer freed = call_.service.states().Unlock(grant_, {}, id_);
  return freed.status.ok() ? Status() : Explained(freed);
}

Result<bool> ChangeLock::FreeLeft() {
  const LockKey key{StateId::Of(grant_.key), grant_.legacy_ids};
  Result<LockView> view = call_.service.locker().Look(key);
  if (!view.ok()) return std::move(view).status();
  if (!view->holder || !Has(view->holder->id)) return false;
  id_ = view->holder->id;
  STATEWARD_RETURN_IF_ERROR(Free());
  return true;
}

Status Explained(const StateAnswer& answer) {
  std::string text = answer.hint.empty() ? answer.status.detail() : answer.hint;
  if (!answer.action.empty()) text += "; " + answer.action;
  return {answer.status.code(), std::move(text)};
}

namespace {

// The same for a killed run and its repeat; another one as soon as anything was written.
std::string SeedOf(const Call& call, const FoundState& state, uint64_t head) {
  return state.id.hex() + ":" + std::to_string(head) + WhichChange(call);
}

// A run that was killed between its write and the end of its lock has done all but that. Frees the
// lock; nullopt: it was not so.
Result<std::optional<Changed>> EndKilledRun(const Call& call, const FoundState& state,
                                            std::string_view operation) {
  const std::optional<NewestVersion>& newest = state.newest.version;
  if (!newest || newest->info.lock_id.empty()) return std::optional<Changed>();
  ChangeLock lock(call, state.grant, operation, SeedOf(call, state, newest->info.lock_base));
  if (!lock.Has(newest->info.lock_id)) return std::optional<Changed>();
  Result<bool> freed = lock.FreeLeft();
  if (!freed.ok()) return std::move(freed).status();
  if (!*freed) return std::optional<Changed>();
  return std::optional<Changed>({state.newest.real, newest->info});
}

}  // namespace

Result<Changed> RunLockedChange(const Call& call, const FoundState& state,
                                std::string_view operation, const ChangeFn& change, Reply* reply) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const std::string& asked = call.args.Text("change-id");
  ChangeLock lock = asked.empty() ? ChangeLock(call, state.grant, operation,
                                               SeedOf(call, state, state.newest.head))
                                  : ChangeLock::Named(call, state.grant, operation, asked);
  if (asked.empty()) {
    Result<std::optional<Changed>> ended = EndKilledRun(call, state, operation);
    if (!ended.ok()) return std::move(ended).status();
    if (ended->has_value()) return **ended;
  } else {
    Result<std::optional<Changed>> before =
        WrittenUnder(*history, state, asked, lock.id(), call.service.clock().NowMs());
    if (!before.ok()) return std::move(before).status();
    if (before->has_value()) {
      Result<bool> freed = lock.FreeLeft();
      if (!freed.ok()) return std::move(freed).status();
      return **before;
    }
  }
  STATEWARD_RETURN_IF_ERROR(lock.Take(reply));
  call.audit.lock_id = lock.id();
  if (!reply->holder.empty()) return Changed();
  return LockedRun(call, state, *history, &lock).Run(change);
}

Row ChangeRow(const FoundState& state, std::string result, const Changed& changed) {
  const VersionInfo& info = changed.info;
  const bool document = info.kind == RecordKind::kState;
  Row row = NameRow(state.key);
  row.insert(row.end(), {Value(std::move(result)), Value(changed.n), Value(info.serial),
                         TextOrNull(info.lineage), document ? Value(info.size) : Value(),
                         document ? Value(HexEncode(info.sha256)) : Value()});
  return row;
}

Result<Reply> ChangeReply(const FoundState& state, std::string result, Result<Changed> changed,
                          Reply reply) {
  if (!changed.ok()) return std::move(changed).status();
  if (!reply.holder.empty()) return reply;
  reply.rows.push_back(ChangeRow(state, std::move(result), *changed));
  return reply;
}

StateAnswer ChangeFailed(Status status) {
  StateAnswer answer;
  answer.status = std::move(status);
  return answer;
}

}  // namespace stateward
