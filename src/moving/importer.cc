#include "moving/importer.h"

#include <map>
#include <utility>

#include "auth/policy_auth.h"
#include "base/sha256.h"
#include "base/state_name.h"
#include "document/document_scanner.h"
#include "history/forwarding.h"
#include "moving/change_trail.h"
#include "moving/tool_lock.h"
#include "moving/web.h"

namespace stateward {
namespace {

constexpr char kPrincipal[] = "statewardctl import";
constexpr char kOperation[] = "import";

// Of a document whose parts cannot be told: none.
DocumentCounts CountsOf(ByteView document) {
  DocumentCounts counts;
  return CountParts(document, &counts).ok() ? counts : DocumentCounts();
}

Grant GrantOn(const StateKey& to) {
  Grant grant = IdentifiedGrant(to, {Rights::All(), false, {}});
  grant.principal = kPrincipal;
  return grant;
}

}  // namespace

// One state on its way.
class Importer::Run {
 public:
  Run(const ImportParts& parts, Source& source, const SourceState& state, const StateKey& to)
      : parts_(parts),
        source_(source),
        state_(state),
        to_(to),
        id_(StateId::Of(to)),
        grant_(GrantOn(to)),
        history_(parts.storage, parts.kms, parts.store_id),
        placed_(history_, to, {kPrincipal, kOperation}, parts.clock) {}

  const Grant& grant() const { return grant_; }

  // Finds out what would come.
  Result<Imported> Look() {
    Result<std::vector<SourceVersion>> versions = source_.Versions(state_);
    if (!versions.ok()) return std::move(versions).status();
    versions_ = *std::move(versions);
    if (versions_.empty()) return Status::NotFound("it has no version there");
    Result<Opened> newest = Open(0);
    if (!newest.ok()) return std::move(newest).status();
    Imported out;
    out.newest = newest->info.version;
    out.versions = versions_.size();
    out.counts = CountsOf(newest->document);
    Result<PlacedVersions::Top> top = placed_.LoadTop();
    if (!top.ok()) return std::move(top).status().At(StateText(to_));
    top_ = *std::move(top);
    STATEWARD_RETURN_IF_ERROR(CheckOriginals());
    STATEWARD_RETURN_IF_ERROR(parts_.states.CheckName(grant_));
    Result<uint64_t> comes = HowManyCome(out.newest);
    if (!comes.ok()) return std::move(comes).status();
    out.added = *comes;
    return out;
  }

  // After Look, under the locks.
  Status Put(Imported* out, const AuditHead& audit) {
    audit_ = audit;
    unreadable_ = 0;
    const auto open = [this](size_t which) { return Open(which); };
    uint64_t newest = top_.real ? top_.real->n : 0;
    if (out->added == 0) {
      // A run that was killed may have left places free.
      STATEWARD_RETURN_IF_ERROR(placed_.FillIn(newest, versions_.size(), open));
    } else {
      STATEWARD_RETURN_IF_ERROR(parts_.states.ClaimName(grant_));
      Result<uint64_t> placed = placed_.Place(top_, static_cast<size_t>(out->added), open);
      if (!placed.ok()) return std::move(placed).status();
      newest = *placed;
      STATEWARD_RETURN_IF_ERROR(placed_.FillIn(newest, FillsDownTo(out->added), open));
    }
    out->unreadable = unreadable_;
    return Verify(newest, *out);
  }

 private:
  // Version `which` of the source as a version of this store. kNotFound, but for the newest: it is
  // no state.
  Result<Opened> Open(size_t which) {
    const SourceVersion& version = versions_[which];
    Result<SecretBytes> document = source_.Read(state_, version);
    // Its ID may be an address with a key in it.
    const std::string named = "version " + std::to_string(which + 1) + " from the newest on";
    if (!document.ok()) return std::move(document).status().At(named);
    Result<DocumentInfo> scanned = ScanDocument(*document);
    if (!scanned.ok() && which > 0) {
      ++unreadable_;
      return Status::NotFound(named + " is no state");
    }
    if (!scanned.ok()) {
      return Status(Code::kConflict,
                    "its newest version is no state: " + scanned.status().detail() +
                        "; nothing of it was imported. Put a whole one in its place, from a "
                        "backup for example, or leave it out with --names");
    }
    Opened out;
    VersionInfo& info = out.info.version;
    info.serial = scanned->serial;
    info.lineage = scanned->lineage;
    info.terraform_version = scanned->terraform_version;
    info.size = document->size();
    info.sha256 = Sha256(*document);
    info.writer = kPrincipal;
    info.operation = kOperation;
    info.imported_ms = parts_.clock.NowMs();
    info.time_ms = version.time_ms != 0 ? version.time_ms : info.imported_ms;
    info.note = ("from " + ShownAddress(state_.place) + ", by " + parts_.who).substr(0, kMaxNote);
    info.audit = audit_;
    out.document = *std::move(document);
    sent_[which] = info.sha256;
    return out;
  }

  // The original's blob under this name would be hidden by what comes.
  Status CheckOriginals() {
    if (top_.real) return Status();
    Grant grant = grant_;
    grant.legacy_ambiguous = false;
    Result<std::optional<LegacyState>> blob =
        ReadLegacy(parts_.storage, parts_.kms, LegacyNames{grant.legacy_ids, false}, id_);
    if (!blob.ok()) return std::move(blob).status();
    if (!blob->has_value()) return Status();
    return {Code::kConflict, "a state of terraform-backend lies under " + StateText(to_) +
                                 "; take that over with `statewardctl adopt`, or choose another "
                                 "name"};
  }

  // How many of the source's newest versions are put on top; 0: the newest is there already.
  Result<uint64_t> HowManyCome(const VersionInfo& newest) {
    if (!top_.real) return versions_.size();
    const VersionInfo& there = top_.real->info;
    const bool document = there.kind == RecordKind::kState;
    if (document && there.sha256 == newest.sha256) return uint64_t{0};
    if (there.kind == RecordKind::kMoved) {
      return Status(Code::kConflict, StateText(to_) + " " + WhereNow(to_, there.moved_to));
    }
    const bool deleted = there.kind == RecordKind::kTombstone;
    if (deleted && there.lineage != newest.lineage) return versions_.size();
    if (there.lineage != newest.lineage) {
      return Status(Code::kConflict, StateText(to_) + " is another state: its lineage is " +
                                         there.lineage + ", not " + newest.lineage);
    }
    if (newest.serial <= there.serial) {
      return Status(Code::kConflict, StateText(to_) + " has serial " +
                                         std::to_string(there.serial) +
                                         " already, and the source's newest version has " +
                                         std::to_string(newest.serial));
    }
    for (size_t which = 1; which < versions_.size(); ++which) {
      Result<Opened> version = Open(which);
      if (!version.ok() && version.status().code() == Code::kNotFound) continue;
      if (!version.ok()) return std::move(version).status();
      const VersionInfo& info = version->info.version;
      const bool follows = info.lineage == there.lineage && info.serial > there.serial;
      if (!follows) return uint64_t{which};
    }
    return versions_.size();
  }

  // Below what comes there may be places that a killed run left, when the source went on since.
  size_t FillsDownTo(uint64_t added) const {
    auto below = sent_.find(static_cast<size_t>(added));
    const bool same = top_.real && below != sent_.end() && below->second == top_.real->info.sha256;
    return same ? versions_.size() : static_cast<size_t>(added);
  }

  // What lies here now, opened, against what came.
  Status Verify(uint64_t newest, const Imported& out) const {
    for (const auto& [which, sha256] : sent_) {
      if (which >= newest || which >= std::max<uint64_t>(out.added, 1)) continue;
      Result<Opened> opened = history_.Open(id_, newest - which);
      if (!opened.ok()) return std::move(opened).status().At("what was imported");
      if (Sha256(opened->document) != sha256) {
        return Status::Corruption(StateText(to_) + ": version " + std::to_string(newest - which) +
                                  " is not what the source has");
      }
      if (which > 0) continue;
      const DocumentCounts counts = CountsOf(opened->document);
      if (counts.resources != out.counts.resources || counts.outputs != out.counts.outputs) {
        return Status::Corruption(StateText(to_) + ": it holds other resources than the source");
      }
    }
    return Status();
  }

  // The sealed front of a record has room for so much more than names and lineage.
  static constexpr size_t kMaxNote = 512;

  const ImportParts& parts_;
  Source& source_;
  const SourceState& state_;
  const StateKey to_;
  const StateId id_;
  const Grant grant_;
  const History history_;
  const PlacedVersions placed_;
  AuditHead audit_;
  std::vector<SourceVersion> versions_;  // newest first
  PlacedVersions::Top top_;
  std::map<size_t, Sha256Digest> sent_;  // of the versions that were read
  uint64_t unreadable_ = 0;
};

Importer::Importer(ImportParts parts)
    : parts_(std::move(parts)), lock_id_(ToolLock::NewId(kOperation)) {}

Result<Imported> Importer::Look(Source& source, const SourceState& state,
                                const StateKey& to) const {
  return Run(parts_, source, state, to).Look();
}

Result<Imported> Importer::Import(Source& source, const SourceState& state,
                                  const StateKey& to) const {
  Run run(parts_, source, state, to);
  ToolLock lock(parts_.locker, parts_.states, kOperation, lock_id_);
  STATEWARD_RETURN_IF_ERROR(lock.Take({run.grant()}));
  Result<SourceLock> there = source.Lock(state);
  if (!there.ok()) return lock.GiveBack(std::move(there).status());
  Result<Imported> out = run.Look();
  Status done = out.ok() ? Status() : out.status();
  ChangeTrail trail(parts_.trail, parts_.clock, parts_.who, kOperation, to,
                    "from " + ShownAddress(state.place));
  AuditHead head;
  if (done.ok()) done = trail.Begin(&head);
  if (done.ok()) {
    out->source_lock = *there;
    done = run.Put(&*out, head);
    trail.End(done);
  }
  if (*there == SourceLock::kHeld) {
    Status freed = source.Unlock(state);
    if (done.ok() && !freed.ok()) done = std::move(freed).At("unlock at the source");
  }
  STATEWARD_RETURN_IF_ERROR(lock.GiveBack(std::move(done)));
  return out;
}

}  // namespace stateward
