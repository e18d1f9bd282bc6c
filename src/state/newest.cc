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

}  // namespace

Result<Newest> LoadNewest(Storage& storage, Kms& kms, const std::string& store_id,
                          const Grant& grant, const StateId& id, bool legacy_read) {
  Newest out;
  Result<Storage::Newest> newest = storage.GetNewestFront(id, Kms::kInfoPrefix);
  if (!newest.ok() && newest.status().code() == Code::kCorruption) {
    Result<uint64_t> head = storage.Head(id);
    if (!head.ok()) return std::move(head).status();
    out.head = *head;
    out.damaged = true;
    return out;
  }
  if (!newest.ok() && newest.status().code() == Code::kNotFound) {
    return Status::Unavailable("the newest record vanished: " + newest.status().detail());
  }
  if (!newest.ok()) return std::move(newest).status();
  out.head = newest->n;
  uint64_t n = out.head;
  for (int steps = 0; n > 0 && steps < kMaxBurntInARow; --n, ++steps) {
    Result<Bytes> prefix = n == out.head ? Result<Bytes>(std::move(newest->bytes))
                                         : storage.GetPrefix(id, n, Kms::kInfoPrefix);
    if (!prefix.ok() && prefix.status().code() == Code::kNotFound) break;  // pruned
    Result<SealedInfo> info = prefix.ok() ? kms.OpenInfo({store_id, id, n}, *prefix)
                                          : Result<SealedInfo>(std::move(prefix).status());
    if (!info.ok()) {
      if (info.status().code() != Code::kCorruption) return std::move(info).status();
      out.damaged = true;
      return out;
    }
    if (n == out.head) out.head_info = info->version;
    if (info->version.kind == RecordKind::kBurnt) continue;
    out.version = NewestVersion{std::move(info->version), false};
    return out;
  }
  if (legacy_read) STATEWARD_RETURN_IF_ERROR(AddLegacy(storage, kms, grant, id, &out));
  return out;
}

}  // namespace stateward
