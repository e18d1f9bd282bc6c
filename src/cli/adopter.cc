#include "cli/adopter.h"

#include <utility>

#include "auth/policy_auth.h"
#include "base/random.h"
#include "base/sha256.h"
#include "document/document_scanner.h"

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

Adopter::Adopter(Backends& backends, std::string store_id, StateService& states, const Clock& clock)
    : b_(backends),
      store_id_(std::move(store_id)),
      states_(states),
      clock_(clock),
      index_(*backends.storage),
      lock_id_("adopt-" + RandomHex(8)) {}

History Adopter::HistoryOf() const { return {*b_.storage, *b_.kms, store_id_}; }

PlacedVersions Adopter::PlacedOf(const History& history, const StateKey& to) const {
  return {history, to, {kAdoptPrincipal, kOperation}, clock_};
}

ToolLock Adopter::LockOf() const { return {*b_.locker, states_, kOperation, lock_id_}; }

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
  std::vector<Grant> both{from};
  if (!from.key.tenant.empty()) both.push_back(To(from.key));
  ToolLock locks = LockOf();
  STATEWARD_RETURN_IF_ERROR(locks.Take(std::move(both)));
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
  const History history = HistoryOf();
  const PlacedVersions placed = PlacedOf(history, to);
  Result<uint64_t> newest = PlaceNewest(from, old, to, placed);
  if (!newest.ok()) return std::move(newest).status();
  STATEWARD_RETURN_IF_ERROR(
      placed.FillIn(*newest, old.count(), [&](size_t which) { return Open(from, old, which); }));
  STATEWARD_RETURN_IF_ERROR(index_.MarkAdopted(id, StateId::Of(to)));
  return states_.Delete(from, lock_id_).status;
}

// The number of the newest version under its new name.
Result<uint64_t> Adopter::PlaceNewest(const Grant& from, const Old& old, const StateKey& to,
                                      const PlacedVersions& placed) {
  StateId id = StateId::Of(to);
  Result<PlacedVersions::Top> top = placed.LoadTop();
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
  return placed.Place(*top, old.count(), [&](size_t which) { return Open(from, old, which); });
}

Result<Opened> Adopter::Open(const Grant& from, const Old& old, size_t which) const {
  if (old.document) {
    Result<VersionInfo> version = InfoOfDocument(old.document->document, clock_.NowMs());
    if (!version.ok()) return std::move(version).status();
    Opened out;
    out.info.version = std::move(*version);
    out.document = old.document->document;
    return out;
  }
  Result<Opened> opened = HistoryOf().Open(StateId::Of(from.key), old.versions[which].n);
  if (!opened.ok()) return std::move(opened).status();
  // Young under this name, whatever its age: see kGapMs in state/pruner.h.
  opened->info.version.imported_ms = clock_.NowMs();
  // The lock session was another state's.
  opened->info.version.lock_id.clear();
  opened->info.version.lock_base = 0;
  return opened;
}

// It is claimed under this name first: nobody else then reads it as another's.
Status Adopter::TakePlain(const Grant& from, const Old& old) {
  if (!old.document) return Status();
  StateId id = StateId::Of(from.key);
  const History history = HistoryOf();
  const PlacedVersions placed = PlacedOf(history, from.key);
  Result<PlacedVersions::Top> top = placed.LoadTop();
  if (!top.ok()) return std::move(top).status();
  Result<StateId> claimant = b_.storage->ClaimLegacy(old.document->legacy_id, id);
  if (!claimant.ok()) return std::move(claimant).status();
  if (!(*claimant == id)) return {Code::kConflict, "it was taken over under another name"};
  Result<uint64_t> placed_at =
      placed.Place(*top, 1, [&](size_t which) { return Open(from, old, which); });
  return placed_at.ok() ? Status() : std::move(placed_at).status();
}

Status Adopter::FreeLeftLocks(const Grant& given) {
  Grant from = given;
  from.principal = kAdoptPrincipal;
  ToolLock lock = LockOf();
  STATEWARD_RETURN_IF_ERROR(lock.FreeLeft(from));
  return lock.FreeLeft(To(from.key));
}

}  // namespace stateward
