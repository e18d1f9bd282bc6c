// A backup is written.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "history/history.h"
#include "moving/backup.h"
#include "moving/backup_layout.h"
#include "moving/store_pass.h"
#include "moving/tar.h"
#include "state/lock_info.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

using backup_layout::kFirst;
using backup_layout::kIdDigits;
using backup_layout::kIdentity;
using backup_layout::kManifest;
using backup_layout::kTitle;
using backup_layout::UploadPath;

// How far the clocks of two servers may be apart: a move so short before the backup counts as one
// while it was made, and costs another run.
constexpr int64_t kClocksDifferMs = 5LL * 60 * 1000;
// While one is looked at, a state gets a newer record and loses the one before so often at most.
constexpr int kLooks = 4;

class Writer {
 public:
  Writer(Storage& from, const History& history, const Clock& clock, FILE* to)
      : history_(history), from_(from), tar_(to), now_ms_(clock.NowMs()) {}

  Result<BackupCounts> Run(const StoreIdentity& identity, const BackupProgress& progress) {
    STATEWARD_RETURN_IF_ERROR(Add(kFirst, kTitle + std::string("id ") + RandomHex(kIdDigits / 2) +
                                              "\ntime " + FormatTime(now_ms_) + "\n"));
    STATEWARD_RETURN_IF_ERROR(Add(kIdentity, fs_layout::FormatMarker(identity)));
    STATEWARD_RETURN_IF_ERROR(AddStates(progress));
    STATEWARD_RETURN_IF_ERROR(AddUploads());
    STATEWARD_RETURN_IF_ERROR(AddBlobs());
    // Behind the records: a claim without what it stands for does no harm, the other way round
    // does.
    STATEWARD_RETURN_IF_ERROR(AddClaims());
    for (const auto& [from, to] : moves_) STATEWARD_RETURN_IF_ERROR(AddEndOfMove(from, to));
    const std::string manifest = std::exchange(manifest_, {});
    STATEWARD_RETURN_IF_ERROR(Add(kManifest, manifest));
    STATEWARD_RETURN_IF_ERROR(tar_.Finish());
    return counts_;
  }

 private:
  // What was read of a state.
  struct Read {
    uint64_t n = 0;  // the newest record; 0: there was none
    Sha256Digest digest{};
    bool shows = false;     // it has a version
    bool forwards = false;  // the newest one is a forwarding record
  };

  Status Add(const std::string& name, ByteView bytes) {
    manifest_ += HexEncode(Sha256(bytes)) + "  " + name + "\n";
    return tar_.Add(name, bytes, now_ms_);
  }

  // A move makes the new address whole before it empties the old one. So a list that was made after
  // an empty one was read has the new address, too.
  Status AddStates(const BackupProgress& progress) {
    for (bool more = true; more;) {
      std::vector<StateId> ids;
      STATEWARD_RETURN_IF_ERROR(from_.List([&](const StateId& id) {
        if (added_.count(id.hex()) == 0) ids.push_back(id);
        return true;
      }));
      for (const StateId& id : ids) {
        STATEWARD_RETURN_IF_ERROR(AddState(id));
        added_.try_emplace(id.hex());
        ++counts_.states;
        if (progress) progress(added_.size(), added_.size() + ids.size());
      }
      more = !ids.empty();
    }
    return Status();
  }

  Status AddState(const StateId& id) {
    for (int i = 0; i < kLooks; ++i) {
      Result<std::vector<uint64_t>> numbers = from_.Versions(id);
      if (!numbers.ok()) return std::move(numbers).status();
      if (numbers->empty()) return Status();
      Result<Bytes> newest = from_.Get(id, numbers->front());
      // The newest record goes only where a newer one came: then what is there is looked at again.
      if (!newest.ok() && newest.status().code() == Code::kNotFound) continue;
      if (!newest.ok()) return std::move(newest).status();
      Read read{numbers->front(), Sha256(*newest), true, false};
      STATEWARD_RETURN_IF_ERROR(LookInto(id, *newest, &read));
      STATEWARD_RETURN_IF_ERROR(AddRecord(id, numbers->front(), *newest));
      added_[id.hex()] = read;
      return AddOlder(id, *numbers);
    }
    return Status::Unavailable("state " + id.hex() + " changes all the time");
  }

  Status AddRecord(const StateId& id, uint64_t n, ByteView sealed) {
    STATEWARD_RETURN_IF_ERROR(Add(fs_layout::VersionPath(id, n), sealed));
    ++counts_.records;
    return Status();
  }

  Status AddOlder(const StateId& id, const std::vector<uint64_t>& numbers) {
    for (size_t i = 1; i < numbers.size(); ++i) {
      if (numbers[i] == numbers[i - 1]) continue;
      Result<Bytes> sealed = from_.Get(id, numbers[i]);
      if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;  // pruned
      if (!sealed.ok()) return std::move(sealed).status();
      STATEWARD_RETURN_IF_ERROR(AddRecord(id, numbers[i], *sealed));
    }
    return Status();
  }

  // True: nothing came to a state since it was read, so its records had come before.
  Result<bool> IsAsRead(const StateId& id) const {
    const uint64_t n = added_.at(id.hex()).n;
    Result<std::vector<uint64_t>> numbers = from_.Versions(id);
    if (!numbers.ok()) return std::move(numbers).status();
    if (n == 0 || numbers->empty() || numbers->front() != n) return false;
    Result<Bytes> newest = from_.Get(id, n);
    if (!newest.ok() && newest.status().code() == Code::kNotFound) return false;
    if (!newest.ok()) return std::move(newest).status();
    return Sha256(*newest) == added_.at(id.hex()).digest;
  }

  // Of the newest record, which only without a document can be something else than a version.
  Status LookInto(const StateId& id, const Bytes& sealed, Read* read) const {
    if (sealed.size() > Kms::kInfoPrefix) return Status();
    Result<SealedInfo> info = history_.OpenFront(id, {read->n, sealed});
    // A lock may have taken a number away above it.
    if (info.ok() && info->version.kind == RecordKind::kNoOp && info->version.newest_real > 0) {
      info = history_.Info(id, info->version.newest_real);
    }
    if (!info.ok() && info.status().code() == Code::kUnavailable) return std::move(info).status();
    if (!info.ok()) return Status();  // it is taken along as it is; `backup verify` names it
    read->shows = info->version.kind != RecordKind::kNoOp;
    return CheckNotMoved(*info, read);
  }

  // The new address may have been read before its records came.
  Status CheckNotMoved(const SealedInfo& info, Read* read) const {
    const std::optional<StateId> to = MovedTo(info);
    read->forwards = to.has_value();
    const bool before = info.version.time_ms < now_ms_ - kClocksDifferMs;
    // One that was not read yet is read after this one.
    if (!to || before || added_.count(to->hex()) == 0) return Status();
    Result<bool> as_read = IsAsRead(*to);
    if (!as_read.ok()) return std::move(as_read).status();
    if (*as_read) return Status();
    return Lacks(info);
  }

  // `info`: of its forwarding record.
  static Status Lacks(const SealedInfo& info) {
    return {Code::kConflict, StateText(info.key) + " " + WhereNow(info.key, info.version.moved_to) +
                                 ", since the backup was begun, which may lack it; make it again"};
  }

  // The old address may have been read before the move, and the new one after it: then the archive
  // has the state at both, and gets the forwarding record, too.
  Status AddEndOfMove(const StateId& from, const StateId& to) {
    const Read& read = added_.at(from.hex());
    if (read.forwards || !read.shows) return Status();
    Result<NewestRecord> old = history_.Look(from);
    if (!old.ok()) return std::move(old).status();
    if (!old->unreadable.ok() || !old->version) return Status();
    Result<SealedInfo> here = history_.Info(from, old->real);
    if (!here.ok()) return std::move(here).status();
    if (here->version.kind != RecordKind::kMoved) return CheckNotAtBoth(from, *here, to);
    const std::optional<StateId> named = MovedTo(*here);
    if (!named || !(*named == to)) return Status();  // this move of it was not ended
    // What came there since may be what the move brought.
    if (!added_.at(to.hex()).shows) return Lacks(*here);
    Result<bool> as_read = IsAsRead(to);
    if (!as_read.ok()) return std::move(as_read).status();
    if (!*as_read) return Lacks(*here);
    Result<Bytes> sealed = from_.Get(from, old->real);
    return sealed.ok() ? AddRecord(from, old->real, *sealed) : std::move(sealed).status();
  }

  Result<bool> Has(const StateId& id, const VersionInfo& version) const {
    bool has = false;
    Status walked = history_.Each(id, [&](const VersionEntry& entry) {
      has = entry.status.ok() && IsCopy(entry.info.version, version);
      return !has;
    });
    if (!walked.ok()) return walked;
    return has;
  }

  // A move that is under way, or was broken off: the two go on from one version.
  Status CheckNotAtBoth(const StateId& from, const SealedInfo& here, const StateId& to) const {
    if (!added_.at(to.hex()).shows) return Status();
    Result<NewestRecord> now = history_.Look(to);
    if (!now.ok()) return std::move(now).status();
    if (!now->version || now->version->info.kind != RecordKind::kState ||
        here.version.kind != RecordKind::kState) {
      return Status();
    }
    // When both went on they are two states, and no move ends that.
    Result<bool> one = Has(to, here.version);
    if (one.ok() && !*one) one = Has(from, now->version->info);
    if (!one.ok()) return std::move(one).status();
    if (!*one) return Status();
    Result<SealedInfo> there = history_.Info(to, now->real);
    if (!there.ok()) return std::move(there).status();
    return {Code::kConflict,
            StateText(here.key) + " is being moved to " + StateText(there->key) +
                ", or such a move was broken off: end it with the same `statewardctl "
                "mv`, and make the backup again"};
  }

  // A move and a rekey give an upload another name, and take the old one away when the new one is
  // there. So a list that was made after the old one was not found, or not told, has the new one.
  Status AddUploads() {
    std::set<std::string> seen;  // paths that were added, or were gone
    for (bool more = true; more;) {
      more = false;
      Result<std::vector<KeptUpload>> uploads = from_.ListUploads();
      if (!uploads.ok()) return std::move(uploads).status();
      for (const KeptUpload& upload : *uploads) {
        if (!seen.insert(UploadPath(upload)).second) continue;
        Result<Bytes> sealed = from_.GetUpload(upload);
        more = true;
        if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;
        if (!sealed.ok()) return std::move(sealed).status();
        STATEWARD_RETURN_IF_ERROR(Add(UploadPath(upload), *sealed));
        ++counts_.uploads;
      }
    }
    return Status();
  }

  // A folder of a network may tell a name twice while it changes; twice in it, a backup is none.
  Status AddBlobs() {
    std::set<std::string> names;
    STATEWARD_RETURN_IF_ERROR(from_.ListLegacy([&names](const NameClaims::LegacyBlob& blob) {
      names.insert(blob.legacy_id);
      return true;
    }));
    for (const std::string& name : names) {
      Result<Bytes> blob = from_.GetLegacy(name);
      if (!blob.ok()) return std::move(blob).status();
      STATEWARD_RETURN_IF_ERROR(Add(fs_layout::LegacyName(name), *blob));
      ++counts_.blobs;
    }
    return Status();
  }

  Status AddClaims() {
    Status failed;
    Result<StoreCopy*> copy = CopyOf(from_);
    if (!copy.ok()) return std::move(copy).status();
    std::map<std::string, StateId> targets;  // of moves, by the names of their claims
    for (const auto& [hex, read] : added_) {
      StateId id;
      if (read.n > 0 && StateId::Parse(hex, &id)) targets[MoveClaim(id)] = id;
    }
    std::set<std::string> seen;
    STATEWARD_RETURN_IF_ERROR((*copy)->EachClaim([&](const std::string& name, const StateId& id) {
      if (!seen.insert(name).second) return true;
      failed = Add(std::string(fs_layout::kLegacy) + "/" + name, id.hex() + "\n");
      const auto target = targets.find(name);
      if (target != targets.end() && added_.count(id.hex()) > 0) {
        moves_.emplace_back(id, target->second);
      }
      ++counts_.claims;
      return failed.ok();
    }));
    return failed;
  }

  const History& history_;
  Storage& from_;
  TarWriter tar_;
  const int64_t now_ms_;
  std::map<std::string, Read> added_;               // by the ids of states
  std::vector<std::pair<StateId, StateId>> moves_;  // from, to: of all that were ever begun
  std::string manifest_;
  BackupCounts counts_;
};

}  // namespace

Result<BackupCounts> WriteBackup(Storage& from, Kms& kms, const Clock& clock, FILE* to,
                                 const BackupProgress& progress) {
  Result<StoreIdentity> identity = from.ReadIdentity();
  if (!identity.ok()) return std::move(identity).status();
  const History history(from, kms, identity->store_id);
  return Writer(from, history, clock, to).Run(*identity, progress);
}

}  // namespace stateward
