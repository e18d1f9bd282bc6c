#include "moving/backup.h"

#include <cerrno>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "history/history.h"
#include "moving/store_pass.h"
#include "moving/tar.h"
#include "state/lock_info.h"
#include "state/store_gate.h"
#include "state/store_secret.h"
#include "stateward/closed_store.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

constexpr char kTitle[] = "stateward backup 1\n";
constexpr char kFirst[] = "backup";
constexpr char kIdentity[] = "identity";
constexpr char kManifest[] = "manifest";
constexpr size_t kIdDigits = 32;
// How far the clocks of two servers may be apart: a move so short before the backup counts as one
// while it was made, and costs another run.
constexpr int64_t kClocksDifferMs = 5LL * 60 * 1000;
// While one is looked at, a state gets a newer record and loses the one before so often at most.
constexpr int kLooks = 4;

// A file of a backup, by its name.
struct Item {
  enum class Kind : uint8_t { kRecord, kUpload, kClaim, kBlob } kind = Kind::kRecord;
  StateId id;         // of a record
  uint64_t n = 0;     // of a record
  KeptUpload upload;  // of an upload
  std::string name;   // of a claim, a blob
};

std::string UploadPath(const KeptUpload& upload) {
  return std::string(fs_layout::kUploads) + "/" + upload.principal_tag + "/" +
         fs_layout::UploadName(upload);
}

std::optional<Item> ParseItem(const std::string& path) {
  Item item;
  if (std::optional<std::string> blob = fs_layout::ParseLegacyName(path)) {
    item.kind = Item::Kind::kBlob;
    item.name = *std::move(blob);
    return item;
  }
  std::vector<std::string> parts{""};
  for (char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (parts.size() == 4 && parts[0] == fs_layout::kStates && StateId::Parse(parts[2], &item.id)) {
    item.n = fs_layout::ParseVersion(parts[3]).value_or(0);
    if (item.n > 0 && fs_layout::VersionPath(item.id, item.n) == path) return item;
  }
  if (parts.size() == 3 && parts[0] == fs_layout::kUploads && IsHex(parts[1], kIdDigits)) {
    item.kind = Item::Kind::kUpload;
    std::optional<KeptUpload> upload = fs_layout::ParseUploadName(parts[1], parts[2]);
    if (upload) {
      item.upload = *std::move(upload);
      return item;
    }
  }
  if (parts.size() == 2 && parts[0] == fs_layout::kLegacy &&
      IsHex(parts[1], 2 * sizeof(Sha256Digest))) {
    item.kind = Item::Kind::kClaim;
    item.name = parts[1];
    return item;
  }
  return std::nullopt;
}

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
    const std::string manifest = std::exchange(manifest_, {});
    STATEWARD_RETURN_IF_ERROR(Add(kManifest, manifest));
    STATEWARD_RETURN_IF_ERROR(tar_.Finish());
    return counts_;
  }

 private:
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
        added_.insert(id.hex());
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
      STATEWARD_RETURN_IF_ERROR(CheckNotMoved(id, numbers->front(), *newest));
      STATEWARD_RETURN_IF_ERROR(AddRecord(id, numbers->front(), *newest));
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
      Result<Bytes> sealed = from_.Get(id, numbers[i]);
      if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;  // pruned
      if (!sealed.ok()) return std::move(sealed).status();
      STATEWARD_RETURN_IF_ERROR(AddRecord(id, numbers[i], *sealed));
    }
    return Status();
  }

  // Of the newest record: the new address may have been read before its records came.
  Status CheckNotMoved(const StateId& id, uint64_t n, const Bytes& sealed) const {
    if (sealed.size() > Kms::kInfoPrefix) return Status();  // a forwarding record has no document
    Result<SealedInfo> info = history_.OpenFront(id, {n, sealed});
    if (!info.ok() && info.status().code() == Code::kUnavailable) return std::move(info).status();
    if (!info.ok()) return Status();  // it is taken along as it is; `backup verify` names it
    const std::optional<StateId> to = MovedTo(*info);
    const bool before = info->version.time_ms < now_ms_ - kClocksDifferMs;
    // One that was not read yet is read after this one.
    if (!to || before || added_.count(to->hex()) == 0) return Status();
    return {Code::kConflict, info->key.project + "/" + info->key.name + " was moved to " +
                                 info->version.moved_to +
                                 " while the backup was made, which may lack it; make it again"};
  }

  Status AddUploads() {
    Result<std::vector<KeptUpload>> uploads = from_.ListUploads();
    if (!uploads.ok()) return std::move(uploads).status();
    for (const KeptUpload& upload : *uploads) {
      Result<Bytes> sealed = from_.GetUpload(upload);
      if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;
      if (!sealed.ok()) return std::move(sealed).status();
      STATEWARD_RETURN_IF_ERROR(Add(UploadPath(upload), *sealed));
      ++counts_.uploads;
    }
    return Status();
  }

  Status AddBlobs() {
    std::vector<std::string> names;
    STATEWARD_RETURN_IF_ERROR(from_.ListLegacy([&names](const NameClaims::LegacyBlob& blob) {
      names.push_back(blob.legacy_id);
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
    STATEWARD_RETURN_IF_ERROR((*copy)->EachClaim([&](const std::string& name, const StateId& id) {
      failed = Add(std::string(fs_layout::kLegacy) + "/" + name, id.hex() + "\n");
      ++counts_.claims;
      return failed.ok();
    }));
    return failed;
  }

  const History& history_;
  Storage& from_;
  TarWriter tar_;
  const int64_t now_ms_;
  std::set<std::string> added_;  // ids of states
  std::string manifest_;
  BackupCounts counts_;
};

struct BackupHead {
  std::string id;
  StoreIdentity identity;
};
using ItemFn = std::function<Status(const BackupHead&, const Item&, const Bytes&)>;

// Reads a backup to its end, and proves by its manifest that nothing is missing or other.
Result<BackupHead> ReadBackup(FILE* from, const ItemFn& each) {
  BackupHead head;
  std::string manifest;
  bool ended = false;
  const auto take = [&](const std::string& name, const Bytes& bytes) -> Status {
    const std::string_view text = ByteView(bytes).AsString();
    if (ended) return Status::Corruption("archive: something comes behind its manifest");
    if (name == kManifest) {
      ended = true;
      return text == manifest ? Status()
                              : Status::Corruption("archive: not what its manifest says");
    }
    manifest += HexEncode(Sha256(bytes)) + "  " + name + "\n";
    if (name == kFirst) {
      const std::string begin = kTitle + std::string("id ");
      if (text.substr(0, begin.size()) == begin) head.id = text.substr(begin.size(), kIdDigits);
      return IsHex(head.id, kIdDigits) ? Status() : Status::Corruption("archive: no backup of 1");
    }
    if (head.id.empty()) return Status::Corruption("archive: it is no backup");
    if (name == kIdentity) {
      Result<StoreIdentity> identity = fs_layout::ParseMarker(bytes);
      if (!identity.ok()) return std::move(identity).status();
      head.identity = *std::move(identity);
      return Status();
    }
    const std::optional<Item> item = ParseItem(name);
    if (!item) return Status::Corruption("archive: what is " + name + "?");
    if (head.identity.store_id.empty()) return Status::Corruption("archive: no identity file");
    return each(head, *item, bytes);
  };
  STATEWARD_RETURN_IF_ERROR(ReadTar(from, take));
  if (!ended) return Status::Corruption("archive: it ends before its manifest");
  return head;
}

void Count(const Item& item, std::set<std::string>* states, BackupCounts* counts) {
  switch (item.kind) {
    case Item::Kind::kRecord:
      states->insert(item.id.hex());
      counts->states = states->size();
      ++counts->records;
      return;
    case Item::Kind::kUpload:
      ++counts->uploads;
      return;
    case Item::Kind::kClaim:
      ++counts->claims;
      return;
    case Item::Kind::kBlob:
      ++counts->blobs;
      return;
  }
}

Status Rewind(FILE* file) {
  return std::fseek(file, 0, SEEK_SET) == 0 ? Status() : FromErrno("the backup", errno);
}

// Puts the items into a closed store.
class Restorer {
 public:
  Restorer(Kms& kms, Storage& to, RestoreAs as) : kms_(kms), to_(to), as_(as) {}

  Status Begin(const BackupHead& head) {
    Result<StoreCopy*> copy = CopyOf(to_);
    if (!copy.ok()) return std::move(copy).status();
    copy_ = *copy;
    old_ = head.identity;
    const std::string why = std::string(kWhyRestored) + "from backup " + head.id +
                            "; `statewardctl init --locks` opens it";
    Result<StoreIdentity> there = to_.ReadIdentity();
    if (there.ok()) {
      const bool ours = IsClosed(*there) && WhyClosed(*there) == why &&
                        (there->store_id == old_.store_id) == (as_ == RestoreAs::kOldIdentity);
      if (!ours) return {Code::kConflict, "there is a store already"};
      store_id_ = there->store_id;
      return Status();
    }
    if (there.status().code() != Code::kNotFound) return std::move(there).status();
    StoreIdentity identity = old_;
    if (as_ == RestoreAs::kNewIdentity) {
      identity.store_id = RandomHex(kIdDigits / 2);
      Result<SecretBytes> secret = OpenStoreSecret(kms_, old_);
      if (!secret.ok()) return std::move(secret).status();
      Result<Bytes> sealed = SealStoreSecret(kms_, identity.store_id, identity.format, *secret);
      if (!sealed.ok()) return std::move(sealed).status();
      identity.sealed_secret = *std::move(sealed);
    }
    store_id_ = identity.store_id;
    return to_.WriteIdentity(ClosedStore(std::move(identity), why), nullptr);
  }

  Status Put(const Item& item, const Bytes& bytes) {
    switch (item.kind) {
      case Item::Kind::kRecord: {
        Result<Bytes> sealed = Sealed(item.id, item.n, bytes);
        return sealed.ok() ? copy_->PutRecord(item.id, item.n, *sealed)
                           : std::move(sealed).status();
      }
      case Item::Kind::kUpload: {
        KeptUpload upload = item.upload;
        Result<Bytes> sealed = Sealed(upload.id, 0, bytes);
        if (!sealed.ok()) return std::move(sealed).status();
        upload.size = sealed->size();
        return to_.PutUpload(upload, *sealed);
      }
      case Item::Kind::kClaim: {
        StateId id;
        const std::string text(ByteView(bytes).AsString());
        if (!StateId::Parse(text.substr(0, text.find('\n')), &id)) {
          return Status::Corruption("claim " + item.name);
        }
        Result<StateId> claimant = to_.ClaimLegacy(item.name, id);
        return claimant.ok() ? Status() : std::move(claimant).status();
      }
      case Item::Kind::kBlob:
        return copy_->PutLegacy(item.name, bytes);
    }
    return Status::Internal("an item of no kind");
  }

 private:
  Result<Bytes> Sealed(const StateId& id, uint64_t n, const Bytes& bytes) {
    if (as_ == RestoreAs::kOldIdentity) return bytes;
    Result<Opened> opened = kms_.Open({old_.store_id, id, n}, bytes);
    if (!opened.ok()) return std::move(opened).status();
    opened->info.version.audit = {};  // a line of the old store's trail: another one's here
    return kms_.Seal({store_id_, id, n, old_.format}, opened->info, opened->document);
  }

  Kms& kms_;
  Storage& to_;
  StoreCopy* copy_ = nullptr;
  const RestoreAs as_;
  StoreIdentity old_;
  std::string store_id_;
};

}  // namespace

Result<BackupCounts> WriteBackup(Storage& from, Kms& kms, const Clock& clock, FILE* to,
                                 const BackupProgress& progress) {
  Result<StoreIdentity> identity = from.ReadIdentity();
  if (!identity.ok()) return std::move(identity).status();
  const History history(from, kms, identity->store_id);
  return Writer(from, history, clock, to).Run(*identity, progress);
}

Result<BackupCounts> VerifyBackup(FILE* from, Kms& kms,
                                  const std::function<void(const std::string&)>& bad) {
  BackupCounts counts;
  std::set<std::string> states;
  const auto note = [&](const std::string& what, const Status& why) {
    // A service that does not answer says nothing of the record.
    if (!why.unreadable()) return why;
    ++counts.bad;
    bad(what + ": " + why.detail());
    return Status();
  };
  Result<BackupHead> head =
      ReadBackup(from, [&](const BackupHead& now, const Item& item, const Bytes& bytes) -> Status {
        Count(item, &states, &counts);
        if (item.kind == Item::Kind::kClaim) return Status();
        if (item.kind == Item::Kind::kBlob) {
          Result<SecretBytes> opened = kms.OpenLegacy(bytes);
          return opened.ok() ? Status() : note("blob " + item.name, opened.status());
        }
        const bool record = item.kind == Item::Kind::kRecord;
        const StateId& id = record ? item.id : item.upload.id;
        Result<Opened> opened = kms.Open({now.identity.store_id, id, item.n}, bytes);
        if (opened.ok()) return Status();
        const std::string what = record ? "record " + std::to_string(item.n) : "kept upload";
        return note(what + " of state " + id.hex(), opened.status());
      });
  if (!head.ok()) return std::move(head).status();
  Result<SecretBytes> secret = OpenStoreSecret(kms, head->identity);
  if (!secret.ok()) STATEWARD_RETURN_IF_ERROR(note("the store's secret", secret.status()));
  return counts;
}

Result<BackupCounts> RestoreBackup(FILE* from, Kms& kms, Storage& to, RestoreAs as) {
  Result<BackupHead> whole =
      ReadBackup(from, [](const BackupHead&, const Item&, const Bytes&) { return Status(); });
  if (!whole.ok()) return std::move(whole).status();
  STATEWARD_RETURN_IF_ERROR(Rewind(from));
  Restorer restorer(kms, to, as);
  STATEWARD_RETURN_IF_ERROR(restorer.Begin(*whole));
  BackupCounts counts;
  std::set<std::string> states;
  Result<BackupHead> again =
      ReadBackup(from, [&](const BackupHead&, const Item& item, const Bytes& bytes) {
        Count(item, &states, &counts);
        return restorer.Put(item, bytes);
      });
  if (!again.ok()) return std::move(again).status();
  return counts;
}

}  // namespace stateward
