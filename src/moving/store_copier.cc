#include "moving/store_copier.h"

#include <optional>
#include <utility>

#include "base/counted.h"
#include "base/hex.h"
#include "base/state_name.h"
#include "history/name_of.h"
#include "state/lock_info.h"
#include "state/store_secret.h"
#include "stateward/how_to_open.h"

namespace stateward {
namespace {

// Passes over an open source, at most; the last one over a closed source does the rest.
constexpr int kPasses = 5;
// So few that the next pass is the last.
constexpr uint64_t kLittle = 20;
constexpr int64_t kLookMs = 1000;
// How many holders are named.
constexpr size_t kNamed = 20;
// Between what is said to people and the lock service that the source had: "…; was local 0123…".
constexpr char kWas[] = "; was ";

Status Closed(const StoreIdentity& identity, const std::string& what) {
  return {Code::kConflict, what + " is closed: " + WhyClosed(identity)};
}

bool BeginsWith(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

}  // namespace

Result<StoreCopier::Places> StoreCopier::Begin() {
  Places places;
  Result<StoreIdentity> from = parts_.from.ReadIdentity();
  if (!from.ok()) return std::move(from).status().At("the source");
  places.from = *std::move(from);
  if (IsClosed(places.from)) {
    const std::string why = WhyClosed(places.from);
    if (why != MovedText() && !BeginsWith(why, MovingText() + kWas)) {
      return Closed(places.from, "the source");
    }
  }
  STATEWARD_RETURN_IF_ERROR(CheckKeys(places.from));
  Result<StoreIdentity> to = parts_.to.ReadIdentity();
  if (to.ok()) {
    places.to = *std::move(to);
    if (places.to.store_id != places.from.store_id) {
      return Status(Code::kConflict, "the target holds another store");
    }
    STATEWARD_RETURN_IF_ERROR(CheckTarget(places.from, &places.to));
    return places;
  }
  if (to.status().code() != Code::kNotFound) return std::move(to).status().At("the target");
  if (IsClosed(places.from) && WhyClosed(places.from) == MovedText()) {
    return Status(Code::kConflict, "the source has moved, and the target has no identity file");
  }
  places.to = ClosedStore(places.from, CopiedText());
  STATEWARD_RETURN_IF_ERROR(parts_.to.WriteIdentity(places.to, nullptr));
  STATEWARD_RETURN_IF_ERROR(LookAtTarget(places.from));
  return places;
}

// Open, it is the end of a run before this one. Closed, it is gone on with only where it waits for
// this very source: one that moved on, or was restored, since then is not opened by a command that
// is given once more. A place that the store left for the source is taken again: it says so before
// the source is closed, so of two places that were copied to and fro one alone waits.
Status StoreCopier::CheckTarget(const StoreIdentity& from, StoreIdentity* to) {
  const bool moved = IsClosed(from) && WhyClosed(from) == MovedText();
  if (!IsClosed(*to)) {
    if (moved) return Status();
    return {Code::kConflict, "source and target are the same store, and both are open: " +
                                 parts_.from_place + " and " + parts_.to_place};
  }
  if (WhyClosed(*to) == CopiedText()) return moved ? Status() : LookAtTarget(from);
  if (IsClosed(from) || WhyClosed(*to) != std::string(kWhyMoved) + parts_.from_place) {
    return Closed(*to, "the target");
  }
  STATEWARD_RETURN_IF_ERROR(LookAtTarget(from));
  const StoreIdentity again = ClosedStore(*to, CopiedText());
  STATEWARD_RETURN_IF_ERROR(parts_.to.WriteIdentity(again, to));
  *to = again;
  return Status();
}

// A store that has moved may have got other keys there since.
Status StoreCopier::CheckKeys(const StoreIdentity& from) {
  if (IsClosed(from) && WhyClosed(from) == MovedText()) return Status();
  Result<SecretBytes> secret = OpenStoreSecret(parts_.to_kms, from);
  if (secret.ok()) return Status();
  const Code code = secret.status().unreadable() ? Code::kInvalidArgument : secret.status().code();
  return {code, "the target's keys do not open the store's secret, nothing was closed: " +
                    secret.status().detail()};
}

Status StoreCopier::LookAtTarget(const StoreIdentity& from) {
  Result<PassCounts> seen = CopyPass(parts_.from, parts_.to, PassDepth::kLook,
                                     OtherWrites(from.store_id), parts_.progress);
  if (!seen.ok()) return std::move(seen).status();
  return NameAhead(*seen, from.store_id, IsClosed(from) ? "" : "nothing was closed; ");
}

// rekey, pin, purge, mv and adopt exchange a record and keep the time of its write; what they put
// in the place of an empty record is no loss.
OtherWriteFn StoreCopier::OtherWrites(const std::string& store_id) {
  return [this, store_id](const StateId& id, uint64_t n, ByteView source, ByteView target) {
    const SealContext where{store_id, id, n};
    Result<SealedInfo> here = parts_.to_kms.OpenInfo(where, source);
    Result<SealedInfo> there = parts_.to_kms.OpenInfo(where, target);
    if (!here.ok() || !there.ok() || there->version.kind == RecordKind::kNoOp) return false;
    return here->version.time_ms != there->version.time_ms;
  };
}

// OK when the source has all that the target has. `now`: how the source is at this moment.
Status StoreCopier::NameAhead(const PassCounts& seen, const std::string& store_id,
                              const std::string& now) {
  if (!seen.IsAhead()) return Status();
  const History history(parts_.to, parts_.to_kms, store_id);
  const size_t count = seen.ahead.size() + seen.blobs_ahead.size();
  std::vector<std::string> names;
  for (const StateId& id : seen.ahead) {
    if (names.size() == kNamed) break;
    Result<std::optional<StateKey>> name = NameOf(history, id);
    const bool known = name.ok() && name->has_value();
    names.push_back(known ? StateText(**name) : "state " + id.hex());
  }
  for (const std::string& name : seen.blobs_ahead) {
    if (names.size() == kNamed) break;
    names.push_back("blob " + name + " of terraform-backend");
  }
  std::string text = "the target has what the source has not, of " + Counted(count, "state") + ":";
  for (const std::string& name : names) text += " " + name + ";";
  if (names.size() < count) text += " …;";
  return {Code::kConflict,
          text + " " + now +
              "the source was restored from an older backup, or the target was written to. Copy to "
              "an empty place, and keep this one: it may have the only copy of what it names"};
}

Result<std::vector<std::string>> StoreCopier::Held() {
  std::vector<std::pair<StateId, Result<LockRecord>>> locks;
  STATEWARD_RETURN_IF_ERROR(
      parts_.from_locks.EachHeld([&locks](const StateId& id, const Result<LockRecord>& holder) {
        locks.emplace_back(id, holder);
        return true;
      }));
  std::vector<std::string> held;
  if (locks.empty()) return held;
  Result<StoreIdentity> identity = parts_.from.ReadIdentity();
  if (!identity.ok()) return std::move(identity).status();
  const History history(parts_.from, parts_.to_kms, identity->store_id);
  for (const auto& [id, holder] : locks) {
    const std::string who = holder.ok() ? HolderInWords(*holder) : holder.status().detail();
    // That of a state that nobody ever wrote stands in no record.
    Result<std::optional<StateKey>> name = NameOf(history, id);
    const bool known = name.ok() && name->has_value();
    held.push_back((known ? StateText(**name) : "state " + id.hex()) + " (" + who + ")");
  }
  return held;
}

Status StoreCopier::AwaitNoLocks() {
  for (int64_t waited = 0;; waited += kLookMs) {
    Result<std::vector<std::string>> held = Held();
    if (!held.ok()) return std::move(held).status();
    if (held->empty()) return Status();
    if (waited >= parts_.wait_ms) {
      std::string text =
          Counted(held->size(), "lock is", "locks are") + " held; nothing was closed:";
      for (size_t i = 0; i < std::min(held->size(), kNamed); ++i) text += " " + (*held)[i] + ";";
      return {Code::kLocked, text};
    }
    if (waited == 0) parts_.say("waiting for " + Counted(held->size(), "lock"));
    parts_.sleep(kLookMs);
  }
}

Status StoreCopier::Close(StoreIdentity* from) {
  StoreIdentity closed =
      ClosedStore(*from, MovingText() + kWas + from->lock_kind + " " + from->lock_id);
  STATEWARD_RETURN_IF_ERROR(parts_.from.WriteIdentity(closed, &*from));
  *from = std::move(closed);
  return Status();
}

Status StoreCopier::Reopen(const StoreIdentity& from) {
  const std::string why = WhyClosed(from);
  const size_t was = why.rfind(kWas);
  const std::string kind_and_id = was == why.npos ? "" : why.substr(was + sizeof kWas - 1);
  const size_t gap = kind_and_id.find(' ');
  StoreIdentity open = from;
  open.lock_kind = kind_and_id.substr(0, gap);
  open.lock_id = gap == kind_and_id.npos ? "" : kind_and_id.substr(gap + 1);
  if (!IsHex(open.lock_id, 32)) return Status::Internal("the source's lock service is not known");
  return parts_.from.WriteIdentity(open, &from);
}

// A lock that was granted while the source was being closed could not be released now.
Status StoreCopier::Settle(const StoreIdentity& from) {
  parts_.sleep(parts_.settle_ms);
  Result<std::vector<std::string>> held = Held();
  if (!held.ok()) return std::move(held).status();
  if (held->empty()) return Status();
  STATEWARD_RETURN_IF_ERROR(Reopen(from));
  return {Code::kLocked, "a lock was taken in the last moment: " + held->front() +
                             "; the source is open again, run the command again"};
}

// What came while the last pass ran, by a server that hangs on to a write, comes along; and nothing
// comes any more before the source is closed for good.
Result<PassCounts> StoreCopier::AwaitStill() {
  for (int pass = 0; pass < kPasses; ++pass) {
    Result<PassCounts> late = CopyPass(parts_.from, parts_.to, PassDepth::kMissing, {}, {});
    if (!late.ok() || late->moved == 0 || late->IsAhead()) return late;
  }
  return Status::Unavailable("a server still writes to the source, though it is closed");
}

// A target that is ahead after all leaves the source open, which is what clients worked with.
Result<PassCounts> StoreCopier::LastPass(const StoreIdentity& from) {
  parts_.say("the last pass");
  Result<PassCounts> last = CopyPass(parts_.from, parts_.to, PassDepth::kCompare,
                                     OtherWrites(from.store_id), parts_.progress);
  if (!last.ok()) return last;
  PassCounts seen = *last;
  if (!seen.IsAhead()) {
    Result<PassCounts> late = AwaitStill();
    if (!late.ok()) return late;
    seen = *std::move(late);
  }
  if (!seen.IsAhead()) return last;
  STATEWARD_RETURN_IF_ERROR(Reopen(from));
  return NameAhead(seen, from.store_id, "the source is open again; ");
}

// What is frozen, or in maintenance, stays so: the sets lie in the lock services.
Status StoreCopier::CarryGates(const GateSet& gates) {
  std::vector<Gate> next;
  for (const Gate& gate : gates.gates) {
    if (gate.EndsAfter(gates.now_ms)) next.push_back(gate);
  }
  Result<GateSet> there = parts_.to_locks.ReadGates();
  if (!there.ok()) return std::move(there).status();
  if (next.empty() && there->gates.empty()) return Status();
  Result<bool> exchanged = parts_.to_locks.ExchangeGates(there->tag, next);
  if (!exchanged.ok()) return std::move(exchanged).status();
  return *exchanged ? Status() : Status::Unavailable("somebody else changes the freezes there");
}

Status StoreCopier::Open(const StoreIdentity& to) {
  // First: source and target may have one lock service, and it becomes another one now.
  Result<GateSet> gates = parts_.from_locks.ReadGates();
  if (!gates.ok()) return std::move(gates).status().At("the freezes of the source");
  Result<std::string> service = parts_.to_locks.InitService(true);
  if (!service.ok()) return std::move(service).status().At("the target's lock service");
  STATEWARD_RETURN_IF_ERROR(CarryGates(*gates).At("the freezes of the target"));
  StoreIdentity open = to;
  open.lock_kind = std::string(parts_.to_locks.Name());
  open.lock_id = *service;
  return parts_.to.WriteIdentity(open, &to);
}

Result<PassCounts> StoreCopier::Run() {
  Result<Places> places = Begin();
  if (!places.ok()) return std::move(places).status();
  if (!IsClosed(places->to)) return PassCounts();  // a run before this one came to the end
  StoreIdentity from = places->from;
  PassCounts counts;
  if (!IsClosed(from)) {
    for (int pass = 0; pass < kPasses; ++pass) {
      parts_.say("copying while servers work, pass " + std::to_string(pass + 1));
      Result<PassCounts> done =
          CopyPass(parts_.from, parts_.to, PassDepth::kMissing, {}, parts_.progress);
      if (!done.ok()) return done;
      if (done->moved <= kLittle) break;
    }
    STATEWARD_RETURN_IF_ERROR(AwaitNoLocks());
    // What rekey may have sealed again since.
    Result<StoreIdentity> now = parts_.from.ReadIdentity();
    if (!now.ok()) return std::move(now).status();
    from = *std::move(now);
    if (IsClosed(from)) return Closed(from, "the source");
    STATEWARD_RETURN_IF_ERROR(CheckKeys(from));
    parts_.say("closing the source");
    STATEWARD_RETURN_IF_ERROR(Close(&from));
  }
  StoreIdentity to = ClosedStore(from, WhyClosed(places->to));
  if (WhyClosed(from) != MovedText()) {
    STATEWARD_RETURN_IF_ERROR(Settle(from));
    Result<PassCounts> last = LastPass(from);
    if (!last.ok()) return last;
    counts = *last;
    if (!(to == places->to)) {
      STATEWARD_RETURN_IF_ERROR(parts_.to.WriteIdentity(to, &places->to));
    }
    STATEWARD_RETURN_IF_ERROR(parts_.from.WriteIdentity(ClosedStore(from, MovedText()), &from));
  } else {
    to = places->to;
  }
  parts_.say("opening the target");
  STATEWARD_RETURN_IF_ERROR(Open(to));
  return counts;
}

Status StoreCopier::GiveUp() {
  Result<StoreIdentity> from = parts_.from.ReadIdentity();
  if (!from.ok()) return std::move(from).status();
  if (!IsClosed(*from)) return {Code::kConflict, "the source is open"};
  if (!BeginsWith(WhyClosed(*from), MovingText() + kWas)) return Closed(*from, "the source");
  return Reopen(*from);
}

}  // namespace stateward
