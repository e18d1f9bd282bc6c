#include "admin/locked_change.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "admin/state_versions.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "state/guard.h"
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
constexpr size_t kChangeDigits = 16;

// So many no-op records may lie on a version when its lock is taken, for a repeat to find it.
constexpr uint64_t kMostTakenAway = 128;

std::string StartOfId(const std::string& change_id) {
  return std::string(kOperationLockStart) + change_id + "-";
}

// What tells one change of a state from another. The reason does not: it is a remark.
std::string WhichChange(const Call& call) {
  std::string which;
  for (const char* what : {"to", "version", "upload"}) which += ":" + call.args.Text(what);
  return which;
}

// A version that may be this change's, and the newest one below it where --if-version asks.
struct FoundChange {
  Changed changed;
  uint64_t below = 0;  // 0: not asked, or it is gone
};

// The newest of a day that this change wrote, or that has the ID which its caller chose.
// *gaps, unless it is nullptr: nothing was found, and some of the day's records are gone.
Result<std::optional<FoundChange>> FindChange(const Call& call, const History& history,
                                              const FoundState& state, const ChangeLock& lock,
                                              bool* gaps = nullptr) {
  const int64_t from_ms = call.service.clock().NowMs() - kReleasedIdsKeptMs;
  std::optional<FoundChange> found;
  uint64_t lowest = 0;
  bool whole_day = false;
  bool missing = false;
  const auto take = [&](uint64_t n, const Result<SealedInfo>& info) {
    missing = missing || (lowest > 0 && n + 1 != lowest);
    lowest = n;
    const bool no_op = info.ok() && info->version.kind == RecordKind::kNoOp;
    if (found) {
      if (!no_op) found->below = n;
      return no_op;
    }
    if (!info.ok()) return true;
    const VersionInfo& version = info->version;
    if (!no_op && (lock.IsNamedAs(version.lock_id) || lock.Wrote(version))) {
      found = FoundChange{{n, version}, 0};
      return call.args.Has("if-version");
    }
    whole_day = version.time_ms < from_ms;
    return !whole_day;
  };
  STATEWARD_RETURN_IF_ERROR(EachVersion(history, state.id, take));
  if (gaps != nullptr) *gaps = !found && (missing || (!whole_day && lowest > 1));
  return found;
}

// Whether it was made of the version that --if-version names.
bool IsOfVersion(const Call& call, const FoundChange& found) {
  const uint64_t below = found.below > 0 ? found.below : found.changed.info.lock_base;
  return !call.args.Has("if-version") || call.args.Number("if-version") == below;
}

Status Forgotten(const Call& call) {
  return {Code::kConflict,
          "the ID " + call.args.Text("change-id") +
              " was used before, and the versions of that time are gone: what became of it is not "
              "known any more; look at the state, and give the change a new ID"};
}

// What this change wrote within a day; nullopt: nothing. kConflict: another change with the same
// --change-id wrote, or this one at another version than --if-version; or a run with that ID has
// ended, and what it wrote may have been pruned since.
Result<std::optional<Changed>> Written(const Call& call, const History& history,
                                       const FoundState& state, const ChangeLock& lock) {
  bool gaps = false;
  Result<std::optional<FoundChange>> found = FindChange(call, history, state, lock, &gaps);
  if (!found.ok()) return std::move(found).status();
  if (!found->has_value()) {
    if (gaps && lock.ended() && call.args.Has("change-id")) return Forgotten(call);
    return std::optional<Changed>();
  }
  Changed& changed = (*found)->changed;
  if (!lock.Wrote(changed.info)) {
    return Status(Code::kConflict, "the ID " + call.args.Text("change-id") +
                                       " belongs to another change (" + changed.info.operation +
                                       ", version " + std::to_string(changed.n) +
                                       "): give this one its own ID");
  }
  if (!IsOfVersion(call, **found)) {
    return Status(Code::kConflict, "this change was made already, as version " +
                                       std::to_string(changed.n) +
                                       ", when the newest version was another one");
  }
  return std::optional<Changed>(std::move(changed));
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
    // Another run of this change, which shares the lock, was faster.
    if (newest->version && newest->unreadable.ok() && lock_.Wrote(newest->version->info)) {
      Result<std::optional<Changed>> written = Written(call_, history_, state_, lock_);
      if (!written.ok()) return std::move(written).status();
      if (written->has_value()) return **written;
    }
    if (call_.args.Has("if-version") && call_.args.Number("if-version") != newest->real) {
      return Status(Code::kConflict,
                    "the newest version is " + std::to_string(newest->real) + " by now");
    }
    NoteNewest(call_, *newest);
    const StateAnswer answer = change({history_, state_, *newest, lock_.id(), note_});
    if (answer.audit.resources) call_.audit.facts.resources = answer.audit.resources;
    if (!answer.status.ok()) return Refused(answer);
    Result<Changed> made = Made(*newest, answer);
    if (made.ok()) call_.audit.facts.after = {made->n, made->info.serial};
    return made;
  }

  // The version that was written, also when another one came on top since; or the newest, when
  // there was nothing to write.
  Result<Changed> Made(const Newest& before, const StateAnswer& answer) const {
    const uint64_t appended = answer.audit.after ? answer.audit.after->number : 0;
    if (appended > before.real) {
      Result<SealedInfo> info = history_.Info(state_.id, appended);
      if (!info.ok()) return std::move(info).status();
      return Changed{appended, std::move(info->version)};
    }
    // Another run of this change, which shares the lock, may have been faster.
    Result<std::optional<FoundChange>> found = FindChange(call_, history_, state_, lock_);
    if (!found.ok()) return std::move(found).status();
    if (*found && lock_.Wrote((*found)->changed.info)) return std::move((*found)->changed);
    Result<Newest> newest = Look();
    if (!newest.ok()) return std::move(newest).status();
    if (!newest->version || !newest->unreadable.ok()) {
      return Status::Corruption("what was written cannot be read");
    }
    return Changed{newest->real, newest->version->info};
  }

  // Another run of this change may have written it meanwhile, and ended the lock of both.
  Result<Changed> Refused(const StateAnswer& answer) const {
    if (answer.status.code() == Code::kConflict) {
      Result<std::optional<Changed>> written = Written(call_, history_, state_, lock_);
      if (written.ok() && written->has_value()) return **written;
    }
    return Explained(answer);
  }

  const Call& call_;
  const FoundState& state_;
  const History& history_;
  ChangeLock& lock_;
  const std::string note_;
};

}  // namespace

ChangeLock::ChangeLock(const Call& call, const Grant& grant, std::string_view operation,
                       const std::string& seed, const std::string& name)
    : call_(call), grant_(grant), operation_(operation), seed_(seed), name_(name), id_(IdOf(0)) {}

ChangeLock ChangeLock::Named(const Call& call, const Grant& grant, std::string_view operation,
                             const std::string& id) {
  return {call, grant, operation, WhichChange(call) + ":" + call.caller.principal, id};
}

// `spent`: how many IDs of the row are left out.
std::string ChangeLock::IdOf(size_t spent) const {
  const std::string more = spent == 0 ? "" : ":" + std::to_string(spent);
  const std::string digits = HexEncode(Sha256(operation_ + ":" + seed_ + more));
  if (!name_.empty()) return StartOfId(name_) + digits.substr(0, kChangeDigits);
  return std::string(kOperationLockStart) + digits.substr(0, 32);
}

bool ChangeLock::Has(const std::string& id) const {
  if (!IsOperationLockId(id)) return false;
  for (size_t spent = 0; spent <= kReleasedIdsKept; ++spent) {
    if (id == IdOf(spent)) return true;
  }
  return false;
}

// A purge writes no version. What was purged since keeps its writer.
bool ChangeLock::Wrote(const VersionInfo& version) const {
  const bool kind = operation_ == kOperationDelete ? version.kind == RecordKind::kTombstone
                    : operation_ == kOperationPurge
                        ? false
                        : version.kind == RecordKind::kState || version.kind == RecordKind::kPurged;
  return kind && version.operation == operation_ && version.writer == call_.caller.principal &&
         Has(version.lock_id);
}

bool ChangeLock::IsNamedAs(const std::string& id) const {
  const std::string start = StartOfId(name_);
  return !name_.empty() && id.size() == start.size() + kChangeDigits &&
         id.compare(0, start.size(), start) == 0;
}

StateAnswer ChangeLock::Lock() {
  return call_.service.states().Lock(grant_, LockInfo(id_, operation_, call_), LockFor::kOperation);
}

Status ChangeLock::Take(Reply* reply) {
  StateAnswer locked = Lock();
  // Runs before this one ended without a write, and their IDs are spent. No more are remembered.
  for (size_t spent = 1; spent <= kReleasedIdsKept; ++spent) {
    if (locked.status.code() != Code::kGone) break;
    ended_ = true;
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
  const StateAnswer freed = call_.service.states().Unlock(grant_, {}, id_, LockFor::kOperation);
  return freed.status.ok() ? Status() : Explained(freed);
}

Result<bool> ChangeLock::FreeLeft() {
  const LockKey key{StateId::Of(grant_.key), grant_.legacy_ids};
  Result<LockView> view = call_.service.locker().Look(key);
  if (!view.ok()) return std::move(view).status();
  if (!view->holder || view->holder->operation != operation_ || !Has(view->holder->id)) {
    return false;
  }
  id_ = view->holder->id;
  STATEWARD_RETURN_IF_ERROR(Free());
  return true;
}

std::optional<uint64_t> VersionBelow(uint64_t base, const std::function<bool(uint64_t)>& is_it) {
  for (uint64_t down = 0; down <= std::min(base, kMostTakenAway); ++down) {
    if (is_it(base - down)) return base - down;
  }
  return std::nullopt;
}

Status Explained(const StateAnswer& answer) {
  std::string text = answer.hint.empty() ? answer.status.detail() : answer.hint;
  if (!answer.action.empty()) text += "; " + answer.action;
  return {answer.status.code(), std::move(text)};
}

namespace {

// The same for a killed run and its repeat; another one as soon as a version was written. `real`:
// the newest version, without the numbers that a LOCK took away.
std::string SeedOf(const Call& call, const FoundState& state, uint64_t real) {
  return state.id.hex() + ":" + std::to_string(real) + WhichChange(call);
}

// A run that was killed between its write and the end of its lock has done all but that. Frees the
// lock; nullopt: it was not so.
Result<std::optional<Changed>> EndKilledRun(const Call& call, const History& history,
                                            const FoundState& state, std::string_view operation) {
  const std::optional<NewestVersion>& newest = state.newest.version;
  if (!newest || newest->info.lock_id.empty()) return std::optional<Changed>();
  std::optional<ChangeLock> lock;
  const auto wrote = [&](uint64_t real) {
    lock.emplace(call, state.grant, operation, SeedOf(call, state, real));
    return lock->Wrote(newest->info);
  };
  if (!VersionBelow(newest->info.lock_base, wrote)) return std::optional<Changed>();
  Result<std::optional<FoundChange>> found = FindChange(call, history, state, *lock);
  if (!found.ok()) return std::move(found).status();
  if (!found->has_value() || !IsOfVersion(call, **found)) return std::optional<Changed>();
  Result<bool> freed = lock->FreeLeft();
  if (!freed.ok()) return std::move(freed).status();
  if (!*freed) return std::optional<Changed>();
  return std::optional<Changed>(std::move((*found)->changed));
}

}  // namespace

Result<Changed> RunLockedChange(const Call& call, const FoundState& state,
                                std::string_view operation, const ChangeFn& change, Reply* reply) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const std::string& asked = call.args.Text("change-id");
  if (!asked.empty() && !IsLockId(asked)) {
    return Status::InvalidArgument(
        "--change-id, Idempotency-Key: 8 to 64 visible ASCII characters, no blanks");
  }
  ChangeLock lock = asked.empty() ? ChangeLock(call, state.grant, operation,
                                               SeedOf(call, state, state.newest.real))
                                  : ChangeLock::Named(call, state.grant, operation, asked);
  if (asked.empty()) {
    Result<std::optional<Changed>> ended = EndKilledRun(call, *history, state, operation);
    if (!ended.ok()) return std::move(ended).status();
    if (ended->has_value()) return **ended;
  } else {
    Result<std::optional<Changed>> before = Written(call, *history, state, lock);
    if (!before.ok()) return std::move(before).status();
    if (before->has_value()) {
      Result<bool> freed = lock.FreeLeft();
      if (!freed.ok()) return std::move(freed).status();
      return **before;
    }
  }
  STATEWARD_RETURN_IF_ERROR(CheckUnseenLocks(call, state, &reply->note));
  STATEWARD_RETURN_IF_ERROR(lock.Take(reply));
  call.audit.lock_id = lock.id();
  if (lock.shared() || lock.ended()) {
    // A run of this change that was under way may have written since.
    Result<std::optional<Changed>> by_it = Written(call, *history, state, lock);
    const bool done = by_it.ok() && by_it->has_value();
    if (done || !by_it.ok()) {
      if (reply->holder.empty()) STATEWARD_RETURN_IF_ERROR(lock.Free());
      if (!done) return std::move(by_it).status();
      reply->holder.clear();
      return **by_it;
    }
  }
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
