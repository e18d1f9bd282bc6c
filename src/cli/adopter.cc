#include "cli/adopter.h"

#include <algorithm>
#include <utility>

#include "admin/forwarding.h"
#include "auth/policy_auth.h"
#include "base/state_name.h"
#include "cli/adopt_plan.h"
#include "document/document_scanner.h"
#include "history/forwarding.h"
#include "history/moved_uploads.h"
#include "moving/change_trail.h"

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

std::string SerialOf(const VersionInfo& info) { return "serial " + std::to_string(info.serial); }

// Those that were kept before the end, and those of requests that came after it.
Status MoveUploads(const History& history, const StateId& from, const StateKey& to) {
  STATEWARD_RETURN_IF_ERROR(CopyUploads(history, from, to));
  return RemoveCopiedUploads(history, from, StateId::Of(to));
}

}  // namespace

// Both were written to: an administrator must choose.
Status Adopter::TheyHaveAnother(const StateKey& key, const VersionInfo& theirs, const Old& old) {
  const std::string name = StateText(key);
  if (theirs.kind == RecordKind::kMoved) {
    return {Code::kConflict, "identified users' state of this name " +
                                 WhereNow({"", key.project, key.name}, theirs.moved_to)};
  }
  const std::string ours =
      old.document ? "a document of terraform-backend" : SerialOf(old.versions.front().info);
  const std::string there = " --namespace " + NamespaceTag(key.tenant);
  return {Code::kConflict, "identified users have another state of this name already (" +
                               SerialOf(theirs) + ", written by " + theirs.writer +
                               "), and the namespace's is none of its versions (" + ours +
                               "): look at both with `statewardctl get " + name + "`, once with" +
                               there + "; then `statewardctl delete " + name +
                               "` and adopt again gives them the namespace's, and `statewardctl "
                               "delete " +
                               name + there + "` keeps theirs"};
}

Adopter::Adopter(const AdminService& service, std::string store_id, std::string who)
    : service_(service),
      store_id_(std::move(store_id)),
      who_(std::move(who)),
      lock_id_(ToolLock::NewId(kOperation)) {}

History Adopter::HistoryOf() const { return {service_.storage(), service_.kms(), store_id_}; }

PlacedVersions Adopter::PlacedOf(const History& history, const StateKey& to) const {
  return {history, to, {kAdoptPrincipal, kOperation}, service_.clock()};
}

ToolLock Adopter::LockOf() const {
  return {service_.locker(), service_.states(), kOperation, lock_id_};
}

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
      ends = Status::NotFound("deleted");
      return false;
    }
    if (old.versions.empty() && info.kind == RecordKind::kMoved) {
      ends = Status::NotFound("it " + WhereNow(from.key, info.moved_to));
      return false;
    }
    old.versions.push_back({entry.n, info});
    return true;
  };
  STATEWARD_RETURN_IF_ERROR(HistoryOf().Each(id, take));
  if (!ends.ok()) return ends;
  if (!old.versions.empty()) return old;
  Result<std::optional<LegacyState>> legacy =
      ReadLegacy(service_.storage(), service_.kms(), from, id);
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
  Result<VersionInfo> info = InfoOfDocument(old.document->document, service_.clock().NowMs());
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
  Result<Adopted> looked = Look(from);
  if (!looked.ok()) return looked;
  std::vector<Grant> both{from};
  if (!from.key.tenant.empty()) both.push_back(To(from.key));
  ToolLock locks = LockOf();
  STATEWARD_RETURN_IF_ERROR(locks.Take(std::move(both)));
  // Now that nobody writes.
  Result<Old> old = LoadOld(from);
  if (!old.ok()) return locks.GiveBack(std::move(old).status());
  STATEWARD_RETURN_IF_ERROR(locks.GiveBack(Change(from, *old)));
  return Describe(*old);
}

Status Adopter::Change(Grant from, const Old& old) {
  ChangeTrail trail(service_.trail(), service_.clock(), who_, kOperation, from.key,
                    "given to identified users");
  STATEWARD_RETURN_IF_ERROR(trail.Begin(&from.audit));
  Status done = from.key.tenant.empty() ? TakePlain(from, old) : Move(from, old);
  trail.End(done);
  return done;
}

Status Adopter::Move(const Grant& from, const Old& old) {
  StateId id = StateId::Of(from.key);
  StateKey to{"", from.key.project, from.key.name};
  const History history = HistoryOf();
  const PlacedVersions placed = PlacedOf(history, to);
  Result<std::vector<There>> there = PlaceNewest(from, old, to, placed);
  if (!there.ok()) return std::move(there).status();
  for (size_t i = 0; i < there->size(); ++i) {
    const There& one = (*there)[i];
    const size_t end = i + 1 < there->size() ? (*there)[i + 1].which : old.count();
    STATEWARD_RETURN_IF_ERROR(placed.FillIn(
        one.n, end - one.which, [&](size_t below) { return Open(from, old, one.which + below); }));
  }
  STATEWARD_RETURN_IF_ERROR(CopyUploads(history, id, to));
  STATEWARD_RETURN_IF_ERROR(service_.states().GiveToIdentified(from, lock_id_).status);
  return EndOld(from.key);
}

// Nothing of it is left under the old name but the way, and what has no copy: a damaged version. A
// copy would outlive a purge at the new place.
Status Adopter::EndOld(const StateKey& from) const {
  const StateId id = StateId::Of(from);
  const StateKey to{"", from.project, from.name};
  const History history = HistoryOf();
  Result<NewestRecord> newest = history.Look(id);
  if (!newest.ok()) return std::move(newest).status();
  if (!newest->version || !WasAdopted(from, newest->version->info.moved_to)) return Status();
  STATEWARD_RETURN_IF_ERROR(MoveUploads(history, id, to));
  Result<std::vector<uint64_t>> numbers = service_.storage().Versions(id);
  if (!numbers.ok()) return std::move(numbers).status();
  if (numbers->empty() || numbers->back() >= newest->real) return Status();
  std::vector<VersionInfo> theirs;
  const StateId there_id = StateId::Of(to);
  STATEWARD_RETURN_IF_ERROR(history.Each(there_id, [&](const VersionEntry& entry) {
    if (!entry.status.ok()) return true;
    // A front that opens is no copy: the document behind it may be damaged.
    const bool document = entry.info.version.kind == RecordKind::kState;
    if (!document || history.Open(there_id, entry.n).ok()) theirs.push_back(entry.info.version);
    return true;
  }));
  return RemoveBelow(service_, history, id, newest->real, [&theirs](const VersionInfo& old) {
    if (old.kind == RecordKind::kNoOp || old.kind == RecordKind::kMoved) return true;
    return std::any_of(theirs.begin(), theirs.end(), [&old](const VersionInfo& there) {
      const bool same = old.kind == RecordKind::kState && there.sha256 == old.sha256;
      return same || IsOrigin(there, old);
    });
  });
}

Result<std::vector<Adopter::There>> Adopter::PlaceNewest(const Grant& from, const Old& old,
                                                         const StateKey& to,
                                                         const PlacedVersions& placed) {
  Result<PlacedVersions::Top> top = placed.LoadTop();
  if (!top.ok()) return std::move(top).status().At("the state of identified users");
  std::vector<There> there;
  const bool lives = top->real && top->real->info.kind != RecordKind::kTombstone;
  if (lives) {
    Result<std::vector<There>> found = FindThere(old, to);
    if (!found.ok()) return found;
    there = *std::move(found);
    if (!there.empty() && there.front().which == 0) return there;
    // Of what both have, theirs must end with the newest: nobody wrote to it since.
    if (there.empty() || there.front().n != top->real->n) {
      return TheyHaveAnother(from.key, top->real->info, old);
    }
  } else if (!top->real) {
    STATEWARD_RETURN_IF_ERROR(CheckNoBlob(to));
  }
  const size_t count = there.empty() ? old.count() : there.front().which;
  Result<uint64_t> newest =
      placed.Place(*top, count, [&](size_t which) { return Open(from, old, which); });
  if (!newest.ok()) return std::move(newest).status();
  there.insert(there.begin(), {*newest, 0});
  return there;
}

// In their order, the newest first. Where identified users went on, the newest lies below what they
// wrote; what they wrote again of the older ones is no reason to look for no more.
Result<std::vector<Adopter::There>> Adopter::FindThere(const Old& old, const StateKey& to) const {
  std::vector<Version> theirs;
  const auto take = [&theirs](const VersionEntry& entry) {
    if (!entry.status.ok()) return true;  // an older one: at the top it was looked at before
    const VersionInfo& info = entry.info.version;
    if (info.kind == RecordKind::kState) theirs.push_back({entry.n, info});
    return info.kind != RecordKind::kMoved;
  };
  STATEWARD_RETURN_IF_ERROR(HistoryOf().Each(StateId::Of(to), take));
  const auto newest = std::find_if(theirs.begin(), theirs.end(), [&](const Version& version) {
    return version.info.sha256 == old.Sha256Of(0);
  });
  if (newest != theirs.end()) theirs.erase(theirs.begin(), newest);
  std::vector<There> there;
  size_t next = 0;
  for (const Version& version : theirs) {
    for (size_t which = next; which < old.count(); ++which) {
      if (version.info.sha256 != old.Sha256Of(which)) continue;
      there.push_back({version.n, which});
      next = which + 1;
      break;
    }
  }
  return there;
}

Status Adopter::CheckNoBlob(const StateKey& to) const {
  Grant theirs = To(to);
  theirs.legacy_ambiguous = false;
  Result<std::optional<LegacyState>> blob =
      ReadLegacy(service_.storage(), service_.kms(), theirs, StateId::Of(to));
  if (!blob.ok()) return std::move(blob).status();
  if (!blob->has_value()) return Status();
  return {Code::kConflict, "a blob of terraform-backend lies under this name alone, too"};
}

Result<Opened> Adopter::Open(const Grant& from, const Old& old, size_t which) const {
  if (old.document) {
    Result<VersionInfo> version = InfoOfDocument(old.document->document, service_.clock().NowMs());
    if (!version.ok()) return std::move(version).status();
    Opened out;
    out.info.version = std::move(*version);
    out.document = old.document->document;
    return out;
  }
  Result<Opened> opened = HistoryOf().Open(StateId::Of(from.key), old.versions[which].n);
  if (!opened.ok()) return std::move(opened).status();
  // Young under this name, whatever its age: see kGapMs in state/pruner.h.
  opened->info.version.imported_ms = service_.clock().NowMs();
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
  Result<StateId> claimant = service_.storage().ClaimLegacy(old.document->legacy_id, id);
  if (!claimant.ok()) return std::move(claimant).status();
  if (!(*claimant == id)) return {Code::kConflict, "it was taken over under another name"};
  Result<uint64_t> placed_at =
      placed.Place(*top, 1, [&](size_t which) { return Open(from, old, which); });
  return placed_at.ok() ? Status() : std::move(placed_at).status();
}

Status Adopter::Finish(const Grant& given) {
  Grant from = given;
  from.principal = kAdoptPrincipal;
  ToolLock lock = LockOf();
  STATEWARD_RETURN_IF_ERROR(lock.FreeLeft(from));
  STATEWARD_RETURN_IF_ERROR(lock.FreeLeft(To(from.key)));
  return EndOld(from.key);
}

}  // namespace stateward
