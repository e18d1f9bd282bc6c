#include "state/newest.h"

#include <string>
#include <utility>

#include "base/sha256.h"
#include "state/document_scanner.h"
#include "state/legacy.h"

namespace stateward {
namespace {

Status AddLegacy(Storage& storage, Kms& kms, const Grant& grant, const StateId& id, Newest* out) {
  Result<std::optional<LegacyState>> legacy = ReadLegacy(storage, kms, grant, id);
  if (!legacy.ok()) {
    if (legacy.status().code() != Code::kCorruption) return std::move(legacy).status();
    out->damaged = true;
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

enum class Walk : uint8_t { kDone, kVanished };

// From record `out->head`, whose front is `front`, down to the newest version.
Result<Walk> WalkDown(Storage& storage, Kms& kms, const SealContext& head, Result<Bytes> front,
                      Newest* out) {
  SealContext at = head;
  while (at.n > 0) {
    if (!front.ok() && front.status().code() == Code::kNotFound) return Walk::kVanished;
    Result<SealedInfo> info =
        front.ok() ? kms.OpenInfo(at, *front) : Result<SealedInfo>(std::move(front).status());
    if (!info.ok() && info.status().code() != Code::kCorruption) return std::move(info).status();
    if (info.ok() && at.n == head.n) out->head_info = info->version;
    bool no_op = info.ok() && info->version.kind == RecordKind::kNoOp;
    if (no_op && info->version.newest_real < at.n) {
      at.n = info->version.newest_real;
      if (at.n > 0) front = storage.GetPrefix(at.id, at.n, Kms::kInfoPrefix);
      continue;
    }
    out->real = at.n;
    out->damaged = no_op || !info.ok();
    if (!out->damaged) out->version = NewestVersion{std::move(info->version), false};
    break;
  }
  return Walk::kDone;
}

}  // namespace

Result<Newest> LoadNewestRecord(Storage& storage, Kms& kms, const std::string& store_id,
                                const StateId& id) {
  for (int looks = 0; looks < kLooksAtNewest; ++looks) {
    Newest out;
    Result<Storage::Newest> newest = storage.GetNewestFront(id, Kms::kInfoPrefix);
    Result<Bytes> front = Bytes();
    if (newest.ok()) {
      out.head = newest->n;
      front = std::move(newest->bytes);
    } else if (newest.status().code() == Code::kCorruption) {
      Result<uint64_t> head = storage.Head(id);
      if (!head.ok()) return std::move(head).status();
      out.head = *head;
      front = std::move(newest).status();
    } else if (newest.status().code() == Code::kNotFound) {
      continue;  // pruned in between: there is a newer one
    } else {
      return std::move(newest).status();
    }
    Result<Walk> walk = WalkDown(storage, kms, {store_id, id, out.head}, std::move(front), &out);
    if (!walk.ok()) return std::move(walk).status();
    if (*walk == Walk::kDone) return out;
  }
  return Status::Unavailable("the newest version of state " + id.hex() + " is not where it was");
}

Result<std::optional<Opened>> OpenNewest(Storage& storage, Kms& kms, const std::string& store_id,
                                         const StateId& id) {
  for (int looks = 0; looks < kLooksAtNewest; ++looks) {
    Result<Storage::Newest> newest = storage.GetNewest(id);
    bool vanished = !newest.ok() && newest.status().code() == Code::kNotFound;
    if (!newest.ok() && !vanished) return std::move(newest).status();
    Result<Bytes> bytes = newest.ok() ? Result<Bytes>(std::move(newest->bytes)) : Bytes();
    uint64_t n = newest.ok() ? newest->n : 0;
    if (newest.ok() && n == 0) return std::optional<Opened>();
    while (n > 0) {
      Result<Opened> opened = kms.Open({store_id, id, n}, *bytes);
      if (!opened.ok()) return std::move(opened).status();
      if (opened->info.version.kind != RecordKind::kNoOp) {
        return std::optional<Opened>(std::move(*opened));
      }
      uint64_t below = opened->info.version.newest_real;
      if (below >= n) return Status::Corruption("a no-op record that points upwards");
      if (below == 0) return std::optional<Opened>();
      n = below;
      bytes = storage.Get(id, n);
      if (bytes.ok()) continue;
      if (bytes.status().code() != Code::kNotFound) return std::move(bytes).status();
      break;  // pruned in between: there is a newer one
    }
  }
  return Status::Unavailable("the newest version of state " + id.hex() + " is not where it was");
}

Result<Newest> LoadNewest(Storage& storage, Kms& kms, const std::string& store_id,
                          const Grant& grant, const StateId& id, bool legacy_read) {
  Result<Newest> out = LoadNewestRecord(storage, kms, store_id, id);
  if (!out.ok() || out->real > 0 || !legacy_read) return out;
  STATEWARD_RETURN_IF_ERROR(AddLegacy(storage, kms, grant, id, &*out));
  return out;
}

}  // namespace stateward
