#include "moving/backup.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "moving/backup_layout.h"
#include "moving/store_pass.h"
#include "moving/tar.h"
#include "state/lock_info.h"
#include "state/store_gate.h"
#include "state/store_secret.h"
#include "stateward/closed_store.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

using backup_layout::kFirst;
using backup_layout::kIdDigits;
using backup_layout::kIdentity;
using backup_layout::kManifest;
using backup_layout::kTitle;

// A file of a backup, by its name.
struct Item {
  enum class Kind : uint8_t { kRecord, kUpload, kClaim, kBlob } kind = Kind::kRecord;
  StateId id;         // of a record
  uint64_t n = 0;     // of a record
  KeptUpload upload;  // of an upload
  std::string name;   // of a claim, a blob
};

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

struct BackupHead {
  std::string id;
  StoreIdentity identity;
};
using ItemFn = std::function<Status(const BackupHead&, const Item&, const Bytes&)>;

// Of what is there twice nobody knows which one is right. `manifest`: lines as
// sha256sum writes them.
Status CheckNoneTwice(std::string_view manifest) {
  constexpr size_t kBeforeName = 2 * sizeof(Sha256Digest) + 2;
  std::vector<std::string_view> names;
  while (!manifest.empty()) {
    const size_t end = manifest.find('\n');
    names.push_back(manifest.substr(kBeforeName, end - kBeforeName));
    manifest.remove_prefix(end + 1);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? Status()
                              : Status::Corruption("archive: two of " + std::string(*twice));
}

// Reads a backup to its end, and proves by its manifest that nothing is missing or other, nor there
// twice.
Result<BackupHead> ReadBackup(FILE* from, const ItemFn& each) {
  BackupHead head;
  std::string manifest;
  bool ended = false;
  const auto take = [&](const std::string& name, const Bytes& bytes) -> Status {
    const std::string_view text = ByteView(bytes).AsString();
    if (ended) return Status::Corruption("archive: something comes behind its manifest");
    if (name == kManifest) {
      ended = true;
      return text == manifest ? CheckNoneTwice(manifest)
                              : Status::Corruption("archive: not what its manifest says");
    }
    const bool second = (name == kFirst && !head.id.empty()) ||
                        (name == kIdentity && !head.identity.store_id.empty());
    if (second) return Status::Corruption("archive: two of " + name);
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
  using BadFn = std::function<void(const std::string&)>;
  Restorer(Kms& kms, Storage& to, RestoreAs as, const BadFn& bad)
      : kms_(kms), to_(to), as_(as), bad_(bad) {}

  Status Begin(const BackupHead& head) {
    Result<StoreCopy*> copy = CopyOf(to_);
    if (!copy.ok()) return std::move(copy).status();
    copy_ = *copy;
    old_ = head.identity;
    backup_ = "from backup " + head.id;
    Result<SecretBytes> secret = OpenStoreSecret(kms_, old_);
    if (!secret.ok()) return std::move(secret).status().At("the keys do not open this backup");
    Result<StoreIdentity> there = to_.ReadIdentity();
    if (there.ok()) {
      const std::string why = IsClosed(*there) ? WhyClosed(*there) : "";
      const bool ours = (why == Why(kWhyRestoring) || why == Why(kWhyRestored)) &&
                        (there->store_id == old_.store_id) == (as_ == RestoreAs::kOldIdentity);
      if (!ours) return {Code::kConflict, "there is a store already"};
      store_id_ = there->store_id;
      return Status();
    }
    if (there.status().code() != Code::kNotFound) return std::move(there).status();
    StoreIdentity identity = old_;
    if (as_ == RestoreAs::kNewIdentity) {
      identity.store_id = RandomHex(kIdDigits / 2);
      Result<Bytes> sealed = SealStoreSecret(kms_, identity.store_id, identity.format, *secret);
      if (!sealed.ok()) return std::move(sealed).status();
      identity.sealed_secret = *std::move(sealed);
    }
    store_id_ = identity.store_id;
    return to_.WriteIdentity(ClosedStore(std::move(identity), Why(kWhyRestoring)), nullptr);
  }

  // All of it is there.
  Status End() {
    Result<StoreIdentity> now = to_.ReadIdentity();
    if (!now.ok()) return std::move(now).status();
    if (WhyClosed(*now) == Why(kWhyRestored)) return Status();
    return to_.WriteIdentity(ClosedStore(*now, Why(kWhyRestored)), &*now);
  }
  uint64_t bad() const { return count_bad_; }

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
  std::string Why(std::string_view begin) const { return std::string(begin) + backup_; }
  Result<Bytes> Sealed(const StateId& id, uint64_t n, const Bytes& bytes) {
    Result<Opened> opened = kms_.Open({old_.store_id, id, n}, bytes);
    if (!opened.ok() && opened.status().unreadable()) {
      // Left out, an older version would be taken for the newest.
      const std::string what = n > 0 ? "record " + std::to_string(n) : "kept upload";
      bad_(what + " of state " + id.hex() + ": " + opened.status().detail());
      ++count_bad_;
      return bytes;
    }
    if (!opened.ok()) return std::move(opened).status();
    if (as_ == RestoreAs::kOldIdentity) return bytes;
    opened->info.version.audit = {};  // a line of the old store's trail: another one's here
    return kms_.Seal({store_id_, id, n, old_.format}, opened->info, opened->document);
  }

  Kms& kms_;
  Storage& to_;
  StoreCopy* copy_ = nullptr;
  const RestoreAs as_;
  const BadFn& bad_;
  uint64_t count_bad_ = 0;
  std::string backup_;
  StoreIdentity old_;
  std::string store_id_;
};

}  // namespace

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

Result<BackupCounts> RestoreBackup(FILE* from, Kms& kms, Storage& to, RestoreAs as,
                                   const std::function<void(const std::string&)>& bad) {
  Result<BackupHead> whole =
      ReadBackup(from, [](const BackupHead&, const Item&, const Bytes&) { return Status(); });
  if (!whole.ok()) return std::move(whole).status();
  STATEWARD_RETURN_IF_ERROR(Rewind(from));
  Restorer restorer(kms, to, as, bad);
  STATEWARD_RETURN_IF_ERROR(restorer.Begin(*whole));
  BackupCounts counts;
  std::set<std::string> states;
  Result<BackupHead> again =
      ReadBackup(from, [&](const BackupHead&, const Item& item, const Bytes& bytes) {
        Count(item, &states, &counts);
        return restorer.Put(item, bytes);
      });
  if (!again.ok()) return std::move(again).status();
  STATEWARD_RETURN_IF_ERROR(restorer.End());
  counts.bad = restorer.bad();
  return counts;
}

}  // namespace stateward
