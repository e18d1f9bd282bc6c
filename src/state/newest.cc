#include "state/newest.h"

#include <string>
#include <utility>

#include "base/sha256.h"
#include "document/document_scanner.h"
#include "state/legacy.h"

namespace stateward {
namespace {

Status AddLegacy(const History& history, const Grant& grant, const StateId& id, Newest* out) {
  Result<std::optional<LegacyState>> legacy =
      ReadLegacy(history.claims(), history.kms(), grant, id);
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

}  // namespace

Result<Newest> LoadNewest(const History& history, const Grant& grant, const StateId& id,
                          bool legacy_read) {
  Result<NewestRecord> record = history.Look(id);
  if (!record.ok()) return std::move(record).status();
  Newest out;
  out.head = record->head;
  out.unreadable = std::move(record->unreadable);
  out.head_info = std::move(record->head_info);
  out.real = record->real;
  if (record->version) out.version = NewestVersion{*std::move(record->version), false};
  if (out.real > 0 || !legacy_read) return out;
  STATEWARD_RETURN_IF_ERROR(AddLegacy(history, grant, id, &out));
  return out;
}

}  // namespace stateward
