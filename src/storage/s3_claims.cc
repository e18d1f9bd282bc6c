// The original's data and claims in the s3 storage.
#include <unordered_set>
#include <utility>

#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kLegacy[] = "legacy/";
constexpr uint64_t kClaimBytes = 2 * sizeof(Sha256Digest) + 1;

}  // namespace

// At the bucket's root, where the original put it: it knew no prefix.
Result<Bytes> S3Storage::GetLegacy(const std::string& legacy_id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(fs_layout::LegacyName(legacy_id), fs_layout::kMaxLegacy);
  if (object.ok() && object->bytes.empty()) return Status::Corruption("legacy state: empty");
  if (object.ok()) return std::move(object->bytes);
  if (object.status().code() != Code::kNotFound) return std::move(object).status();
  return Absent(std::move(object).status());
}

Status S3Storage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  std::vector<std::string> blobs;
  S3ListRequest root;
  root.folders = true;
  Status listed = client_->List(root, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      auto legacy_id = fs_layout::ParseLegacyName(object.key);
      if (legacy_id) blobs.push_back(std::move(*legacy_id));
    }
    return true;
  });
  if (!listed.ok()) {
    return std::move(listed).At(
        "terraform-backend's objects lie at the bucket's root, and listing them needs "
        "s3:ListBucket without a prefix");
  }
  // Behind the blobs: what is claimed meanwhile is seen as claimed.
  std::unordered_set<std::string> claimed;
  S3ListRequest claims;
  claims.prefix = prefix_ + kLegacy;
  if (!blobs.empty()) {
    STATEWARD_RETURN_IF_ERROR(client_->List(claims, [&](const S3Page& page) {
      for (const S3Page::Entry& object : page.objects) {
        claimed.insert(object.key.substr(claims.prefix.size()));
      }
      return true;
    }));
  }
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  for (const std::string& legacy_id : blobs) {
    if (!each({legacy_id, claimed.count(legacy_id) > 0})) return Status();
  }
  return Status();
}

Result<std::optional<StateId>> S3Storage::LegacyClaim(const std::string& legacy_id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(prefix_ + kLegacy + legacy_id, kClaimBytes);
  if (!object.ok()) {
    if (object.status().code() != Code::kNotFound) return std::move(object).status();
    STATEWARD_RETURN_IF_ERROR(marker_.Look());
    return std::optional<StateId>();
  }
  StateId id;
  std::string text(ByteView(object->bytes).AsString());
  if (text.size() != kClaimBytes || !StateId::Parse(text.substr(0, kClaimBytes - 1), &id)) {
    return Status::Corruption("legacy claim " + legacy_id);
  }
  return std::optional<StateId>(id);
}

Result<StateId> S3Storage::ClaimLegacy(const std::string& legacy_id, const StateId& id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3PutOutcome> put =
      client_->Put(prefix_ + kLegacy + legacy_id, id.hex() + "\n", S3Condition::Absent());
  if (!put.ok()) return std::move(put).status();
  if (put->done) return id;
  Result<std::optional<StateId>> claim = LegacyClaim(legacy_id);
  if (!claim.ok()) return std::move(claim).status();
  if (!claim->has_value()) return Status::Unavailable("legacy claim vanished");
  return std::move(**claim);
}

}  // namespace stateward
