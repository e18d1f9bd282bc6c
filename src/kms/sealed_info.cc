#include "kms/sealed_info.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/big_endian.h"
#include "base/hex.h"
#include "kms/header.h"

namespace stateward {
namespace {

// A field is: tag (1 byte), length (2), value; tags ascend. Never give a tag a second meaning.
enum Tag : uint8_t {
  kProject = 1,
  kName = 2,
  kTenant = 3,
  kKind = 4,
  kSerial = 5,
  kLineage = 6,
  kTerraformVersion = 7,
  kSize = 8,
  kSha256 = 9,
  kWriter = 10,
  kOperation = 11,
  kLockId = 12,
  kLockBase = 13,
  kTimeMs = 14,
  kNewestReal = 15,  // of a no-op record alone, and always there
  kAudit = 16,
  kNote = 17,
  kPinned = 18,   // only 1; left out where it is not pinned
  kMovedTo = 19,  // of a forwarding record alone, and always there
  kImportedMs = 20,
};
constexpr size_t kFieldHead = 3;
// Of AuditHead: the chain's 8 bytes, the sequence, the MAC.
constexpr size_t kChainBytes = 8;
constexpr size_t kAuditBytes = kChainBytes + 8 + 32;
constexpr uint32_t kMustBeThere =
    1U << kProject | 1U << kName | 1U << kKind | 1U << kSize | 1U << kSha256;

Status Broken(const char* why) { return Status::Corruption(std::string("sealed info: ") + why); }

void PutHead(Tag tag, size_t n, SecretBytes* out) {
  out->push_back(tag);
  PutBigEndian(n, 2, out);
}

void PutNumber(Tag tag, uint64_t value, SecretBytes* out) {
  if (value == 0 && tag != kSize && tag != kNewestReal) return;
  PutHead(tag, 8, out);
  PutBigEndian(value, 8, out);
}

void PutText(Tag tag, const std::string& text, SecretBytes* out) {
  if (text.empty() && tag != kProject && tag != kName) return;
  PutHead(tag, text.size(), out);
  out->insert(out->end(), text.begin(), text.end());
}

bool TakeNumber(ByteView value, uint64_t* to) {
  if (value.size() != 8) return false;
  *to = GetBigEndian(value);
  return true;
}

bool TakePinned(ByteView value, bool* to) {
  uint64_t number = 0;
  *to = TakeNumber(value, &number) && number == 1;
  return *to;
}

bool TakeText(ByteView value, std::string* to) {
  *to = std::string(value.AsString());
  return true;
}

bool TakeKind(ByteView value, RecordKind* to) {
  if (value.size() != 1 || value[0] < static_cast<uint8_t>(RecordKind::kState) ||
      value[0] > static_cast<uint8_t>(RecordKind::kMoved)) {
    return false;
  }
  *to = static_cast<RecordKind>(value[0]);
  return true;
}

bool TakeDigest(ByteView value, Sha256Digest* to) {
  if (value.size() != to->size()) return false;
  std::copy(value.begin(), value.end(), to->begin());
  return true;
}

bool TakeTime(ByteView value, int64_t* to) {
  uint64_t bits = 0;
  if (!TakeNumber(value, &bits)) return false;
  *to = static_cast<int64_t>(bits);
  return true;
}

void PutAudit(const AuditHead& head, SecretBytes* out) {
  uint8_t chain[kChainBytes];
  if (!HexDecode(head.chain, chain, sizeof chain)) return;
  PutHead(kAudit, kAuditBytes, out);
  out->insert(out->end(), chain, chain + sizeof chain);
  PutBigEndian(head.sequence, 8, out);
  out->insert(out->end(), head.mac.begin(), head.mac.end());
}

bool TakeAudit(ByteView value, AuditHead* to) {
  if (value.size() != kAuditBytes) return false;
  to->chain = HexEncode(value.Sub(0, kChainBytes));
  to->sequence = GetBigEndian(value.Sub(kChainBytes, 8));
  return TakeDigest(value.Sub(kChainBytes + 8, to->mac.size()), &to->mac);
}

// False when the value cannot be one of this field.
bool TakeField(uint8_t tag, ByteView value, SealedInfo* info) {
  VersionInfo& version = info->version;
  switch (tag) {
    case kProject:
      return TakeText(value, &info->key.project);
    case kName:
      return TakeText(value, &info->key.name);
    case kTenant:
      return TakeText(value, &info->key.tenant);
    case kKind:
      return TakeKind(value, &version.kind);
    case kSerial:
      return TakeNumber(value, &version.serial);
    case kLineage:
      return TakeText(value, &version.lineage);
    case kTerraformVersion:
      return TakeText(value, &version.terraform_version);
    case kSize:
      return TakeNumber(value, &version.size);
    case kSha256:
      return TakeDigest(value, &version.sha256);
    case kWriter:
      return TakeText(value, &version.writer);
    case kOperation:
      return TakeText(value, &version.operation);
    case kLockId:
      return TakeText(value, &version.lock_id);
    case kLockBase:
      return TakeNumber(value, &version.lock_base);
    case kTimeMs:
      return TakeTime(value, &version.time_ms);
    case kNewestReal:
      return TakeNumber(value, &version.newest_real);
    case kAudit:
      return TakeAudit(value, &version.audit);
    case kNote:
      return TakeText(value, &version.note);
    case kPinned:
      return TakePinned(value, &version.pinned);
    case kMovedTo:
      return TakeText(value, &version.moved_to);
    case kImportedMs:
      return TakeTime(value, &version.imported_ms);
    default:
      return true;  // of a later version
  }
}

}  // namespace

Result<SecretBytes> EncodeSealedInfo(const SealedInfo& info) {
  const VersionInfo& version = info.version;
  const size_t texts = info.key.project.size() + info.key.name.size() + info.key.tenant.size() +
                       version.lineage.size() + version.terraform_version.size() +
                       version.writer.size() + version.operation.size() + version.lock_id.size() +
                       version.note.size() + version.moved_to.size();
  // All fields together, numbers and heads included, take less than 224 bytes without the texts.
  constexpr size_t kRest = 224;
  if (texts > kMaxInfo - kRest) {
    return Status::InvalidArgument("names, lineage and lock texts are too long to seal");
  }
  SecretBytes out;
  out.reserve(texts + kRest);  // in one piece: growing would copy and free what is secret
  PutText(kProject, info.key.project, &out);
  PutText(kName, info.key.name, &out);
  PutText(kTenant, info.key.tenant, &out);
  PutHead(kKind, 1, &out);
  out.push_back(static_cast<uint8_t>(version.kind));
  PutNumber(kSerial, version.serial, &out);
  PutText(kLineage, version.lineage, &out);
  PutText(kTerraformVersion, version.terraform_version, &out);
  PutNumber(kSize, version.size, &out);
  PutHead(kSha256, version.sha256.size(), &out);
  out.insert(out.end(), version.sha256.begin(), version.sha256.end());
  PutText(kWriter, version.writer, &out);
  PutText(kOperation, version.operation, &out);
  PutText(kLockId, version.lock_id, &out);
  PutNumber(kLockBase, version.lock_base, &out);
  PutNumber(kTimeMs, static_cast<uint64_t>(version.time_ms), &out);
  if (version.kind == RecordKind::kNoOp) PutNumber(kNewestReal, version.newest_real, &out);
  PutAudit(version.audit, &out);
  PutText(kNote, version.note, &out);
  PutNumber(kPinned, version.pinned ? 1 : 0, &out);
  PutText(kMovedTo, version.moved_to, &out);
  PutNumber(kImportedMs, static_cast<uint64_t>(version.imported_ms), &out);
  return out;
}

Result<SealedInfo> DecodeSealedInfo(ByteView bytes) {
  SealedInfo info;
  uint32_t seen = 0;
  int last_tag = 0;
  while (!bytes.empty()) {
    if (bytes.size() < kFieldHead) return Broken("ends within a field");
    const uint8_t tag = bytes[0];
    const size_t n = GetBigEndian(bytes.Sub(1, 2));
    if (bytes.size() - kFieldHead < n) return Broken("ends within a field");
    if (tag <= last_tag) return Broken("fields out of order");
    if (!TakeField(tag, bytes.Sub(kFieldHead, n), &info)) return Broken("a field of another form");
    if (tag < 32) seen |= 1U << tag;
    last_tag = tag;
    bytes = bytes.Sub(kFieldHead + n, bytes.size() - kFieldHead - n);
  }
  if ((seen & kMustBeThere) != kMustBeThere) return Broken("a field is missing");
  // A no-op record that does not say what is below it must not read as "nothing".
  const bool points = (seen & 1U << kNewestReal) != 0;
  if (points != (info.version.kind == RecordKind::kNoOp)) return Broken("a field is missing");
  const bool forwards = (seen & 1U << kMovedTo) != 0;
  if (forwards != (info.version.kind == RecordKind::kMoved)) return Broken("a field is missing");
  return info;
}

}  // namespace stateward
