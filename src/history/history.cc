#include "history/history.h"

#include <string_view>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "base/state_name.h"
#include "document/document_scanner.h"

namespace stateward {
namespace {

// One look walks down while versions are pruned at the same time: so often at most.
constexpr int kLooks = 4;

Status NotWhereItWas(const StateId& id) {
  return Status::Unavailable("the newest version of state " + id.hex() + " is not where it was");
}

// What a cache entry is sealed for: a place that no state can have, since a client's project is
// never empty.
StateKey CacheKey(const std::string& name) { return {"", "", "cache " + name}; }

// More than a record with a document of so many bytes ever has: what lies in front, a tag for each
// chunk, what a compressor adds where nothing can be made smaller.
uint64_t MostBytes(uint64_t document) { return Kms::kInfoPrefix + 65536 + 2 * document; }

Status PointsUpwards() { return Status::Corruption("a no-op record that points upwards"); }

bool Is(Code code, const Status& status) { return status.code() == code; }

}  // namespace

// From record `out->head`, whose front is `front`, down to the newest version.
Result<History::Walk> History::WalkDown(const StateId& id, Result<Bytes> front,
                                        NewestRecord* out) const {
  uint64_t n = out->head;
  while (n > 0) {
    if (!front.ok() && Is(Code::kNotFound, front.status())) return Walk::kVanished;
    Result<SealedInfo> info = front.ok() ? kms_.OpenInfo({store_id_, id, n}, *front)
                                         : Result<SealedInfo>(std::move(front).status());
    if (!info.ok() && !info.status().unreadable()) return std::move(info).status();
    if (info.ok() && n == out->head) out->head_info = info->version;
    bool no_op = info.ok() && info->version.kind == RecordKind::kNoOp;
    if (no_op && info->version.newest_real < n) {
      n = info->version.newest_real;
      if (n > 0) front = storage_.GetPrefix(id, n, Kms::kInfoPrefix);
      continue;
    }
    out->real = n;
    if (!info.ok()) {
      out->unreadable = std::move(info).status();
    } else if (no_op) {
      out->unreadable = PointsUpwards();
    } else {
      out->version = NewestVersion{std::move(info->version), false};
    }
    break;
  }
  return Walk::kDone;
}

Status History::AddLegacy(const StateId& id, const LegacyNames& names, NewestRecord* out) const {
  Result<std::optional<LegacyState>> legacy = ReadLegacy(storage_, kms_, names, id);
  if (!legacy.ok()) {
    if (!legacy.status().unreadable()) return std::move(legacy).status();
    out->unreadable = std::move(legacy).status();
    return Status();
  }
  if (!legacy->has_value()) return Status();
  NewestVersion version;
  version.legacy = true;
  version.info.sha256 = Sha256((*legacy)->document);
  // The original stored whatever it was sent: without serial and lineage any document may follow,
  // which serial 0 and no lineage of its own do not allow. So such a document is no version.
  Result<DocumentInfo> scanned = ScanDocument((*legacy)->document);
  out->legacy_id = (*legacy)->legacy_id;
  if (!scanned.ok()) return Status();
  version.info.serial = scanned->serial;
  version.info.lineage = scanned->lineage;
  out->version = std::move(version);
  return Status();
}

Result<NewestRecord> History::Look(const StateId& id, const LegacyNames& names) const {
  Result<NewestRecord> newest = LookAtRecords(id);
  if (!newest.ok() || newest->real > 0 || names.ids.empty()) return newest;
  STATEWARD_RETURN_IF_ERROR(AddLegacy(id, names, &*newest));
  return newest;
}

Result<NewestRecord> History::LookAtRecords(const StateId& id) const {
  for (int looks = 0; looks < kLooks; ++looks) {
    NewestRecord out;
    Result<Records::Newest> newest = storage_.GetNewestFront(id, Kms::kInfoPrefix);
    Result<Bytes> front = Bytes();
    if (newest.ok()) {
      out.head = newest->n;
      front = std::move(newest->bytes);
    } else if (Is(Code::kCorruption, newest.status())) {
      Result<uint64_t> head = storage_.Head(id);
      if (!head.ok()) return std::move(head).status();
      out.head = *head;
      front = std::move(newest).status();
    } else if (Is(Code::kNotFound, newest.status())) {
      continue;  // pruned in between: there is a newer one
    } else {
      return std::move(newest).status();
    }
    Result<Walk> walk = WalkDown(id, std::move(front), &out);
    if (!walk.ok()) return std::move(walk).status();
    if (*walk == Walk::kDone) return out;
  }
  return NotWhereItWas(id);
}

// Who can write into a store's folder and has no key can make a record long, and not its front say
// so.
Storage::FrontCheck History::ChecksSize(const StateId& id) const {
  return [this, id](uint64_t n, ByteView front, uint64_t size) {
    Result<SealedInfo> info = kms_.OpenInfo({store_id_, id, n}, front);
    if (!info.ok()) return std::move(info).status();
    if (size <= MostBytes(info->version.size)) return Status();
    return Status::Corruption("the record is longer than its document can make it");
  };
}

Result<std::optional<Opened>> History::OpenOnce(const StateId& id, bool* vanished) const {
  Result<Records::Newest> newest = storage_.GetNewestChecked(id, ChecksSize(id));
  *vanished = !newest.ok() && Is(Code::kNotFound, newest.status());
  if (!newest.ok()) return std::move(newest).status();
  uint64_t n = newest->n;
  Result<Bytes> bytes = std::move(newest->bytes);
  while (n > 0) {
    Result<Opened> opened = kms_.Open({store_id_, id, n}, *bytes);
    if (!opened.ok()) return std::move(opened).status();
    if (opened->info.version.kind != RecordKind::kNoOp) {
      opened->n = n;
      return std::optional<Opened>(std::move(*opened));
    }
    uint64_t below = opened->info.version.newest_real;
    if (below >= n) return PointsUpwards();
    n = below;
    if (n > 0) bytes = storage_.GetChecked(id, n, ChecksSize(id));
    *vanished = !bytes.ok() && Is(Code::kNotFound, bytes.status());
    if (!bytes.ok()) return std::move(bytes).status();
  }
  return std::optional<Opened>();
}

Result<std::optional<Opened>> History::OpenNewest(const StateId& id) const {
  for (int looks = 0; looks < kLooks; ++looks) {
    bool vanished = false;
    Result<std::optional<Opened>> newest = OpenOnce(id, &vanished);
    if (!vanished) return newest;
  }
  return NotWhereItWas(id);
}

Result<SealedInfo> History::Info(const StateId& id, uint64_t n) const {
  Result<Bytes> front = storage_.GetPrefix(id, n, Kms::kInfoPrefix);
  if (!front.ok()) return std::move(front).status();
  return kms_.OpenInfo({store_id_, id, n}, *front);
}

Status History::Each(const StateId& id, const std::function<bool(const VersionEntry&)>& each,
                     uint64_t below) const {
  Result<std::vector<uint64_t>> numbers = storage_.Versions(id);
  if (!numbers.ok()) return std::move(numbers).status();
  for (uint64_t n : *numbers) {
    if (n >= below) continue;
    Result<SealedInfo> info = Info(id, n);
    if (!info.ok() && Is(Code::kNotFound, info.status())) continue;
    if (!info.ok() && !info.status().unreadable()) return std::move(info).status();
    VersionEntry entry;
    entry.n = n;
    if (info.ok()) {
      entry.info = *std::move(info);
    } else {
      entry.status = std::move(info).status();
    }
    if (!each(entry)) break;
  }
  return Status();
}

Result<Opened> History::Open(const StateId& id, uint64_t n) const {
  Result<Bytes> record = storage_.GetChecked(id, n, ChecksSize(id));
  if (!record.ok()) return std::move(record).status();
  return kms_.Open({store_id_, id, n}, *record);
}

Result<AppendOutcome> History::Append(const StateId& id, uint64_t head, const SealedInfo& info,
                                      ByteView document, Bytes* sealed) const {
  Result<Bytes> record = kms_.Seal({store_id_, id, head + 1, storage_.Format()}, info, document);
  if (!record.ok()) return std::move(record).status();
  *sealed = *std::move(record);
  return storage_.Append(id, head, *sealed);
}

Status History::Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                        const SealedInfo& info, ByteView document) const {
  Result<Bytes> sealed = kms_.Seal({store_id_, id, n, storage_.Format()}, info, document);
  if (!sealed.ok()) return std::move(sealed).status();
  return storage_.Replace(id, n, expected, *sealed);
}

Result<SecretBytes> History::ReadCache(const std::string& name) const {
  Result<Bytes> sealed = storage_.ReadCache(name);
  if (!sealed.ok()) return std::move(sealed).status();
  Result<Opened> opened = kms_.Open({store_id_, StateId::Of(CacheKey(name)), 0}, *sealed);
  if (opened.ok()) return std::move(opened->document);
  if (opened.status().unreadable()) return Status::NotFound("the cache entry does not open");
  return std::move(opened).status();
}

Status History::WriteCache(const std::string& name, ByteView text) const {
  SealedInfo info;
  info.key = CacheKey(name);
  info.version.size = text.size();
  info.version.sha256 = Sha256(text);
  Result<Bytes> sealed =
      kms_.Seal({store_id_, StateId::Of(info.key), 0, storage_.Format()}, info, text);
  if (!sealed.ok()) return std::move(sealed).status();
  return storage_.WriteCache(name, *sealed);
}

Result<Bytes> History::SealUpload(const SealedInfo& info, ByteView document) const {
  return kms_.Seal({store_id_, StateId::Of(info.key), 0, storage_.Format()}, info, document);
}

Result<SealedInfo> History::UploadInfo(const KeptUpload& upload) const {
  Result<Bytes> front = storage_.GetUploadPrefix(upload, Kms::kInfoPrefix);
  if (!front.ok()) return std::move(front).status();
  return kms_.OpenInfo({store_id_, upload.id, 0}, *front);
}

Result<Opened> History::OpenUpload(const KeptUpload& upload) const {
  Result<Bytes> sealed = storage_.GetUpload(upload);
  if (!sealed.ok()) return std::move(sealed).status();
  return kms_.Open({store_id_, upload.id, 0}, *sealed);
}

}  // namespace stateward
