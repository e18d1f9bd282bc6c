#include "cli/adopter.h"

#include <utility>

#include "auth/policy_auth.h"
#include "base/random.h"
#include "base/sha256.h"
#include "document/document_scanner.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

constexpr char kOperation[] = "adopt";

Grant To(const StateKey& key) {
  Grant grant = IdentifiedGrant(key, {Rights::All(), false, {}});
  grant.principal = kAdoptPrincipal;
  return grant;
}

Result<VersionInfo> InfoOfDocument(const SecretBytes& document, int64_t now_ms) {
  Result<DocumentInfo> scanned = ScanDocument(document);
  if (!scanned.ok()) return std::move(scanned).status().At("terraform-backend's document");
  VersionInfo info;
  info.serial = scanned->serial;
  info.lineage = scanned->lineage;
  info.terraform_version = scanned->terraform_version;
  info.size = document.size();
  info.sha256 = Sha256(document);
  info.writer = kAdoptPrincipal;
  info.operation = kOperation;
  info.time_ms = now_ms;
  return info;
}

}  // namespace

// The locks of the old and the new name, which are one for a blob under its name alone.
class Adopter::Locks {
 public:
  Locks(Adopter& adopter, const Grant& from) : adopter_(adopter) {
    grants_.push_back(from);
    if (!from.key.tenant.empty()) grants_.push_back(To(from.key));
    std::string info = "{\"ID\":\"" + adopter.lock_id_ +
                       "\",\"Operation\":\"adopt\",\"Who\":\"statewardctl\",\"Info\":\"a run of "
                       "statewardctl adopt that was killed is finished by another\"}";
    body_.assign(info.begin(), info.end());
  }

  Status Take() {
    for (const Grant& grant : grants_) {
      Status free = adopter_.Free(grant);
      if (!free.ok()) return GiveBack(std::move(free));
      StateAnswer answer = adopter_.states_.Lock(grant, body_);
      if (answer.locked) {
        return GiveBack(Status(Code::kConflict, "the state is locked: " + answer.holder));
      }
      if (!answer.status.ok()) return GiveBack(std::move(answer.status));
      ++taken_;
    }
    return Status();
  }
  // `status`, or what went wrong at the end of it.
  Status GiveBack(Status status) {
    while (taken_ > 0) {
      --taken_;
      StateAnswer answer = adopter_.states_.Unlock(grants_[taken_], body_, "");
      if (status.ok() && !answer.status.ok()) status = std::move(answer.status).At("unlock");
    }
    return status;
  }

 private:
  Adopter& adopter_;
  std::vector<Grant> grants_;
  SecretBytes body_;
  size_t taken_ = 0;
};

Adopter::Adopter(Backends& backends, std::string store_id, StateService& states, const Clock& clock)
    : b_(backends),
      store_id_(std::move(store_id)),
      states_(states),
      clock_(clock),
      index_(*backends.storage),
      lock_id_("adopt-" + RandomHex(8)) {}

History Adopter::HistoryOf() const { return {*b_.storage, *b_.kms, store_id_}; }

Result<Adopter::Old> Adopter::LoadOld(const Grant& from) {
  StateId id = StateId::Of(from.key);
  Old old;
  Status ends;
  const auto take = [&](const VersionEntry& entry) {
    if (!entry.status.ok() && !old.versions.empty()) {
      ++old.damaged;
      return true;
    }
    ends = entry.status;
    if (!ends.ok()) return false;
    const VersionInfo& info = entry.info.version;
    if (info.kind == RecordKind::kNoOp) return true;
    if (old.versions.empty() && info.kind == RecordKind::kTombstone) {
      ends = Status::NotFound("deleted, or adopted already");
      return false;
    }
    old.versions.push_back({entry.n, info});
    return true;
  };
  STATEWARD_RETURN_IF_ERROR(HistoryOf().Each(id, take));
  if (!ends.ok()) return ends;
  if (!old.versions.empty()) return old;
  Result<std::optional<LegacyState>> legacy = ReadLegacy(*b_.storage, *b_.kms, from, id);
  if (!legacy.ok()) return std::move(legacy).status();
  if (!legacy->has_value()) return Status::NotFound("there is no such state");
  old.document = std::move(**legacy);
  return old;
}

Result<Adopter::Top> Adopter::LoadTop(const StateId& id) {
  Top top;
  Status unreadable;
  const auto take = [&](const VersionEntry& entry) {
    if (top.head == 0) top.head = entry.n;
    unreadable = entry.status;
    if (!unreadable.ok()) return false;
    const VersionInfo& info = entry.info.version;
    if (info.kind != RecordKind::kNoOp) {
      top.real = Version{entry.n, info};
      return false;
    }
    const bool ours = info.operation == kOperation && top.head - entry.n == top.places;
    if (ours) ++top.places;
    return true;
  };
  STATEWARD_RETURN_IF_ERROR(HistoryOf().Each(id, take));
  if (!unreadable.ok()) return unreadable;
  return top;
}

Result<Adopted> Adopter::Describe(const Old& old) const {
  Adopted out{old.count(), old.damaged, {}};
  if (!old.document) {
    out.newest = old.versions.front().info;
    return out;
  }
  Result<VersionInfo> info = InfoOfDocument(old.document->document, clock_.NowMs());
  if (!info.ok()) return std::move(info).status();
  out.newest = std::move(*info);
  return out;
}

Result<Adopted> Adopter::Look(const Grant& from) {
  Result<Old> old = LoadOld(from);
  if (!old.ok()) return std::move(old).status();
  bool plain = from.key.tenant.empty();
  if (plain && !old->document) return Status::NotFound("it is theirs already");
  return Describe(*old);
}

Result<Adopted> Adopter::Adopt(const Grant& given) {
  Grant from = given;
  from.principal = kAdoptPrincipal;
  // The administrator says whose it is.
  from.legacy_ambiguous = false;
  Result<Adopted> looked = Look(from);
  if (!looked.ok()) return looked;
  Locks locks(*this, from);
  STATEWARD_RETURN_IF_ERROR(locks.Take());
  // Now that nobody writes.
  Result<Old> old = LoadOld(from);
  if (!old.ok()) return locks.GiveBack(std::move(old).status());
  Status done;
  if (from.key.tenant.empty()) {
    done = TakePlain(from, *old);
  } else {
    done = Move(from, *old);
  }
  STATEWARD_RETURN_IF_ERROR(locks.GiveBack(std::move(done)));
  return Describe(*old);
}

Status Adopter::Move(const Grant& from, const Old& old) {
  StateId id = StateId::Of(from.key);
  StateKey to{"", from.key.project, from.key.name};
  Result<uint64_t> newest = PlaceNewest(from, old, to);
  if (!newest.ok()) return std::move(newest).status();
  STATEWARD_RETURN_IF_ERROR(FillIn(from, old, to, *newest));
  STATEWARD_RETURN_IF_ERROR(index_.MarkAdopted(id, StateId::Of(to)));
  return states_.Delete(from, lock_id_).status;
}

// The number of the newest version under its new name.
Result<uint64_t> Adopter::PlaceNewest(const Grant& from, const Old& old, const StateKey& to) {
  StateId id = StateId::Of(to);
  Result<Top> top = LoadTop(id);
  if (!top.ok()) return std::move(top).status().At("the state of identified users");
  if (top->real && top->real->info.kind == RecordKind::kState) {
    Sha256Digest want =
        old.document ? Sha256(old.document->document) : old.versions.front().info.sha256;
    if (top->real->info.sha256 == want) return top->real->n;
    return Status(Code::kConflict, "identified users have another state of this name already");
  }
  Grant theirs = To(to);
  theirs.legacy_ambiguous = false;
  if (!top->real) {
    Result<std::optional<LegacyState>> blob = ReadLegacy(*b_.storage, *b_.kms, theirs, id);
    if (!blob.ok()) return std::move(blob).status();
    if (blob->has_value()) {
      return Status(Code::kConflict, "a blob of terraform-backend lies under this name alone, too");
    }
  }
  SealedInfo place;
  place.key = to;
  place.version.kind = RecordKind::kNoOp;
  place.version.writer = kAdoptPrincipal;
  place.version.operation = kOperation;
  place.version.time_ms = clock_.NowMs();
  place.version.newest_real = top->real ? top->real->n : 0;

  uint64_t head = top->head;
  for (uint64_t places = top->places; places + 1 < old.count(); ++places, ++head) {
    Bytes sealed;
    STATEWARD_RETURN_IF_ERROR(Taken(HistoryOf().Append(id, head, place, {}, &sealed)));
  }
  Result<Bytes> sealed = Seal(from, old, 0, to, head + 1);
  if (!sealed.ok()) return std::move(sealed).status();
  STATEWARD_RETURN_IF_ERROR(AppendAt(id, head, *sealed));
  return head + 1;
}

Status Adopter::FillIn(const Grant& from, const Old& old, const StateKey& to, uint64_t newest) {
  StateId id = StateId::Of(to);
  for (size_t which = 1; which < old.count() && which < newest; ++which) {
    uint64_t n = newest - which;
    Result<SealedInfo> info = HistoryOf().Info(id, n);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;  // pruned meanwhile
    if (!info.ok()) return std::move(info).status();
    bool place = info->version.kind == RecordKind::kNoOp && info->version.operation == kOperation;
    if (!place) continue;  // an earlier run was here
    Result<Bytes> there = b_.storage->Get(id, n);
    if (!there.ok()) return std::move(there).status();
    Result<Bytes> sealed = Seal(from, old, which, to, n);
    if (!sealed.ok()) return std::move(sealed).status();
    STATEWARD_RETURN_IF_ERROR(b_.storage->Replace(id, n, Sha256(*there), *sealed));
  }
  return Status();
}

Result<Bytes> Adopter::Seal(const Grant& from, const Old& old, size_t which, const StateKey& to,
                            uint64_t n) {
  const SealContext where{store_id_, StateId::Of(to), n, b_.storage->Format()};
  SealedInfo info;
  info.key = to;
  if (old.document) {
    Result<VersionInfo> version = InfoOfDocument(old.document->document, clock_.NowMs());
    if (!version.ok()) return std::move(version).status();
    info.version = std::move(*version);
    return b_.kms->Seal(where, info, old.document->document);
  }
  StateId id = StateId::Of(from.key);
  uint64_t old_n = old.versions[which].n;
  Result<Opened> opened = HistoryOf().Open(id, old_n);
  if (!opened.ok()) return std::move(opened).status();
  info.version = std::move(opened->info.version);
  // The lock session was another state's.
  info.version.lock_id.clear();
  info.version.lock_base = 0;
  return b_.kms->Seal(where, info, opened->document);
}

Status Adopter::AppendAt(const StateId& id, uint64_t head, ByteView sealed) {
  return Taken(b_.storage->Append(id, head, sealed));
}

Status Adopter::Taken(const Result<AppendOutcome>& appended) {
  if (!appended.ok()) return appended.status();
  if (appended->appended) return Status();
  return {Code::kConflict, "somebody else wrote it meanwhile; run the command again"};
}

// It is claimed under this name first: nobody else then reads it as another's.
Status Adopter::TakePlain(const Grant& from, const Old& old) {
  if (!old.document) return Status();
  StateId id = StateId::Of(from.key);
  Result<Top> top = LoadTop(id);
  if (!top.ok()) return std::move(top).status();
  Result<StateId> claimant = b_.storage->ClaimLegacy(old.document->legacy_id, id);
  if (!claimant.ok()) return std::move(claimant).status();
  if (!(*claimant == id)) return {Code::kConflict, "it was taken over under another name"};
  Result<Bytes> sealed = Seal(from, old, 0, from.key, top->head + 1);
  if (!sealed.ok()) return std::move(sealed).status();
  return AppendAt(id, top->head, *sealed);
}

Status Adopter::Free(const Grant& grant) {
  StateId id = StateId::Of(grant.key);
  Result<LockView> view = b_.locker->Look({id, grant.legacy_ids});
  if (!view.ok()) return FreeHalfTaken(grant);
  if (!view->holder || view->holder->principal != kAdoptPrincipal) return Status();
  return states_.Unlock(grant, {}, view->holder->id).status;
}

// Where a lock is taken in two steps, a run that was killed between them leaves one of which no
// look tells the holder; a LOCK does. What another principal holds is not released by its ID.
Status Adopter::FreeHalfTaken(const Grant& grant) {
  const std::string probe = "{\"ID\":\"" + lock_id_ + "-free\",\"Operation\":\"adopt\"}";
  const SecretBytes body(probe.begin(), probe.end());
  StateAnswer answer = states_.Lock(grant, body);
  if (!answer.status.ok()) return std::move(answer.status);
  if (!answer.locked) return states_.Unlock(grant, body, "").status;
  Result<ParsedLockInfo> holder =
      ParseLockInfo(SecretBytes(answer.holder.begin(), answer.holder.end()));
  if (!holder.ok()) return std::move(holder).status();
  Result<ReleaseOutcome> freed = b_.locker->Release({StateId::Of(grant.key), grant.legacy_ids},
                                                    {holder->id, kAdoptPrincipal, false});
  return freed.ok() ? Status() : std::move(freed).status();
}

Status Adopter::FreeLeftLocks(const Grant& given) {
  Grant from = given;
  from.principal = kAdoptPrincipal;
  STATEWARD_RETURN_IF_ERROR(Free(from));
  return Free(To(from.key));
}

}  // namespace stateward
